"""Rows of the security checklist that need no server; docs/security.md says which test is whose."""

import re
import time
from pathlib import Path

import pytest

from sse_hub.broker.acl import LIVE_COMMANDS, LOG_COMMANDS, hub_rules
from sse_hub.http.page.assets import JQUERY
from sse_hub.hub.line_templates import is_error, template_of
from sse_hub.protocol.lines import normalize
from tests.rig import PATIENCE, ROOT
from tests.whole_app import whole_app

LIMIT = 1_048_576
SCRIPTS = sorted((ROOT / "sse_hub" / "broker" / "lua").glob("*.lua"))
PINNED = r"^[\w.-]+(?:\[\w+\])?==\S+"
HOSTILE = {
    "brackets": b"[" * LIMIT,
    "pairs": b"[]" * (LIMIT // 2),
    "objects": b'{"a":' * (LIMIT // 5),
    "names": b'{"@channel":' * (LIMIT // 12),
    "quotes": b'{"a":"' + b'\\"' * (LIMIT // 2),
    "escapes": b'{"a":"' + b"\\u0000" * (LIMIT // 6) + b'"}',
    "digits": b'{"a":' + b"9" * LIMIT + b"}",
}
"""Lines that take long wherever they are parsed without a care."""


@pytest.mark.parametrize("kind", HOSTILE)
def test_s14_to_look_at_a_hostile_line_costs_no_time(kind: str) -> None:
    """The survey passes over what is larger."""
    line, _ = normalize(HOSTILE[kind][: LIMIT // 2], LIMIT)

    def look() -> float:
        begun = time.process_time()
        template_of(line)
        is_error(line)
        return time.process_time() - begun

    assert min(look() for _ in range(3)) < 0.05 * PATIENCE


def test_s04_jquery_comes_with_the_hub_and_is_none_of_the_old_ones() -> None:
    found = re.search(rb"jQuery v(\d+)\.(\d+)", JQUERY.read_bytes()[:200])
    assert found

    assert (int(found[1]), int(found[2])) >= (3, 5)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', (ROOT / "web" / "index.html").read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_s18_a_script_asks_for_nothing_that_its_account_may_not(script: Path) -> None:
    used = {name.lower() for name in re.findall(r"redis\.p?call\('(\w+)'", script.read_text())}
    granted = {word.removeprefix("+").split("|")[0] for word in f"{LIVE_COMMANDS} {LOG_COMMANDS}".split()}
    # `sse-hub ship` has an account of its own, see docs/publishers.md.
    granted |= {"pubsub"} if script.stem == "ship" else set()

    assert used <= granted | {"hsetnx"}


def test_s18_an_account_has_no_command_for_a_server_as_a_whole() -> None:
    words = set(hub_rules(["app.*"]).split())

    assert not {word for word in words if "@" in word}
    for command in ("flushall", "config", "keys", "eval", "debug", "shutdown", "acl", "monitor", "replicaof"):
        assert f"+{command}" not in words


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_s21_a_script_makes_no_code_of_what_it_is_given(script: Path) -> None:
    code = re.sub(r"--.*", "", script.read_text())

    assert not re.search(r"\b(loadstring|load|dofile|require|setfenv|getfenv|_G)\b", code)
    # Keys are those that it was called with, and never put together from text.
    for key in re.findall(r"redis\.p?call\('(?!TIME|PUBSUB|PUBLISH|XINFO)\w+',\s*([^,)]+)", code):
        assert re.fullmatch(r"KEYS\[[\w# +-]+\]|[\w.]+", key.strip()), key


@pytest.mark.parametrize(("lock", "least"), [("run", 20), ("test", 20), ("fuzz", 1), ("build", 1)])
def test_s25_whatever_is_installed_is_pinned_and_hashed(lock: str, least: int) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    hashed = re.findall(PINNED + r"[^\\\n]*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)

    assert len(hashed) == len(re.findall(PINNED, text, re.MULTILINE)) > least


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile"])
def test_s25_nothing_is_installed_without_its_hash(file: str) -> None:
    installs = re.findall(r"-m pip .*\b(?:install|wheel)\b.*", (ROOT / file).read_text())

    assert installs
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line] == []
    # Isolated, what builds a wheel would be fetched for it, whatever --no-deps says.
    assert [line for line in installs if " wheel " in line and "--no-build-isolation" not in line] == []


def test_s25_what_makes_the_wheel_is_locked() -> None:
    [needed] = re.findall(r'^requires = \["([\w-]+)', (ROOT / "pyproject.toml").read_text(), re.M)

    assert f"\n{needed}==" in "\n" + (ROOT / "requirements" / "build.lock").read_text()


def test_s25_nothing_is_on_that_helps_to_find_faults() -> None:
    app = whole_app()

    assert not app.config.INSPECTOR
    assert not app.config.AUTO_RELOAD
    assert not app.debug


def test_the_table_of_the_checklist_has_every_row_and_names_tests_that_there_are() -> None:
    rows = re.findall(r"^\| S(\d+) \|.*\| ([^|]*) \|$", (ROOT / "docs" / "security.md").read_text(), re.M)
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.M)
    }

    assert [int(number) for number, _ in rows] == list(range(1, 27))
    for number, tests in rows:
        named = re.findall(r"`(test_\w+)`", tests)
        assert named, f"S{number} has no test"
        assert set(named) <= defined, f"S{number} names tests that are not there: {set(named) - defined}"
