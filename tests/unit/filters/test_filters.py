"""Filters compiled for lines as bytes: the first look, hostile filters and lines, zones, bytes that are no text."""

import time
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from sse_hub.errors import InvalidFilter
from sse_hub.filters.compile import Filter, compile_filter
from sse_hub.filters.line import FilteredLine
from sse_hub.filters.moments import moment_of_wall, parse_moment
from sse_hub.formats.reader import read_line
from sse_hub.formats.values import text_of
from tests.support.filter_engines import FIXTURE, NOW_MS, moment_ms
from tests.support.settings import PATIENCE

JSON = (
    b'{"time":"2026-11-21T03:50:18Z","level":"info","message":"request done","user":"u7","status":200,"took":"812ms"}'
)


def compiled(text: str) -> Filter:
    return compile_filter(text, NOW_MS)


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "timeout",
            "Timeout",
            '"time out"',
            "新增",
            "/conn(ect)?ed/",
            "user=u8",
            "user=u8,u9",
            "status=503",
            "count>5",
        ),
        *("msg~slow", "user~/Ana/", "user=u8 level>=warn", "timeout OR refused", "(a1 OR b2) level>=info", "missing:*"),
        *("level>=info -x user=u8", "-a timeout", "status=0.5", "tags.3.name=x", "logger=shop.db", "trace_id=abc"),
    ],
)
def test_a_line_that_lacks_what_the_filter_needs_is_refused_by_its_bytes(typed: str) -> None:
    assert not compiled(typed).may_match(FilteredLine(JSON))
    assert not compiled(typed).matches(FilteredLine(JSON))


@pytest.mark.parametrize(
    "typed", ["", "-timeout", "level>=info", "channel=x", "after=-5m", "x OR -y", "format=json", "/x?/"]
)
def test_a_filter_that_needs_no_text_lets_every_line_pass_the_first_look(typed: str) -> None:
    assert compiled(typed).may_match(FilteredLine(JSON))


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("user=u7", rb'{"user":"\u00757"}'),
        ("user=u7", b"x user=\x1b[1mu\x1b[0m7"),
        ("n=1000", b'{"n":1e3}'),
        ("msg~userana", b'{"@t":"2026-11-21T03:50:18Z","@mt":"user{name}","name":"ana"}'),
        ("msg=hi", b'{"__REALTIME_TIMESTAMP":"1795233018780000","MESSAGE":[104,105]}'),
        ("status>=500", b'203.0.113.7 - - [21/Nov/2026:03:50:18 +0000] "GET /x HTTP/1.0" 500 -'),
        ("status=404", rb'{"info":"WARNING:     10.0.0.1:5555 - \"GET /x\" 404"}'),
        ('"a/b"', rb'{"info":"a\/b"}'),
        ("flag=true", b"level=info msg=x flag"),
        (
            "client:*",
            b"[Sat Nov 21 03:50:18.780123 2026] [proxy:warn] [remote 10.0.0.1:80] AH01144: no handler",
        ),
        ("status<100", b"1795233018.123    512 10.0.0.1 TCP_MISS_ABORTED/000 0 GET http://x/ - HIER_NONE/- -"),
        ("status=1 OR status>=500", b'{"log":"10.0.0.1 - - [21/Nov/2026:03:50:18 +0000] \\"GET / HTTP/1.1\\" 503 7"}'),
    ],
)
def test_a_line_that_may_hide_what_the_filter_needs_passes_the_first_look(typed: str, line: bytes) -> None:
    assert compiled(typed).may_match(FilteredLine(line))
    assert compiled(typed).matches(FilteredLine(line))


def test_a_line_may_be_any_bytes() -> None:
    line = FilteredLine(b"caf\xe9 \xff\xfe user=u7 \xf0\x9f\x91")

    for typed in ("caf", "\ufffd", "/caf. /", "user=u7", "/\\ufffd$/", "-u8"):
        assert compiled(typed).matches(line), typed
    for typed in ("café", "/é/", "user=u8"):
        assert not compiled(typed).matches(line), typed
    assert compiled("user=\udcff OR caf").matches(line)


def test_a_record_that_is_known_is_not_read_again() -> None:
    record = read_line('{"level":"error","message":"x"}')

    assert compiled("level=error").matches(FilteredLine(b"something else", record=record))


# RE2 is linear; 1,000 states at once are its worst.
@pytest.mark.parametrize(
    "typed",
    [
        *("/(a+)+$/", "/(a|a)*b/", "/(.*,){11}P/", "/(x+x+)+y/", "/(a?){25}a{25}b/", "/(a*)*b/", "/([a-z]+)*=/i"),
        *("/(a|b)*a(a|b){490}c/", "/.*a.*a.*a.*x/", "msg~(a+)+$", "/\\s+$/", "/[^x]{999}x/", "/(?:a|ab|abc)*z/"),
    ],
)
def test_no_expression_takes_long(typed: str) -> None:
    filter = compiled(typed)
    for text in ("a" * 50_000, "a," * 25_000, " " * 50_000, "ab" * 25_000):
        line = FilteredLine(b'{"msg":"%b"}' % text.encode())
        began = time.thread_time()
        filter.matches(line)
        assert time.thread_time() - began < 0.5 * PATIENCE


