"""A set of filters finds what each of its filters finds alone, without any look at the bytes."""

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from sse_hub.errors import InvalidFilter
from sse_hub.filters.compile import Filter, compile_filter
from sse_hub.filters.filter_set import LEAST_FILTERS, FilterSet
from sse_hub.filters.line import FilteredLine
from sse_hub.formats.reader import read_line
from tests.support.filter_engines import FIXTURE, NOW_MS
from tests.support.settings import ROOT, at_scale

FORMATS = [case["line"] for case in json.loads((ROOT / "tests/fixtures/formats.json").read_text(encoding="utf-8"))]
NAMES = ["status", "ms", "took", "bytes", "n", "req.ms", "took_us", "pid"]
LIMITS = ["0", "1", "99", "200", "399", "499", "500", "503", "1e3", "-1", "0.5", "1e400", "10ms", "1m", "2MB", "7e2"]
LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "none", "audit"]
NUMBER_TEXTS = [
    *("0", "7", "-1", "200", "404", "503", "503.5", "5e2", "0.5E3", "1e400", "-1e400", "NaN", "true", "null", "00503"),
    *("9007199254740993", "12345678901234567890123", "[1, 503]", "[]", '"503"', '" 503 "', '"5\\u00303"', '"9.5 ms"'),
    *('"2MB"', '"1e3"', '"+503"', '".5e3"', '"\\n503"', '"５０３"', '"\u2028503"', '{"ms": 9}', '"x"', "503ms", "2e2"),
]
KEYS = [
    *('"status"', '"st\\u0061tus"', '"ms"', '"took"', '"bytes"', '"req"', '"req.ms"', '"n"', '"took_us"', '"Status"'),
    *('"level"', '"severity"', '"msg"', '"message"', '"path"', '"error"', '"info"', '"@t"', '"新"'),
]
WORDS = ['"info"', '"ERROR"', '"w"', '"audit"', "50", '"GET /x HTTP/1.1\\" 503 7"', '"status=503"', '"E1130 x"']
PIECES = [
    *("status=", "ms=", "took=", "bytes=", "level=", "lvl:", "err=", " ", " ", "\t", '"', "'", "\\n", "\\", "|", "/"),
    *(
        "GET /x ",
        "HTTP/1.1",
        "TCP_MISS/",
        "Completed ",
        "<3>",
        " # ",
        "[E]",
        " E ",
        "error",
        "Err ",
        "fatal:",
        "(WARN)",
    ),
    *("info", "DEBUG", '{"status":503}', '{"level":50}', "\x1b[1m", "\r", "\n", "a", "=", ":", "Exception", "panic: "),
    *("2026-11-21 03:50:18,780 ", "2026-11-21T03:50:18Z", " - - [21/Nov/2026:03:50:18 +0000] ", "10.0.0.1", "x=1 "),
]


def filters_of_the_cases() -> dict[str, Filter]:
    typed = {text for case in FIXTURE["cases"] for text in (*case["found"], *case["unfound"])}
    filters = {}
    for text in sorted(typed):
        try:
            filters[text] = compile_filter(text, NOW_MS)
        except InvalidFilter:
            continue
    return filters


def test_all_filters_of_the_cases_together_find_what_each_finds_alone() -> None:
    filters = filters_of_the_cases()
    together = FilterSet(filters)
    some = zip(*[iter(filters)] * LEAST_FILTERS, strict=False)
    few = [FilterSet({key: filters[key] for key in keys}) for keys in some]

    assert len(filters) > 500
    for case in FIXTURE["cases"]:
        payload = case["line"].encode(errors="surrogatepass")
        alone = [key for key, filter in filters.items() if filter.matches(FilteredLine(payload, "shop.orders"))]
        assert sorted(together.matching(FilteredLine(payload, "shop.orders"))) == alone, case["name"]
        found = [key for each in few for key in each.matching(FilteredLine(payload, "shop.orders"))]
        asked = {key for each in few for key in each._filters}
        assert sorted(found) == [key for key in alone if key in asked]


def test_most_lines_have_no_candidate_of_a_thousand_filters() -> None:
    filters = FilterSet({n: compile_filter(f"user=user-{n}", NOW_MS) for n in range(1_000, 2_000)})

    assert list(filters.candidates(FilteredLine(b'{"message": "order placed", "user": "user-999"}'))) == []
    assert list(filters.candidates(FilteredLine(b'{"message": "order placed", "user": "user-1999"}'))) == [1_999]
    assert len(list(filters.candidates(FilteredLine(rb'{"user": "user-\u0031999"}')))) == 1_000, "it hides a letter"


