"""How a terminal shows a line: its level in colour, and no control characters from the line."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.commands.watch.printer import LineFormatter
from sse_hub.commands.watch.sanitize import sanitize, sanitize_json
from sse_hub.formats.levels import DEBUG, ERROR, FATAL, INFO, WARN
from sse_hub.formats.reader import read_line

PLAIN = LineFormatter(colours=False, channels=False)
MOMENT = 1_795_233_018_120


def shown(line: str) -> str:
    return PLAIN.line(read_line(line), "log", MOMENT)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ('{"level": "warning", "message": "x"}', WARN),
        ('{"level": 50, "msg": "x", "time": 1795233018000}', ERROR),
        ('{"levelno": 30, "message": "x"}', WARN),
        ('{"severity": "CRITICAL", "message": "x"}', FATAL),
        ('{"info": "2026-11-21 12:00:00,119 - shop.api - ERROR - no"}', ERROR),
        ('{"info": "2026-11-21 03:50:18.119 | DEBUG    | shop:run:8 - Visit"}', DEBUG),
        ('{"info": "{\\"level\\": \\"info\\", \\"message\\": \\"inner\\"}"}', INFO),
        ('{"info": "time=x level=warn msg=y"}', WARN),
        ('{"info": "nothing to be seen"}', 0),
        ('{"level": true}', 0),
        ("not json", 0),
        ("[1]", 0),
        ("[" * 100_000, 0),
    ],
)
def test_a_level_is_found_wherever_a_line_has_it(line: str, level: int) -> None:
    assert read_line(line).level == level


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"info": "as it is - INFO - x"}', "2026-11-21T03:50:18.120Z as it is - INFO - x"),
        ('{"info": "2026-11-21 04:50:18,119 - app - INFO - x"}', "2026-11-21 04:50:18,119 - app - INFO - x"),
        ('{"info": "two\\nlines"}', "2026-11-21T03:50:18.120Z two\n    lines"),
        (
            '{"time": "2026-11-21T03:50:18Z", "level": "warn", "logger": "shop", "msg": "slow", "n": 9, "q": "a b"}',
            '2026-11-21T03:50:18.000Z WARN  shop slow n=9 q="a b"',
        ),
        ('{"ts": 1795233018.5, "msg": "x"}', "2026-11-21T03:50:18.500Z x"),
        (
            '{"message": "x", "exception": "Traceback\\n  File"}',
            "2026-11-21T03:50:18.120Z ERROR x\n    Traceback\n      File",
        ),
        ('{"n": {"a": [1]}}', '2026-11-21T03:50:18.120Z n={"a": [1]}'),
        ("{}", "2026-11-21T03:50:18.120Z"),
    ],
)
def test_a_line_is_printed_in_a_readable_form(line: str, text: str) -> None:
    assert shown(line) == text


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]52;c;aGk=\x1b\\x", "x"),
        ("\x1bc", "\\x1bc"),
        ("\x1b", "\\x1b"),
        ("\x1b[\x1b[2J2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("a\rb\x08\x07\0", "a\\x0db\\x08\\x07\\x00"),
        ("\u202eevil", "\\u202eevil"),
        ("新增 🚚\ttab", "新增 🚚\ttab"),
        ("\ud800", "\\ud800"),
    ],
)
def test_terminal_control_characters_are_made_visible(text: str, out: str) -> None:
    assert sanitize(text) == out


@given(st.text(alphabet=st.one_of(st.sampled_from("\x1b[]0;m\x07\x9b\\u2028"), st.characters())))
def test_no_text_reaches_the_terminal_as_a_command(text: str) -> None:
    line = PLAIN.line(read_line(text), text, MOMENT)

    for shown in (line, sanitize_json(text)):
        assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in "\n\t"]


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "1" + "0" * 400, "1" + "0" * 5_000])
def test_a_number_that_is_not_a_time_is_shown_unchanged(number: str) -> None:
    assert shown(f'{{"time": {number}, "msg": "x"}}')


def test_the_deepest_nesting_that_can_be_parsed_is_shown() -> None:
    limit = sys.getrecursionlimit()
    for depth in range(limit - 200, limit + 20):
        assert shown('{"a": ' + "[" * depth + "]" * depth + "}")


def test_json_output_is_the_same_json() -> None:
    assert sanitize_json('{"a":\r\n"\x9b\u202e新"}') == '{"a":  "\\u009b\\u202e新"}'


def test_only_the_printers_own_colours_reach_the_terminal() -> None:
    line = LineFormatter(colours=True, channels=True).line(
        read_line('{"info": "ERROR \\u001b[42mx\\u001b[2J\\ny"}'), "log", MOMENT
    )

    assert re.findall(r"\x1b\[[\d;]*\w", line) == ["\x1b[36m", "\x1b[0m", "\x1b[31m", "\x1b[0m", "\x1b[31m", "\x1b[0m"]


def test_a_gap_is_printed() -> None:
    gap = {"channel": "log", "after": "1-2", "before": "9-0", "lost": 3, "reason": "trim\x1b[2Jmed"}

    assert PLAIN.gap(gap) == "-- 3 lines are missing on log: trimmed (after 1-2, before 9-0)"
