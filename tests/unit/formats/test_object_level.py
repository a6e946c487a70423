"""The level of an object, told by a few of its keys, is that of its whole record."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sse_hub.formats.levels import ERROR, INFO, NONE, WARN, WORDS
from sse_hub.formats.names import MAX_KEYS
from sse_hub.formats.object_level import level_of_object
from sse_hub.formats.reader import read_line
from sse_hub.formats.table import TABLE
from sse_hub.formats.values import parse_object
from tests.support.settings import ROOT, at_scale

LINES = [case["line"] for case in json.loads((ROOT / "tests/fixtures/formats.json").read_text(encoding="utf-8"))]
NAMES = {role: names.split() for role, names in TABLE["json"]["names"].items()}
KEYS = sorted({name for names in NAMES.values() for name in names})
FAMILY_KEYS = sorted({part.strip("!").partition(":")[0] for row in TABLE["json"]["families"] for part in row["has"]})
HUB_KEYS = TABLE["json"]["hubKeys"].split()

words = st.sampled_from([*WORDS, "INFO", "Warning", " error", "E", "w", "50", "AUDIT", "", "info-9", "\u001b[31merror"])
texts = st.one_of(
    words, st.sampled_from(["<3>no", "E1130 10:00:00 1 a.go:1] x", '{"level":50}', "level=error a=b", "ok", "GET"])
)
statuses = st.sampled_from([200, 404, 503, "503", 503.0, 5030, "500 x", True, None])
values = st.recursive(
    st.one_of(texts, statuses, st.integers(0, 60), st.none(), st.booleans(), st.floats(0, 99)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["a", *KEYS]), inner, max_size=3)
    ),
    max_leaves=4,
)
some_keys = st.sampled_from([*KEYS, "a", "b"]) | st.sampled_from([*FAMILY_KEYS, *HUB_KEYS])
cases = st.sampled_from([str, str.upper, str.title])
keys = st.builds(lambda key, case: case(key), some_keys, cases) | some_keys


def role(name: str, held: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Perhaps a key of a role."""
    return st.dictionaries(st.sampled_from(NAMES[name]), held, max_size=1)


def nested(members: dict[str, Any]) -> dict[str, Any]:
    """With `a.b` as an object in an object."""
    made: dict[str, Any] = {}
    for key, value in members.items():
        first, _, rest = key.partition(".")
        made[first if rest else key] = {rest: value} if rest else value
    return made


objects = st.builds(
    lambda parts, rest, order, inside: nested(joined(parts, rest, order)) if inside else joined(parts, rest, order),
    st.tuples(
        role("level", words | st.integers(0, 60)),
        role("message", texts | values),
        role("status", statuses),
        role("path", texts),
        role("error", values),
    ),
    st.dictionaries(keys, values, max_size=4),
    st.booleans(),
    st.booleans(),
)


def joined(parts: tuple[dict[str, Any], ...], rest: dict[str, Any], order: bool) -> dict[str, Any]:
    """One object of several."""
    made: dict[str, Any] = {}
    for part in (*parts, rest) if order else (rest, *parts):
        made |= part
    return made


@settings(max_examples=at_scale(400, 40_000), deadline=None)
@given(objects)
@example({"level": "info", "body": {"level": 50}})
@example({"log": {"level": "error"}, "message": ""})
def test_the_level_of_an_object_is_that_of_its_record(members: dict[str, Any]) -> None:
    line = json.dumps(members)
    known = parse_object(line)
    assert known is not None

    level = level_of_object(known)

    assert level in (None, read_line(line).level), line


def test_the_level_of_all_formats_is_that_of_their_records_and_mostly_known() -> None:
    known = {line: members for line in LINES if (members := parse_object(line)) is not None}
    told = {line: level for line, members in known.items() if (level := level_of_object(members)) is not None}

    assert [line for line, level in told.items() if level != read_line(line).level] == []
    assert len(told) > len(known) / 4


def test_usual_objects_tell_their_level() -> None:
    for members, level in (
        ({"level": "info", "msg": "a", "status": 503, "ms": 3}, INFO),
        ({"level": "info", "msg": "a", "status": 503, "path": "/"}, ERROR),
        ({"log": {"level": "WARN"}, "message": "a"}, WARN),
        ({"level": 50, "msg": "pino"}, ERROR),
        ({"n": 1, "user": "u7"}, NONE),
    ):
        assert level_of_object(members) == level, members
    for whole in ({"n": 1, "msg": "ERROR x"}, {"info": "ERROR x"}, {"level": "info", "msg": {"level": 50}}):
        assert level_of_object(whole) is None, whole
    assert level_of_object({"level": "info"} | {str(n): n for n in range(MAX_KEYS)}) is None


def test_nothing_else_takes_the_key_of_a_message() -> None:
    """Else a message could be one that is an object: see `_may_hold_object`."""
    others = {
        *(
            name
            for role, names in NAMES.items()
            if role in ("time", "timeIfNear", "level", "logger", "error")
            for name in names
        ),
        *(name for names in (*TABLE["json"]["together"], *TABLE["json"]["seconds"]) for name in names),
    }

    assert others.isdisjoint(NAMES["message"])
