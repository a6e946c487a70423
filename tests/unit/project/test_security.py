"""Rows of the security checklist that need no server. docs/security.md lists the tests of each row."""

import re
import time
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from sse_hub.broker.acl import LIVE_COMMANDS, LOG_COMMANDS, hub_rules
from sse_hub.http.page.assets import JQUERY
from sse_hub.hub.line_templates import LineTemplates, is_error
from sse_hub.protocol.lines import normalize
from tests.support.hub_app import hub_app
from tests.support.settings import PATIENCE, ROOT

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
def test_s14_sampling_a_hostile_line_takes_little_time(kind: str) -> None:
    """The survey passes over what is larger."""
    line, _ = normalize(HOSTILE[kind][: LIMIT // 2], LIMIT)

    def look() -> float:
        begun = time.process_time()
        LineTemplates().template_of(line)
        is_error(line)
        return time.process_time() - begun

    assert min(look() for _ in range(3)) < 0.05 * PATIENCE


def test_s04_jquery_is_the_file_that_its_makers_publish() -> None:
    """Dependencies: XStatic-jQuery is packed by a third party. The digest is that of code.jquery.com, and of npm."""
    digest = b64encode(sha256(JQUERY.read_bytes()).digest()).decode()

    assert (JQUERY.name, digest) == ("jquery.slim.min.js", "kmHvs0B+OpCW5GVHUNjv9rOmY0IvSIRcf7zGUDTDQM8=")


def test_s04_jquery_is_served_by_the_hub_and_is_not_an_old_version() -> None:
    found = re.search(rb"jQuery v(\d+)\.(\d+)", JQUERY.read_bytes()[:200])
    assert found

    assert (int(found[1]), int(found[2])) >= (3, 5)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', (ROOT / "web" / "index.html").read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_s18_a_script_uses_only_commands_its_account_may_use(script: Path) -> None:
    used = {name.lower() for name in re.findall(r"redis\.p?call\('(\w+)'", script.read_text())}
    granted = {word.removeprefix("+").split("|")[0] for word in f"{LIVE_COMMANDS} {LOG_COMMANDS}".split()}
    # Only in a cluster.
    granted |= {"cluster"} if script.stem == "clock" else set()
    # `sse-hub ship` has a separate account, see docs/publishers.md.
    granted |= {"pubsub"} if script.stem == "ship" else set()

    assert used <= granted | {"hsetnx"}


def test_s18_no_account_has_server_wide_commands() -> None:
    words = set(hub_rules(["app.*"]).split())

    assert not {word for word in words if "@" in word}
    for command in ("flushall", "config", "keys", "eval", "debug", "shutdown", "acl", "monitor", "replicaof"):
        assert f"+{command}" not in words


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_s21_a_script_never_evaluates_its_input_as_code(script: Path) -> None:
    code = re.sub(r"--.*", "", script.read_text())

    assert not re.search(r"\b(loadstring|load|dofile|require|setfenv|getfenv|_G)\b", code)
    # A script uses only the keys it was called with, and never builds keys from text.
    for key in re.findall(r"redis\.p?call\('(?!TIME|CLUSTER|PUBSUB|PUBLISH|XINFO|MEMORY)\w+',\s*([^,)]+)", code):
        assert re.fullmatch(r"KEYS\[[\w# +-]+\]|[\w.]+", key.strip()), key


@pytest.mark.parametrize(("lock", "least"), [("run", 20), ("test", 20), ("fuzz", 1), ("build", 1)])
def test_s25_every_requirement_is_pinned_and_hashed(lock: str, least: int) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    hashed = re.findall(PINNED + r"[^\\\n]*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)

    assert len(hashed) == len(re.findall(PINNED, text, re.MULTILINE)) > least


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile"])
def test_s25_every_installation_requires_hashes(file: str) -> None:
    installs = re.findall(r"-m pip .*\b(?:install|wheel)\b.*", (ROOT / file).read_text())

    assert installs
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line] == []
    # With build isolation, pip would download the build backend even with --no-deps.
    assert [line for line in installs if " wheel " in line and "--no-build-isolation" not in line] == []


def test_s25_the_build_backend_is_locked() -> None:
    [needed] = re.findall(r'^requires = \["([\w-]+)', (ROOT / "pyproject.toml").read_text(), re.M)

    assert f"\n{needed}==" in "\n" + (ROOT / "requirements" / "build.lock").read_text()


def test_s25_debugging_features_are_off() -> None:
    app = hub_app()

    assert not app.config.INSPECTOR
    assert not app.config.AUTO_RELOAD
    assert not app.debug


def test_the_security_checklist_has_every_row_and_names_only_existing_tests() -> None:
    rows = re.findall(r"^\| S(\d+) \|.*\| ([^|]*) \|$", (ROOT / "docs" / "security.md").read_text(), re.M)
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.M)
    }

    assert [int(number) for number, _ in rows] == list(range(1, 29))
    for number, tests in rows:
        named = re.findall(r"`(test_\w+)`", tests)
        assert named, f"S{number} has no test"
        assert set(named) <= defined, f"S{number} names missing tests: {set(named) - defined}"
