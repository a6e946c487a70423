"""The order of the modules, as `sse_hub/__init__.py` states it, is the order of their imports."""

import ast
import re
from pathlib import Path

import pytest

import sse_hub

PACKAGE = Path(sse_hub.__file__).parent
ORDER = re.findall(r"\w+", (sse_hub.__doc__ or "").split("errors <", 1)[1], re.ASCII)
LAYERS = ["errors", *ORDER]
PACKAGES = ["access", "canary", "demo", "docker", "logging", "ops", "pipe", "ship", "watch"]
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")

# Who may import what from outside, where it says something about the architecture.
ALLOWED = {
    "redis": {
        "aging",
        "fence",
        "step",
        "log",
        "lease",
        "recorder",
        "publish",
        "address",
        "pool",
        "source",
        "context",
        "app",
        "embedded",
        "connection",
    },
    "hiredis": {"session"},
    "sanic": {
        "reply",
        "stream",
        "transfer",
        "context",
        "porter",
        "refusal",
        "caller",
        "headers",
        "metrics",
        "reference",
        "page",
        "door",
        "routes",
        "questions",
        "app",
        "serve",
    },
    "orjson": {"lines", "frames", "masks", "export", "porter", "app"},
    "prometheus_client": {"exposition"},
    "click": {"options", "launch", "cli"},
}
OPS_PURE = ["ops/finding"]
CANARY_PURE = [f"canary/{name}" for name in ("decoder", "lines", "ledger", "holes", "latency", "judge", "report")]
ACCESS_PURE = [f"access/{name}" for name in ("grant", "knock", "keyring", "rules")]
SHELL_PURE = [
    "docker/containers",
    "docker/messages",
    "docker/tracker",
    "docker/usage",
    "ship/records",
    "pipe/payload",
    "watch/safe",
    "watch/record",
    "watch/show",
]
PURE = [
    *CANARY_PURE,
    *OPS_PURE,
    *ACCESS_PURE,
    "acl",
    "redis_url",
    *SHELL_PURE,
    "events",
    "lines",
    "repeats",
    "selection",
    "frames",
    "masks",
    "ring",
    "position",
    "encoding",
    "backlog",
    "guard",
    "pages",
    "stretch",
    "whence",
    "origin",
    "body",
]


def imports_of(module: str) -> set[str]:
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_every_module_has_its_place_in_the_order() -> None:
    assert sorted(set(LAYERS) - set(PACKAGES)) == MODULES
    assert sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")) == PACKAGES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_modules_before_it(module: str) -> None:
    before = set(LAYERS[: LAYERS.index(module)])

    ours = {name.split(".")[1] for name in imports_of(module) if name.startswith("sse_hub.")}

    assert ours <= before, f"{module} imports {ours - before}, which come after it"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_itself_and_modules_before_it(package: str) -> None:
    allowed = {package, *LAYERS[: LAYERS.index(package)]}

    for path in (PACKAGE / package).glob("*.py"):
        ours = {name.split(".")[1] for name in imports_of(f"{package}/{path.stem}") if name.startswith("sse_hub.")}
        assert ours <= allowed, f"{path.name} imports {ours - allowed}, which come after {package}"


@pytest.mark.parametrize("library", ALLOWED)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    users = {module for module in MODULES if any(name.split(".")[0] == library for name in imports_of(module))}

    assert users <= ALLOWED[library]


@pytest.mark.parametrize("module", PURE)
def test_what_must_be_exactly_right_does_no_io(module: str) -> None:
    assert not imports_of(module) & {"asyncio", "socket", "time", "threading", "os"}


@pytest.mark.parametrize("module", [str(p.relative_to(PACKAGE).with_suffix("")) for p in PACKAGE.rglob("*.py")])
def test_a_module_says_what_it_is_and_stays_readable(module: str) -> None:
    text = (PACKAGE / f"{module}.py").read_text()

    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 260
