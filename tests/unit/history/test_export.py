"""Recorded lines as files in each format."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.history.export import Csv, Ndjson, Text, file_name
from sse_hub.history.merge import RecordedLine
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.lines import normalize
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap

NOW = 1795233018250
GAP = Gap("log", None, "1795233020000-0", None, "late")


def line(payload: bytes, channel: str = "log") -> RecordedLine:
    return RecordedLine(EventId(NOW, 7), channel, normalize(payload, 1_000)[0], NOW + 7)


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_an_exported_line_is_one_text_line_whatever_was_published(payloads: list[bytes]) -> None:
    lines = [line(payload) for payload in payloads]
    ndjson, text = Ndjson(single=True).rows(lines), Text().rows(lines)

    assert [json.loads(row) for row in ndjson.split(b"\n")[:-1]] == [
        {"@moment": NOW + 7} | json.loads(each.text) for each in lines
    ]
    assert len(text.decode().splitlines()) == len(lines)
    assert not set(text) & (set(range(32)) - {9, 10}) - {0x7F}


@given(st.lists(st.text(max_size=30), max_size=5))
def test_an_exported_csv_reads_back_as_published(texts: list[str]) -> None:
    lines = [line(text.encode(errors="replace")) for text in texts]
    sheet = (Csv().header() + Csv().rows(lines)).decode()

    rows = list(csv.reader(io.StringIO(sheet, newline="")))
    assert rows[0] == ["id", "time", "channel", "line"]
    assert [json.loads(row[3].lstrip("'")) for row in rows[1:]] == [json.loads(each.text) for each in lines]


def test_an_exported_text_is_plain_text_without_terminal_commands() -> None:
    lines = [line(b"plain\ttext"), line(b"a\r\n\x1b[31mb"), line(b'{"info": "kept", "n": 1}'), line(b'{"a":\n1}')]

    assert Text().rows(lines).decode().splitlines() == [
        "2026-11-21T03:50:18.257Z log plain\ttext",
        "2026-11-21T03:50:18.257Z log a\\r\\n\\u001b[31mb",
        '2026-11-21T03:50:18.257Z log {"info": "kept", "n": 1}',
        '2026-11-21T03:50:18.257Z log {"a": 1}',
    ]


def test_an_exported_object_that_only_resembles_wrapped_text_stays_json() -> None:
    texts = [b'{"info":"a","n":1}', b'{"info":"\\ud800"}', b'{"info":"a","info":2}']

    assert [row.split(" ", 2)[2] for row in Text().rows([line(text) for text in texts]).decode().splitlines()] == [
        text.decode() for text in texts
    ]


@pytest.mark.parametrize("channel", ["=x", "+x", "-x", "@x"])
def test_no_cell_of_an_exported_csv_is_a_formula(channel: str) -> None:
    for item in (RecordedLine(EventId(1, 1), channel, b"\t{}", 1), GAP._replace(channel=channel)):
        for cell in next(csv.reader(io.StringIO(Csv().rows([item]).decode(), newline=""))):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_part_of_a_row_is_a_formula_whatever_the_spreadsheet_splits_it_at(separator: str) -> None:
    """Where the comma is the decimal sign, Excel splits at semicolons, and quotes within a field mean nothing to it."""
    for start in "=+-@＝":
        for between in (";", "; ", "\t", ";;  "):
            attack = f"x{between}{start}cmd|' /C calc'!A1{between}y"
            row = Csv().rows([RecordedLine(EventId(1, 1), "log", json.dumps({"info": attack}).encode(), 1)]).decode()
            cells = next(csv.reader(io.StringIO(row, newline=""), delimiter=separator))
            assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@", "＝"))]


def test_a_gap_is_exported_in_every_format() -> None:
    words = "gap channel=log after=None before=1795233020000-0 lost=unknown reason=late"

    assert json.loads(Ndjson(single=True).rows([GAP])) == {"@gap": GAP._asdict()}
    assert Text().rows([GAP]).decode() == f"# {words}\n"
    assert Csv().rows([GAP]).decode() == f",2026-11-21T03:50:20.000Z,log,{words}\r\n"


def test_exported_lines_of_several_channels_begin_with_the_channel() -> None:
    assert Ndjson(single=False).rows([line(b'{"a": 1}', "shop")]) == (
        b'{"@channel":"shop","@moment":1795233018257,"a": 1}\n'
    )


@pytest.mark.parametrize(
    ("channels", "name"),
    [
        (["log"], "log-20261121T035018Z.csv"),
        (["../../etc/passwd"], "etc_passwd-20261121T035018Z.csv"),
        (["shop.*"], "shop-20261121T035018Z.csv"),
        (["*"], "channel-20261121T035018Z.csv"),
        (["a:b/c@d"], "a_b_c_d-20261121T035018Z.csv"),
        (["x" * 128], "x" * 64 + "-20261121T035018Z.csv"),
        (["a", "b"], "channels-20261121T035018Z.csv"),
    ],
)
def test_an_exported_file_has_a_name_that_is_safe_everywhere(channels: list[str], name: str) -> None:
    assert file_name(Selection.parse(channels), NOW, "csv") == name
