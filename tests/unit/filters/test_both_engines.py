"""The page's filter and the hub's find the same lines: those of the shared cases, and what chance makes of them."""

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sse_hub.filters.fields import PARTS
from sse_hub.filters.units import parse_quantity
from sse_hub.formats.reader import read_line
from sse_hub.formats.values import parse_object, text_of
from tests.support.filter_engines import FIXTURE, NOW_MS, Came, PageEngine, ask_hub, moment_ms, page_engine
from tests.support.settings import ROOT, at_scale

FORMATS = [case["line"] for case in json.loads((ROOT / "tests/fixtures/formats.json").read_text(encoding="utf-8"))]
CASES = FIXTURE["cases"]
TYPED = sorted({typed for case in CASES for typed in (*case["found"], *case["unfound"])})
LINES = [case["line"] for case in CASES if len(case["line"]) < 2_000]
NAMES = [
    *("user", "status", "took", "took_us", "n", "msg", "message", "level", "logger", "tags", "req.user.id", "tags.0"),
    *("a", "a.b", "path", "method", "pid", "error", "error.type", "size", '"weird key"', "名", "host", "trace", "file"),
]
VALUES = [
    *(
        "u7",
        "7",
        "7.0",
        "-7",
        "0.5",
        "1e3",
        "500",
        '"time out"',
        "slow",
        "Slow",
        "true",
        "null",
        "warn",
        "a",
        "a,b",
        "é",
    ),
    *("10ms", "2MB", "1h30m", "新", '""', "GET", "/x", "x.y", "U7", "12345678901234567890", "ſ", '"a b"', "200", "k"),
]
PIECES = [
    *("a", "b", "s", "k", "7", " ", ".", "\\d", "\\w", "\\s", "\\S", "\\b", "\\B", "^", "$", "|", "*", "+", "?", "{2}"),
    *(
        "{0,3}",
        "(",
        ")",
        "(?:",
        "[ab]",
        "[^a]",
        "[",
        "]",
        "-",
        "é",
        "新",
        "ſ",
        "\\p{Lu}",
        "\\P{L}",
        "\\u{1f469}",
        "\\n",
    ),
    *("\\.", "[\\w.-]", "[^\\S]", "slow", "user", "=", ",", '"', "\\x41", "(?=", "\\1", "K"),
]
texts = st.text("aAbkKsS7 .é新ſ\u212a-_=,:;()[]{}\"'\\/\n\r\t\x1b\u2028\ufeff👩", max_size=12) | st.sampled_from(
    ["u7", "slow", "Slow query", "503", "GET /x HTTP/1.1", "\x1b[31mu7\x1b[0m", "9.5 ms", "user=u7", "time out", "warn"]
)
numbers = (
    st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.sampled_from([0, 7, 500, 503, 0.5, 1e21, -0.0])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0", "id", "user.id"]), inner)
    ),
    max_leaves=5,
)
keys = st.sampled_from([name.strip('"') for name in NAMES if name != "file"]) | texts


