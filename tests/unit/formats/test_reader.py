"""The terminal's reader: it gives for every line of the fixtures what the page's reader gives (C10)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.formats.levels import NAMES, NONE
from sse_hub.formats.reader import read_line
from sse_hub.protocol.ids import iso_time
from tests.support.settings import ROOT

ARRIVED_MS = int(datetime(2026, 11, 21, 3, 50, 20, tzinfo=UTC).timestamp() * 1000)
CASES: list[dict[str, Any]] = json.loads((ROOT / "tests/fixtures/formats.json").read_text(encoding="utf-8"))
PARTS = ("time", "level", "levelRaw", "logger", "message", "error", "fields", "pid", "host", "thread", "file", "trace")


def parts_of(line: str) -> dict[str, Any]:
    record = read_line(line, ARRIVED_MS)
    return {
        "time": iso_time(record.time.ms) if record.time else None,
        "level": None if record.level == NONE else NAMES[record.level],
        "levelRaw": record.level_word,
        "error": record.error.type if record.error else None,
        "message": record.message,
        "logger": record.logger,
        "fields": record.fields,
        "pid": record.pid,
        "host": record.host,
        "thread": record.thread,
        "file": record.file,
        "trace": record.trace,
    }


@pytest.mark.parametrize("case", CASES, ids=[str(case["name"]) for case in CASES])
def test_c10_a_line_becomes_the_record_that_the_page_shows(case: dict[str, Any]) -> None:
    found = parts_of(case["line"])
    fields = case.get("fields", {})

    assert {part: found[part] for part in PARTS if part in case and part != "fields"} == {
        part: case[part] for part in PARTS if part in case and part != "fields"
    }
    assert {name: found["fields"].get(name) for name in fields} == fields


@given(st.text(alphabet=st.one_of(st.sampled_from(' \t\n\r\\"[]{}<>|:=-,.@%0159aEZ\u2028\x1b'), st.characters())))
def test_any_text_becomes_a_record(text: str) -> None:
    for line in (text, json.dumps({"info": text}), json.dumps({"level": text, "message": text, "time": text})):
        record = read_line(line, ARRIVED_MS)

        assert record.message is not None or record.fields or line.lstrip().startswith("{")


@pytest.mark.parametrize("depth", [100, 990, 100_000])
def test_a_deeply_nested_line_becomes_a_record(depth: int) -> None:
    assert read_line('{"a":' * depth + "1" + "}" * depth)
    assert read_line('{"info":' * depth + '"x"' + "}" * depth)
