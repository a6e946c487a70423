"""
The page's pure modules, tested by node's own test runner.
"""

import subprocess
from pathlib import Path

from tests.support.programs import node_binary

JS = Path(__file__).parents[3] / "web" / "js"
MAX_LINES = 300
TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


def test_the_pages_modules_pass_their_node_tests() -> None:
    command = [node_binary(), "--test", "--test-reporter=tap", *map(str, TESTS)]

    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert TESTS
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_module_of_the_page_is_long() -> None:
    lines = {path.relative_to(JS).as_posix(): path.read_text().count("\n") for path in JS.rglob("*.js")}

    assert lines["main.js"]
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}