@st.composite
def objects(draw: st.DrawFn) -> str:
    """A JSON object, perhaps inside another one."""
    spaced = draw(st.booleans())
    separators = None if spaced else (",", ":")
    line = json.dumps(
        draw(st.dictionaries(keys, values, max_size=5)), separators=separators, ensure_ascii=draw(st.booleans())
    )
    if draw(st.booleans()):
        line = json.dumps(
            {draw(st.sampled_from(["info", "message", "log", "x"])): line}, ensure_ascii=draw(st.booleans())
        )
    return line


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A line of the fixtures, perhaps with something else in a place."""
    line: str = draw(st.sampled_from([*LINES, *FORMATS]))
    start = draw(st.integers(0, len(line)))
    end = draw(st.integers(start, min(len(line), start + 6)))
    return line[:start] + draw(st.just(line[start:end]) | texts) + line[end:]


@st.composite
def logfmt(draw: st.DrawFn) -> str:
    """A text that ends in pairs."""
    pairs = draw(st.lists(st.tuples(keys, texts | numbers.map(str)), max_size=4))
    return " ".join([draw(texts), *(f"{key}={value}" for key, value in pairs)])


came = st.sampled_from([NOW_MS, NOW_MS - 20 * 60_000, moment_ms("2026-11-21T03:50:20Z")])
lines = st.builds(
    Came,
    objects() | mutations() | logfmt() | texts,
    st.sampled_from(["orders", "shop.api", ""]),
    st.sampled_from(["1795233018000-7", "1-1"]),
    came,
)


def fields(name: str) -> st.SearchStrategy[str]:
    """A term of a field."""
    signs = st.sampled_from(["=", "!=", "~", "!~", ">", ">=", "<", "<="])
    return st.builds("{}{}{}".format, st.just(name), signs, st.sampled_from(VALUES) | values_of_texts) | st.just(
        f"{name}:*"
    )


values_of_texts = texts.map(json.dumps)
expressions = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
terms = st.one_of(
    st.sampled_from(TYPED),
    st.sampled_from(NAMES).flatmap(fields),
    st.builds("/{}/{}".format, expressions, st.sampled_from(["", "i", "m", "s", "im", "is", "u"])),
    st.builds("{}~/{}/{}".format, st.sampled_from(NAMES), expressions, st.sampled_from(["", "i"])),
    st.builds("{}~{}".format, st.sampled_from(NAMES), expressions),
    texts,
    values_of_texts,
)
filters = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.builds("{} {}".format, inner, inner),
        st.builds("{} OR {}".format, inner, inner),
        st.builds("-({})".format, inner),
        st.builds("-{}".format, inner),
        st.builds("({})".format, inner),
    ),
    max_leaves=4,
)
thorough = settings(max_examples=at_scale(300, 4_000), deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def engine() -> Iterator[PageEngine]:
    """The page's engine."""
    with page_engine() as running:
        yield running


def test_both_engines_find_what_the_shared_cases_say(engine: PageEngine) -> None:
    wrong = []
    count = 0
    for case in CASES:
        came = Came(
            case["line"],
            case.get("channel", ""),
            case.get("id", ""),
            moment_ms(case["came"]) if "came" in case else NOW_MS,
        )
        for expected, asked in ((True, case["found"]), (False, case["unfound"])):
            for typed in asked:
                count += 1
                answers = ask_hub(typed, [came]), engine.ask(typed, [came])
                if answers != ({"found": [expected]}, {"found": [expected]}):
                    wrong.append((case["name"], typed, answers))

    assert wrong == []
    assert count > 900


def test_both_engines_refuse_a_filter_for_the_same_reason_at_the_same_place(engine: PageEngine) -> None:
    for case in FIXTURE["faults"]:
        fault = {key: case[key] for key in ("message", "start", "end")}
        answers = ask_hub(case["filter"], []), engine.ask(case["filter"], [])

        assert answers == ({"fault": fault}, {"fault": fault}), case["filter"]


@thorough
@given(filters, st.lists(lines, min_size=1, max_size=8))
def test_both_engines_find_the_same_lines_of_any_with_any_filter(
    engine: PageEngine, typed: str, published: list[Came]
) -> None:
    assert ask_hub(typed, published) == engine.ask(typed, published)


def terms_about(line: str) -> Iterator[str]:
    """Terms that find a line, or hardly miss it, by what its record has."""
    record = read_line(line, NOW_MS)
    known = {name: part(record) for name, part in PARTS.items()} | record.fields | (parse_object(line) or {})
    for name, value in known.items():
        if value is None or not name:
            continue
        key, text = json.dumps(name, ensure_ascii=False), text_of(value)
        words = re.findall(r"[^\W\d_]+|\d+", text)
        yield f"{key}:*"
        yield f"{key}={json.dumps(text, ensure_ascii=False)}"
        yield from (f"{key}~/{word}/i" for word in words[:3])
        yield from (f"{key}~^{word}" for word in words[:1])
        if parse_quantity(text):
            yield from (f"{key}{sign}{json.dumps(text)}" for sign in ("<=", ">"))
        if isinstance(value, dict):
            yield from (json.dumps(f"{name}.{inner}", ensure_ascii=False) + ":*" for inner in value)


@thorough
@given(lines)
def test_both_engines_agree_on_what_a_line_has(engine: PageEngine, published: Came) -> None:
    for typed in terms_about(published.line):
        assert ask_hub(typed, [published]) == engine.ask(typed, [published]), typed