@pytest.mark.parametrize(
    "typed",
    [
        *("(" * 4_000, "-" * 4_000, '"' * 4_000, "/[" * 2_000, "\\" * 4_000, "a OR " * 800 + "a", "a=" * 2_000),
        *("((((" * 12 + "a" + "))))" * 12, "x~" + "(" * 4_000, "a." * 2_000 + "b=1", ",".join(["user=u"] * 500)),
        *(
            "/" + "[a" * 1_900,
            "/" + "(?:a|" * 49 + ")" * 49 + "/",
            "took>" + "1h" * 2_000,
            "after=" + "9" * 4_000,
            "\0" * 99,
        ),
    ],
    ids=lambda typed: f"{typed[:12]}{len(typed)}",
)
def test_no_filter_takes_long_to_compile(typed: str) -> None:
    began = time.thread_time()
    try:
        filter = compiled(typed)
    except InvalidFilter as error:
        assert 0 <= error.start < error.end <= len(typed)
    else:
        filter.matches(FilteredLine(JSON))
    assert time.thread_time() - began < 0.5 * PATIENCE


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"a=" * 50_000,
        b'a="' * 30_000,
        b"\\" * 100_001,
        b"\\u0061" * 20_000,
        b'{"a":"' + b'\\"' * 50_000 + b'"}',
        b"\x1b[" * 30_000,
    ],
    ids=lambda line: f"{line[:8]!r}{len(line)}",
)
def test_no_line_takes_long(line: bytes) -> None:
    typed = "a=1 OR a~x OR a>1 OR a.a.a.a=1 OR level>=warn OR after=-5m OR text OR /a+b/ OR a:*"
    filter = compiled(typed)
    began = time.thread_time()
    filter.matches(FilteredLine(line))
    assert time.thread_time() - began < 2 * PATIENCE


@pytest.mark.parametrize(
    "typed",
    [
        " ".join(rf"-/[ab]*a[ab]{{{n}}}c/" for n in (22, 23) * 20),
        "/(x+y+){100}[xy](yx*){100}z/",
        "/(x?y?){240}z/",
        " ".join(f"-list={n}" for n in range(80)),
        " ".join(f"-list~{n}" for n in range(80)),
        " ".join(f"-{n}x" for n in range(150)),
    ],
)
def test_what_all_terms_of_a_filter_take_for_a_line_is_limited(typed: str) -> None:
    assert len(typed) <= 1_000
    assert compiled(typed).is_too_dear(FilteredLine(b'{"list":[%b]}' % b",".join([b"1.5e300"] * 20_000)))


def test_an_everyday_filter_looks_at_every_line_and_a_dear_one_refuses_by_the_bytes() -> None:
    longest = FilteredLine(b'{"message":"%b"}' % (b"x" * 1_048_500))

    assert not compiled("level>=warn user=u7,u8 -path~^/health timeout -status>=500").is_too_dear(longest)
    assert not compiled("timeout /(x+y+){100}/").is_too_dear(longest), "it has no timeout"
    assert compiled("-timeout /(x+y+){100}/").is_too_dear(longest)


@pytest.mark.parametrize(
    ("typed", "matches"),
    [("n=1.5", True), ("n=3,9", True), ("n=true", True), ("n=Infinity", True), ("n=9007199254740993", True)]
    + [("n=x", False), ("n=1", False), ("n=0", False), ("n>1e300", False), ("n>8", True), ("n<-1", False)],
)
def test_items_of_a_list_are_compared_by_value_and_as_text(typed: str, matches: bool) -> None:
    line = FilteredLine(b'{"n":[1.50,3.0,9,true,null,1e999,9007199254740993,"u7"]}')

    assert compiled(typed).matches(line) is matches


def test_times_are_in_the_zone_of_the_filter() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    line = FilteredLine(b"2026-11-21 12:30:00 INFO x", moment_ms=NOW_MS)

    for zone, typed, expected in (
        (UTC, "after=12:30 before=12:31", True),
        (berlin, "after=12:30 before=12:31", True),
        (berlin, "after=2026-11-21T11:30Z before=2026-11-21T11:30:01Z", True),
        (UTC, "after=2026-11-21T11:30Z before=2026-11-21T11:30:01Z", False),
        (timezone(timedelta(hours=-5)), "after=2026-11-21T17:30Z", True),
    ):
        assert compile_filter(typed, NOW_MS + 3_600_000, zone).matches(line) is expected, (zone, typed)


def test_a_clock_that_is_put_back_or_forward_shows_a_time_twice_or_never() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    assert parse_moment("2026-10-25 02:30", NOW_MS, berlin) == moment_ms("2026-10-25T02:30+02:00")
    assert parse_moment("2026-03-29 02:30", NOW_MS, berlin) == moment_ms("2026-03-29T03:30+02:00")
    assert parse_moment("9999-12-31T24:00", NOW_MS, berlin) == moment_of_wall(253_402_300_800_000, berlin)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e3, "1000"),
        (1.5, "1.5"),
        (1e-5, "0.00001"),
        (1.25e-7, "1.25e-7"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (-0.0, "0"),
        (-1e16, "-10000000000000000"),
        (float("inf"), "Infinity"),
        (True, "true"),
        (None, "null"),
        ({"b": 1, "2": [1.0], "1": "\x01é"}, '{"1":"\\u0001é","2":[1],"b":1}'),
        (["\ud83d", 2**70], '["\\ud83d",1180591620717411303424]'),
    ],
)
def test_a_value_has_the_text_that_javascript_writes(value: object, text: str) -> None:
    assert text_of(value) == text


def test_the_shared_cases_are_many_and_each_has_a_name_of_its_own() -> None:
    names = [case["name"] for case in FIXTURE["cases"]]

    assert len(set(names)) == len(names) > 50
    assert len(FIXTURE["faults"]) > 50
