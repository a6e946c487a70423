"""
The page's pure modules, tested by node's own test runner.
"""

import json
import re
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path
from posixpath import dirname, join, normpath

from tests.support.programs import node_binary
from tests.support.settings import PATIENCE

WEB = Path(__file__).parents[3] / "web"
JS = WEB / "js"
IMPORT = re.compile(r'^(?:import|export) \{[^}]*\} from "(\.[^"]+)";$', re.MULTILINE)
LATER = re.compile(r'\bimport\("(\.[^"]+)"\)')
# Lowest first. `store` and `connection` know nothing of each other: `app` brings them together.
MAY_IMPORT = {
    "i18n": (),
    "format": ("i18n",),
    "protocol": ("format", "i18n"),
    "normalise": ("protocol", "format", "i18n"),
    "query": ("normalise", "protocol", "format", "i18n"),
    "store": ("query", "normalise", "protocol", "format", "i18n"),
    "connection": ("protocol", "format", "i18n"),
    "app": ("store", "connection", "query", "normalise", "protocol", "format", "i18n"),
    "views": ("app", "store", "connection", "query", "normalise", "protocol", "format", "i18n"),
    "features": ("views", "app", "store", "connection", "query", "normalise", "protocol", "format", "i18n"),
    "main": ("features", "views", "app", "store", "connection", "query", "normalise", "protocol", "format", "i18n"),
}
TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


def test_the_pages_modules_pass_their_node_tests() -> None:
    command = [node_binary(), "--test", "--test-reporter=tap", *map(str, TESTS)]

    result = subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE, check=False)

    assert TESTS
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_folder_of_the_page_imports_only_the_folders_it_may() -> None:
    found = {
        (module, target)
        for module in modules()
        for target in imports_of(module)
        if layer_of(target) not in (layer_of(module), *MAY_IMPORT[layer_of(module)])
    }

    assert found == set()
    assert {layer_of(module) for module in modules()} == set(MAY_IMPORT)


def test_no_module_of_the_page_imports_itself_by_way_of_others() -> None:
    TopologicalSorter({module: imports_of(module) for module in modules()}).prepare()


def test_every_text_that_the_page_names_exists() -> None:
    texts = json.loads((WEB / "lang" / "en.json").read_text())
    sources = [(JS / module).read_text() for module in modules()]
    named = {key for source in sources for key in re.findall(r'(?<![\w.])t\((?:[^"()`]*\? )?"([^"]+)"', source)}
    named |= set(re.findall(r'data-i18n(?:-\w+)?="([^"]+)"', (WEB / "index.html").read_text()))
    commands = re.findall(r'^  \["\w+", "(\w+)", ', (JS / "app" / "commands.js").read_text(), re.MULTILINE)

    assert len(commands) > 50
    assert (named | {f"command.{name}" for name in commands}) - texts.keys() == set()


def modules() -> list[str]:
    """All modules of the page but `theme`, which is a plain script, by their paths below `web/js`."""
    return sorted(path.relative_to(JS).as_posix() for path in JS.rglob("*.js") if path.name != "theme.js")


def layer_of(module: str) -> str:
    """The folder of a module, or "main"."""
    return module.split("/")[0].removesuffix(".js")


def imports_of(module: str) -> list[str]:
    """The modules that a module imports, at once or later, by their paths below `web/js`."""
    text = (JS / module).read_text()
    paths = IMPORT.findall(text) + LATER.findall(text)
    return [normpath(join(dirname(module), path)) for path in paths]