def test_bytes_that_are_no_text_are_looked_at_as_well() -> None:
    filters = FilterSet({typed: compile_filter(typed, NOW_MS) for typed in ("caf", "é1", "zürich", "user=ü", "x-")})

    assert filters.matching(FilteredLine(b"caf\xe9 \xff")) == ["caf"]
    assert filters.matching(FilteredLine("É1 ZÜRICH".encode())) == ["é1", "zürich"]


def test_a_set_of_no_filters_finds_nothing() -> None:
    assert FilterSet[str]({}).matching(FilteredLine(b"x")) == []


def test_a_set_of_the_largest_filters_finds_what_each_of_them_does() -> None:
    chance = random.Random(7)
    values = [[f"{chance.getrandbits(112):028x}" for _ in range(30)] for _ in range(500)]
    filters = {n: compile_filter(f"u={','.join(some)}", 0) for n, some in enumerate(values)}
    set_of_all = FilterSet(filters)

    for n in range(0, 500, 25):
        line = FilteredLine(
            json.dumps({"m": chance.choice(values[n - 1])[:20], "u": chance.choice(values[n])}).encode()
        )
        assert set_of_all.matching(line) == [n]


def test_no_look_refuses_a_field_that_a_format_finds_in_its_line() -> None:
    for text in FORMATS:
        line = FilteredLine(text.encode(errors="surrogatepass"), moment_ms=NOW_MS)
        for name in line.record.fields:
            filter = compile_filter(f"{json.dumps(name, ensure_ascii=False)}:*", NOW_MS)
            assert filter.may_match(line) or (filter.test and not filter.test(line)), (name, text)


pairs = st.tuples(st.sampled_from(KEYS), st.sampled_from([*NUMBER_TEXTS, *WORDS]))
objects = st.lists(pairs, max_size=5).map(lambda held: f"{{{', '.join(f'{key}: {value}' for key, value in held)}}}")
numbers = st.sampled_from([text for text in NUMBER_TEXTS if not text.startswith(("[", "{"))])


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A line of a format, perhaps with something else in a place."""
    line: str = draw(st.sampled_from(FORMATS))
    start = draw(st.integers(0, len(line)))
    end = draw(st.integers(start, min(len(line), start + 8)))
    return line[:start] + draw(st.just(line[start:end]) | st.sampled_from(PIECES) | numbers) + line[end:]


# What stands in no format, and hardly ever in a line.
lines = st.one_of(
    objects,
    objects.map(lambda inner: json.dumps({"info": inner, "status": 7})),
    objects.map(lambda inner: f"INFO x {inner}"),
    st.lists(st.sampled_from(PIECES) | numbers, max_size=9).map("".join),
    st.lists(st.sampled_from(PIECES) | numbers, max_size=9).map(lambda parts: json.dumps({"info": "".join(parts)})),
    mutations(),
    mutations().map(lambda line: json.dumps({"message": line})),
)
compared = st.builds(
    "{}{}{}".format, st.sampled_from(NAMES), st.sampled_from([">", ">=", "<", "<="]), st.sampled_from(LIMITS)
)
leveled = st.builds(
    "level{}{}".format, st.sampled_from([">=", ">", "<", "<="]), st.sampled_from(LEVELS[:6])
) | st.builds("level={}".format, st.sampled_from(LEVELS))
terms = compared | leveled | st.sampled_from(["error", "status:*", "path~x", "user=u7", "503", "status=503", "msg~GET"])
typed_filters = st.one_of(
    compared,
    leveled,
    st.builds("{} {}".format, terms, terms),
    st.builds("{} OR {}".format, terms, terms),
    st.builds("-{}".format, terms),
    st.builds("({} OR {}) {}".format, terms, terms, terms),
)


@settings(max_examples=at_scale(400, 40_000), deadline=None)
@given(
    st.lists(typed_filters, min_size=LEAST_FILTERS, max_size=12, unique=True), st.lists(lines, min_size=1, max_size=6)
)
def test_any_filters_together_find_what_each_test_finds(typed: list[str], published: list[str]) -> None:
    filters = {text: compile_filter(text, NOW_MS) for text in typed}
    together = FilterSet(filters)

    for text in published:
        payload = text.encode(errors="surrogatepass")
        # A record that is known is not looked up by its keys.
        read = FilteredLine(payload, moment_ms=NOW_MS, record=read_line(payload.decode(errors="replace"), NOW_MS))
        alone = {key for key, filter in filters.items() if filter.test is None or filter.test(read)}
        assert set(together.matching(FilteredLine(payload, moment_ms=NOW_MS))) == alone, text
