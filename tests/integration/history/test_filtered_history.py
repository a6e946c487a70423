"""`q=` on /history, /export, /search and /message: the lines that pass, and filters that are wrong or hostile."""

import json
import random
from urllib.parse import quote

import pytest

from sse_hub.filters.compile import MAX_WORK, compile_filter
from sse_hub.filters.line import FilteredLine
from sse_hub.history.tail_search import MAX_LOOKED_AT
from tests.support.http_client import fetch, post
from tests.support.servers import HubProcess
from tests.support.sse_client import open_stream

LEVELS = ("info", "debug", "warning", "error")
FILTERS = ("level>=warn", "user=u3 -level=error", "took>500ms OR status>=500", "/order (1|2)\\d$/", '"no such text"')
HOSTILE = "/(a|b)*a(a|b){490}c/"


@pytest.fixture(scope="module")
def lines(hub: HubProcess) -> list[bytes]:
    """Lines as several loggers write them, recorded on two channels, in turn."""
    hub.wait_recording()
    chance = random.Random(7)
    made: list[bytes] = []
    for n in range(2_000):
        level, user, took = chance.choice(LEVELS), f"u{n % 7}", chance.randint(1, 999)
        made.append(
            chance.choice(
                [
                    json.dumps({"level": level, "message": f"order {n}", "user": user, "took": f"{took}ms"}),
                    json.dumps({"info": f'level={level} msg="order {n}" user={user} took={took}ms'}),
                    json.dumps(
                        {"info": f'10.0.0.1 - {user} [30/Nov/2026:10:00:00 +0000] "GET /o/{n} HTTP/1.1" {took} 1'}
                    ),
                ]
            ).encode()
        )
    for number in (0, 1):
        assert post(hub, f"sifted.{number}", *made[number::2]).status == 200
    return made


def passing(lines: list[bytes], typed: str) -> list[bytes]:
    filter = compile_filter(typed, 0)
    return [line for line in lines if filter.matches(FilteredLine(line))]


@pytest.mark.parametrize("typed", FILTERS)
def test_history_exports_and_searches_have_the_lines_that_pass(hub: HubProcess, lines: list[bytes], typed: str) -> None:
    query = f"channel=sifted.0&channel=sifted.1&q={quote(typed)}"
    expected = sorted(passing(lines, typed))

    paged: list[bytes] = []
    before, more = "", True
    while more:
        page = fetch(hub, f"/history?{query}&limit=150{before}").json
        assert page["gaps"] == [] or all(gap["after"] == "0-0" for gap in page["gaps"])
        paged += [line.encode() for _, _, line, _ in page["lines"]]
        more = page["more"]
        before = f"&before={page['reached'] or page['lines'][0][0]}" if more else ""
    forward = fetch(hub, f"/history?{query}&limit=5000&after=0-0").json
    found = fetch(hub, f"/search?{query}").json
    both = fetch(hub, f"/search?{query}&text=order%201").json
    exported = fetch(hub, f"/export?{query}&format=ndjson").body.splitlines()

    assert sorted(paged) == expected
    assert sorted(line.encode() for _, _, line, _ in forward["lines"]) == expected
    assert len(found["lines"]) == min(500, len(expected))
    assert found["looked_at"] == len(lines) or found["more"]
    assert all("order 1" in line for _, _, line, _ in both["lines"])
    exported = [line for line in exported if b"@gap" not in line]
    assert len(exported) == len(expected)


async def test_a_stream_with_a_filter_begins_in_the_log_and_is_sent_what_passes(
    hub: HubProcess, lines: list[bytes]
) -> None:
    expected = passing(lines[::2], FILTERS[1])

    async with open_stream(f"{hub.url}/message?channel=sifted.0&since=0-0&q={quote(FILTERS[1])}") as stream:
        events = [event for event in await stream.take(len(expected) + 1) if event.type == "message"]

    assert [event.data.encode() for event in events][: len(expected)] == expected[: len(events)]
    assert len(events) >= len(expected)


async def tail(hub: HubProcess, query: str) -> tuple[list[str], str | None]:
    """The lines that a stream begins with, and the id before which nobody has looked."""
    async with open_stream(f"{hub.url}/message?{query}&batch=1&heartbeat=5") as stream:
        # The second position that it tells is behind them.
        await stream.read_until(lambda: len(stream.checkpoints) >= 2)
        events = list(stream.held)
    assert {event.type for event in events} <= {"lines"}
    return [row[2] for event in events for row in event.json], stream.checkpoints[0].json.get("reached")


