"""The layout of the tests, as tests/README.md describes it."""

import ast
import re

from tests.support.settings import ROOT

TESTS = ROOT / "tests"


def test_no_test_module_is_imported_by_another_module() -> None:
    imports = {
        f"{path.relative_to(TESTS)} imports {node.module}"
        for path in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and re.search(r"^tests\.(unit|integration|browser)\b", node.module or "")
    }

    assert imports == set()


def test_each_package_has_a_folder_of_unit_tests() -> None:
    packages = {path.parent.name for path in (ROOT / "sse_hub").glob("*/__init__.py")}

    assert packages <= {path.name for path in (TESTS / "unit").iterdir()}


def test_the_readme_of_the_tests_lists_every_folder_and_support_module() -> None:
    readme = (TESTS / "README.md").read_text()
    rows = " ".join(re.findall(r"^\| (`.*?) \| ", readme, re.M))
    folders = {path.name for path in (TESTS / "integration").iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in (TESTS / "support").glob("*.py")} - {"__init__"}

    assert folders == set(re.findall(r"`integration/(\w+)/`", rows))
    assert modules <= set(re.findall(r"`(\w+)`", rows))
