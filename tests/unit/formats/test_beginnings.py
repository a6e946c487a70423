"""What a pattern may begin with: a row that is left out for its beginning never fits the text."""

import json
import re

import pytest

from sse_hub.formats.beginnings import ALL, beginnings, first_of
from sse_hub.formats.rows import TableRow, parse_row
from sse_hub.formats.table import BLANKS, TABLE
from tests.support.settings import ROOT

ROWS: list[TableRow] = [parse_row(row) for section in ("lines", "heads") for row in TABLE[section]]
LINES: list[str] = [
    case["line"] for case in json.loads((ROOT / "tests/fixtures/formats.json").read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r"\[([A-Z]+)\]", {"["}),
        (r"[ \t]*(?:<|[0-9]+)x", {"<", "0"}),
        (r"(?:a)?[ \t]+-", {"a", "-"}),
        (r"(?=[a-z])x?B", {"a", "A"}),
        (r"(?:ab|(?:\.)|—)", {"a", ".", "…"}),
        (r"x{0,3}y{2}", {"a"}),
        (r"[ \t]*", ALL),
        (r"[^a]\Z", ALL),
    ],
)
def test_an_expression_begins_with_these_kinds_of_characters(source: str, expected: set[str]) -> None:
    assert beginnings(source) == expected


def test_the_first_character_that_is_no_blank_counts() -> None:
    firsts = [first_of(text) for text in ("Abc", "z", "7", "[", " \t x", "é", "", "   ", " " * 300 + "x", "\n")]

    assert firsts == ["A", "a", "0", "[", "a", "…", "…", "…", "…", "\n"]


def test_no_row_that_fits_a_text_is_left_out() -> None:
    texts = {
        text for line in LINES for text in (line, line.lstrip(BLANKS), line[23:], line[19:], line[10:], f" {line}")
    }
    wrong = [
        (row.source, text)
        for row in ROWS
        for kinds in [beginnings(row.source)]
        for text in texts
        if first_of(text) not in kinds and re.match(row.source, text)
    ]

    assert wrong == []