async def tail_and_older(hub: HubProcess, query: str, count: int) -> list[str]:
    """The last `count` lines, with a client's next steps where time was over before the stream had found them all."""
    got, reached = await tail(hub, f"{query}&tail={count}")
    assert reached or len(got) <= count
    while reached and len(got) < count:
        page = fetch(hub, f"/history?{query}&limit={min(5_000, count - len(got))}&before={reached}").json
        got = [row[2] for row in page["lines"]] + got
        reached = page["reached"] or (page["lines"][0][0] if page["more"] else None)
    return got[-count:]


async def test_a_tail_has_the_last_lines_that_pass_as_far_back_as_it_looks(hub: HubProcess, lines: list[bytes]) -> None:
    for number in (0, 1):
        assert post(hub, f"tailed.{number}", *lines[number::2]).status == 200
    passed = [[line.decode() for line in passing(lines[number::2], FILTERS[1])] for number in (0, 1)]
    both, query = [*passed[0], *passed[1]], f"q={quote(FILTERS[1])}"

    for channels in ("channel=tailed.0&channel=tailed.1", "channel=tailed.*"):
        for count in (1, len(passed[1]) + 20, 10_000):
            assert await tail_and_older(hub, f"{channels}&{query}", count) == both[-count:]
    assert await tail_and_older(hub, f"channel=tailed.0&{query}", 7) == passed[0][-7:]

    # So many others have come since, that they are not all looked at.
    assert post(hub, "tailed.0", *[b'{"n": %d}' % n for n in range(MAX_LOOKED_AT + 500)]).status == 200
    got, reached = await tail(hub, f"channel=tailed.*&{query}&tail=7")
    assert got == []
    found = fetch(hub, f"/search?channel=tailed.*&before={reached}&text=n").json["lines"]
    assert json.loads(found[-1][2])["n"] >= 499
    assert await tail_and_older(hub, f"channel=tailed.*&{query}", 7) == both[-7:]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("q=(a", "never closed. (at character 1)"),
        ("q=level%3E%3Dloud", "There is no level"),
        ("q=/(a|b/", "at character 1"),
        (f"q={'/' + '(' * 60 + 'x' + ')' * 60 + '/'}", "can't be used"),
        ("q=/(x{900}){900}/", "can't be used"),
        (f"q={'a%20' * 600}", "up to 1000"),
        ("q=a&q=b", "join the filters"),
        ("q=a&zone=../../etc/passwd", "must be a time zone"),
        ("q=a&zone=Europe", "must be a time zone"),
        ("q=a&zone=%00", "must be a time zone"),
        ("q=a&zone=%2B25:00", "must be a time zone"),
    ],
)
def test_a_filter_that_can_not_be_used_is_refused_and_says_why(hub: HubProcess, query: str, detail: str) -> None:
    for path in ("/message", "/history", "/export", "/search"):
        answer = fetch(hub, f"{path}?channel=sifted.0&{query}")
        assert (answer.status, answer.json["error"]) == (400, "Bad Request")
        assert detail in answer.json["detail"]


def test_a_line_that_is_too_long_for_an_expression_is_told_as_a_gap(hub: HubProcess) -> None:
    long = json.dumps({"message": "ab" * (MAX_WORK // 1_900)}).encode()
    assert post(hub, "too-long", b'{"n":1}', long, b'{"n":2}').status == 200

    page = fetch(hub, f"/history?channel=too-long&q={quote(HOSTILE + ' OR n:*')}&after=0-0").json
    search = fetch(hub, f"/search?channel=too-long&q={quote(HOSTILE)}").json
    export = fetch(hub, f"/export?channel=too-long&q={quote(HOSTILE)}").body

    assert [line for _, _, line, _ in page["lines"]] == ['{"n":1}', '{"n":2}']
    [told] = [gap for gap in page["gaps"] if gap["reason"] == "filter"]
    assert search["gaps"] == [told]
    assert search["looked_at"] == 3
    assert b'"reason":"filter"' in export


def test_times_in_a_filter_are_in_the_zone_that_the_client_names(hub: HubProcess) -> None:
    line = b'{"time": "2026-11-30 10:00:00", "message": "local"}'
    assert post(hub, "zoned", line).status == 200

    for zone, found in (("", 1), ("&zone=Europe/Berlin", 1), ("&zone=%2B01:00", 1)):
        query = quote('after="2026-11-30 09:59" before="2026-11-30 10:01"')
        assert len(fetch(hub, f"/search?channel=zoned&q={query}{zone}").json["lines"]) == found
    query = quote("after=2026-11-30T09:59Z before=2026-11-30T10:01Z")
    assert len(fetch(hub, f"/search?channel=zoned&q={query}").json["lines"]) == 1
    assert fetch(hub, f"/search?channel=zoned&q={query}&zone=Europe/Berlin").json["lines"] == []
