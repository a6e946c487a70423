"""The page's reader and the terminal's make the same record (C10) of fixtures, and of what chance makes of them."""

import json
import random
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sse_hub.formats.levels import NAMES, NONE
from sse_hub.formats.reader import read_line
from tests.support.programs import node_binary
from tests.support.settings import PATIENCE, ROOT, at_scale

ARRIVED_MS = int(datetime(2026, 11, 21, 3, 50, 20, tzinfo=UTC).timestamp() * 1000)
FIXTURES = [case["line"] for case in json.loads((ROOT / "tests/fixtures/formats.json").read_text(encoding="utf-8"))]
INSERTED = [
    *' \t\n\r"\\[]{}<>|:=-,./%0159aE',
    "ERROR",
    " [warn] ",
    '{"a":1}',
    " level=info ",
    "\x1b[31m",
    "新",
    "--",
    "  ",
]
ROUNDS = at_scale(8, 400)


def mutations() -> Iterator[str]:
    """Fixtures with pieces taken out, doubled, exchanged or put in."""
    chance = random.Random(15)
    for _ in range(ROUNDS):
        for line in FIXTURES:
            start = chance.randrange(len(line) + 1)
            end = min(len(line), start + chance.choice((0, 1, 1, 2, 5, 20)))
            other = chance.choice(FIXTURES)
            put = chance.choice((chance.choice(INSERTED), line[start:end] * 2, other[: chance.randrange(30)]))
            yield line[:start] + put + line[end:]


def read_by_the_page(lines: list[str]) -> list[dict[str, Any]]:
    command = [node_binary(), str(ROOT / "tests/fixtures/read-lines.mjs"), str(ARRIVED_MS)]
    result = subprocess.run(
        command, input=json.dumps(lines).encode(), capture_output=True, timeout=120 * PATIENCE, check=True
    )
    return list(json.loads(result.stdout))


def read_by_the_terminal(line: str) -> dict[str, Any]:
    record = read_line(line, ARRIVED_MS)
    return {
        "time": record.time.ms if record.time else None,
        "level": None if record.level == NONE else NAMES[record.level],
        "word": record.level_word,
        "logger": record.logger,
        "message": record.message,
        "error": [record.error.type, record.error.message] if record.error else None,
        "pid": record.pid,
        "host": record.host,
        "thread": record.thread,
        "fields": sorted(record.fields),
        "format": record.format,
    }


def differences(lines: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """The lines that the readers read differently, and what each of them reads."""
    found = []
    for line, page in zip(lines, read_by_the_page(lines), strict=True):
        terminal = read_by_the_terminal(line)
        differing = {part: (page[part], terminal[part]) for part in page if page[part] != terminal[part]}
        if differing:
            found.append((line, differing))
    return found


def test_both_readers_give_up_on_the_same_lines_of_full_length() -> None:
    long = "x" * 65_600
    lines = [
        json.dumps({"@t": "2026-11-21T03:50:18Z", "@mt": "{a} {b} {a} {c}", "a": "short", "b": long, "c": 1}),
        json.dumps({"@t": "2026-11-21T03:50:18Z", "@mt": "{a}" * 30_000, "a": long}),
        json.dumps({"msg": f"%s %s {long}", "args": [1, 2], "levelno": 30}),
        f'a {long[:65_000]} {{"level": "error", "message": "b"}}',
        f'a {long} {{"level": "error", "message": "b"}}',
        "a" + ' {"a":[' * 8 + long + "}",
    ]

    assert differences(lines) == []
    assert [len(read_line(line, ARRIVED_MS).message or "") for line in lines[:2]] == [len("short {b} {a} {c}"), 90_000]


def test_c10_both_readers_make_the_same_record_of_every_fixture() -> None:
    assert differences(FIXTURES) == []


def test_c10_both_readers_make_the_same_record_of_lines_nobody_has_written() -> None:
    assert differences(list(mutations())) == []
