"""The first look at a level is never wrong, and refuses the usual lines of applications."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sse_hub.filters.compile import compile_filter
from sse_hub.filters.level_look import LOUD, may_be_loud
from sse_hub.filters.line import FilteredLine
from sse_hub.formats.levels import WORDS
from sse_hub.formats.reader import read_line
from sse_hub.formats.table import TABLE
from tests.support.filter_engines import FIXTURE
from tests.support.settings import ROOT

FORMATS = json.loads((ROOT / "tests/fixtures/formats.json").read_text(encoding="utf-8"))
LINES = [case["line"] for case in (*FORMATS, *FIXTURE["cases"])]
NAMES = TABLE["json"]["names"]
WHO = [
    name for role in ("level", "levelNumber", "status", "message", "error", "request") for name in NAMES[role].split()
]
FAMILIES = [part.partition(":")[0] for row in TABLE["json"]["families"] for part in row["has"]]

words = st.sampled_from([*WORDS, *(word.upper() for word in WORDS), "E", "w", "#", "50", "3", "503", "x", "Info-9"])
texts = st.one_of(
    words,
    st.sampled_from(
        ["<3>sshd: no", "E1130 10:00:00 1 a.go:1] x", 'GET /x HTTP/1.1" 503 1', "Traceback (most recent call last):"]
    ),
)
values = st.recursive(
    st.one_of(texts, st.integers(0, 600), st.none(), st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from([*WHO, "a"]), inner, min_size=1, max_size=3)
    ),
    max_leaves=4,
)
keys = st.sampled_from([*WHO, *FAMILIES, "user", "time", "Level", "info", "@channel"])
# Most lines say their level first.
objects = st.builds(
    lambda level, rest: {**level, **rest},
    st.dictionaries(st.sampled_from(NAMES["level"].split()), words, max_size=1),
    st.dictionaries(keys, values, max_size=5),
)


def nested(record: dict[str, Any]) -> dict[str, Any]:
    """With `a.b` as an object in an object."""
    made: dict[str, Any] = {}
    for key, value in record.items():
        first, _, rest = key.partition(".")
        made[first if rest else key] = {rest: value} if rest else value
    return made


@given(objects, st.booleans())
def test_a_line_that_is_refused_has_a_low_level(record: dict[str, Any], inside: bool) -> None:
    text = json.dumps(nested(record) if inside else record)

    if not may_be_loud(text.encode()):
        assert read_line(text).level < LOUD, text


def test_lines_of_all_formats_that_are_refused_have_a_low_level() -> None:
    for line in LINES:
        if not may_be_loud(line.encode(errors="surrogatepass")):
            assert read_line(line).level < LOUD, line


def test_usual_lines_are_refused_without_being_read() -> None:
    usual = [
        '{"time":"2026-11-30T10:00:00Z","level":"info","logger":"shop","msg":"order placed","status":200,"ms":450}',
        '{"timestamp":"2026-11-30","severity":"DEBUG","message":"cache miss","labels":{"app":"x","code":"ok"}}',
        '{"@timestamp":"2026-11-30T10:00:00Z","log.level":"INFO","message":"terror is not a level"}',
    ]
    filter = compile_filter("level>=error", 0)
    for text in usual:
        assert not filter.may_match(FilteredLine(text.encode())), text
    for text in (
        '{"level":"info","status":503,"path":"/"}',
        '{"level":"INFO","level":"ERROR"}',
        "ERROR x",
        '{"level":50}',
    ):
        assert filter.may_match(FilteredLine(text.encode())), text


def test_only_levels_from_warn_on_are_looked_for() -> None:
    for typed, looks in (("level>=warn", 1), ("level>warn", 1), ("level=error,fatal", 1), ("level>=info", 0)):
        assert len(compile_filter(typed, 0).looks) == looks, typed
    for typed in ("level=error,info", "level=error,none", "level=error,audit", "level<error", "-level>=error"):
        assert compile_filter(typed, 0).looks == (), typed
