"""`GET /history`: pages of the log in both directions, complete, in order and bounded, with gaps for missing lines."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.http_client import Response, fetch, fetch_all, post
from tests.support.load import Id
from tests.support.servers import HUB_USER, HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import PATIENCE
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

Row = tuple[str, str, str]


@pytest.fixture(scope="module")
def recorded(server: RedisServer, hub: HubProcess) -> list[Row]:
    """Lines on three channels over many fences, some with the same id, in the order of a page."""
    hub.wait_recording()
    with server.client() as client:
        for burst in range(40):
            pipeline = client.pipeline(transaction=True)
            for n in range(1 + burst % 5):
                for name in ("walk.b", "walk.a", "walk.c")[: 1 + (burst + n) % 3]:
                    pipeline.publish(name, json.dumps({"burst": burst, "n": n, "text": "新\n增" if n == 2 else "x"}))
            pipeline.publish("not-asked", "{}")
            pipeline.execute()
            if burst % 2:
                # Every second burst starts at a new fence.
                assert post(hub, "other", b"{}").status == 200
    assert post(hub, "other", b"{}").status == 200
    with server.client() as client:
        rows = [
            (id.decode(), name, fields[b"l"].decode())
            for name in ("walk.a", "walk.b", "walk.c")
            for id, fields in client.xrange(f"sse-hub:log:{name}")
        ]
    return sorted(rows, key=place)


def place(row: Row) -> tuple[Id, str]:
    return Id.parse(row[0]), row[1]


def page_of(hub: HubProcess, query: str) -> tuple[list[Row], bool, list[dict[str, Any]]]:
    return content_of(fetch(hub, f"/history?{query}"))


def content_of(answer: Response) -> tuple[list[Row], bool, list[dict[str, Any]]]:
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json.keys() == {"lines", "more", "gaps", "reached"}
    return (
        [(id, channel, line) for id, channel, line, _ in answer.json["lines"]],
        answer.json["more"],
        answer.json["gaps"],
    )


def walk(hub: HubProcess, query: str, back: bool) -> tuple[list[Row], list[dict[str, Any]]]:
    """All lines and all gaps, read page by page, oldest first."""
    rows: list[Row] = []
    gaps: list[dict[str, Any]] = []
    more, place = True, "" if back else "&after=0-0"
    while more:
        page, more, told = page_of(hub, query + place)
        assert page or not more, "every page but the last has lines"
        rows, gaps = (page + rows, told + gaps) if back else (rows + page, gaps + told)
        place = (f"&before={page[0][0]}" if back else f"&after={page[-1][0]}") if page else ""
    return rows, gaps


NAMED = "channel=walk.a&channel=walk.b&channel=walk.c"


@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize("limit", [1, 7, 5000])
@pytest.mark.parametrize("channels", [NAMED, "channel=walk.*"])
def test_pages_cover_the_whole_log_once_and_in_order(
    hub: HubProcess, other_hub: HubProcess, recorded: list[Row], channels: str, limit: int, back: bool
) -> None:
    rows, gaps = walk(hub, f"{channels}&limit={limit}", back)
    same, _ = walk(other_hub, f"{channels}&limit={limit}", back)

    assert rows == same == recorded
    assert {gap["reason"] for gap in gaps} <= {"recorder-down"}
    begun = [gap for gap in gaps if gap["after"] == "0-0"]
    assert len(begun) == (3 if channels == NAMED else 1), "each name has one gap before the start of the log"


async def test_history_rows_equal_what_the_stream_delivers(hub: HubProcess, recorded: list[Row]) -> None:
    rows: list[Row] = []
    async with open_stream(f"{hub.url}/message?{NAMED}&batch=1&tail=10000") as stream:
        while len(rows) < len(recorded):
            [event] = await stream.take(1)
            rows += [(id, channel, line) for id, channel, line, _ in event.json]

    assert sorted(rows, key=place) == recorded


def test_a_page_lies_between_the_requested_bounds(hub: HubProcess, recorded: list[Row]) -> None:
    rows = [row for row in recorded if row[1] == "walk.a"]
    ids = [row[0] for row in rows]

    assert page_of(hub, "channel=walk.a&limit=3")[:2] == (rows[-3:], True)
    assert page_of(hub, f"channel=walk.a&limit=3&before={ids[10]}")[:2] == (rows[7:10], True)
    assert page_of(hub, f"channel=walk.a&limit=3&after={ids[10]}")[:2] == (rows[11:14], True)
    assert page_of(hub, f"channel=walk.a&limit=3&after={ids[10]}&before={ids[20]}")[:2] == (rows[11:14], True)
    assert page_of(hub, f"channel=walk.a&limit=9&after={ids[10]}&before={ids[20]}")[:2] == (rows[11:20], False)
    assert page_of(hub, f"channel=walk.a&limit=3&before={ids[3]}")[:2] == (rows[:3], False)
    assert page_of(hub, f"channel=walk.a&limit=3&before={ids[0]}")[:2] == ([], False)
    assert page_of(hub, "channel=walk.a&before=0-0")[:2] == ([], False)
    assert page_of(hub, "channel=walk.*&before=0-1")[:2] == ([], False)
    assert page_of(hub, f"channel=walk.a&after={ids[-1]}") == ([], False, [])
    assert page_of(hub, f"channel=walk.a&after={ids[20]}&before={ids[10]}")[:2] == ([], False)
    assert page_of(hub, "channel=walk.a&after=99999999999999999999-5") == ([], False, [])


def test_a_page_of_several_channels_has_a_cursor_with_a_count_for_each(hub: HubProcess, recorded: list[Row]) -> None:
    fence, n = next(row[0] for row in recorded if row[0].endswith("-2")).split("-")
    expected = [row for row in recorded if place(row) > (Id(int(fence), 0), "")]
    expected = [row for row in expected if row[1] == "walk.b" or row[0] not in (f"{fence}-1", f"{fence}-2")]

    rows, _, _ = page_of(hub, f"channel=walk.a&channel=walk.b&channel=walk.c&limit=5000&after={fence}-2.0.2")

    assert rows == expected
    assert fetch(hub, f"/history?channel=walk.a&channel=walk.b&after={fence}-2.0.2").status == 400
    assert fetch(hub, f"/history?channel=walk.*&before={fence}-2.0").status == 400


def test_a_page_since_a_time_leaves_no_line_out(hub: HubProcess, channel: str) -> None:
    post(hub, channel, b'{"n": 1}')
    between = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    post(hub, channel, b'{"n": 2}')

    assert [row[2] for row in page_of(hub, f"channel={channel}&before={between}")[0]] == ['{"n": 1}']
    assert [row[2] for row in page_of(hub, f"channel={channel}&after={between}")[0]][-1] == '{"n": 2}'
    assert len(page_of(hub, f"channel={channel}&after=-15m")[0]) == 2
    assert len(page_of(hub, f"channel={channel}&before=-15m")[0]) == 0


async def test_every_line_seen_live_is_in_the_history(hub: HubProcess, server: RedisServer, channel: str) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        for n in range(20):
            with server.client() as client:
                client.publish(channel, json.dumps({"n": n}))
            [event] = await stream.take(1)
            assert page_of(hub, f"channel={channel}&limit=1")[0] == [(event.id, channel, event.data)]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("channel=a%20b", "'a b' is not a channel name"),
        ("channel=sse-hub:fence", "is reserved"),
        ("&".join(f"channel=c{number}" for number in range(33)), "33 channels were requested"),
        ("limit=0", "limit='0' must be an integer from 1 to 5000"),
        ("limit=5001", "from 1 to 5000"),
        ("limit=", "from 1 to 5000"),
        ("before=yesterday", "before='yesterday' is not understood"),
        ("after=", "after='' is not understood"),
        ("after=5-", "an event id"),
        ("after=5-1.2", "'5-1.2' does not fit"),
        ("channel=a&channel=b&channel=c&before=5-1.2", "one for each channel"),
    ],
)
def test_an_invalid_request_gets_a_json_error(hub: HubProcess, query: str, told: str) -> None:
    answer = fetch(hub, f"/history?{query}")

    assert (answer.status, answer.json["error"]) == (400, "Bad Request")
    assert told in answer.json["detail"]


def test_pages_of_large_lines_have_fewer_lines(hub: HubProcess, server: RedisServer, channel: str) -> None:
    lines = [json.dumps({"n": n, "text": "x" * 1_000_000}) for n in range(20)]
    with server.client() as client:
        for line in lines:
            client.publish(channel, line)
    page, more, _ = page_of(hub, f"channel={channel}")
    there, back = (walk(hub, f"channel={channel}", back)[0] for back in (False, True))

    assert 8 <= len(page) <= 9
    assert more
    assert [row[2] for row in there] == [row[2] for row in back] == lines


@pytest.fixture
def forgetful() -> Iterator[tuple[RedisServer, HubProcess]]:
    """A hub that keeps few lines and ingests only some channels."""
    with redis_server() as server, hub_process(server.url, "--retain-lines", "300", "--ingest", "app*") as hub:
        hub.wait_recording()
        yield server, hub


def test_trimmed_lines_are_a_gap_in_the_page(forgetful: tuple[RedisServer, HubProcess]) -> None:
    server, hub = forgetful
    for n in range(20):
        assert post(hub, "app", *(b'{"n": %d}' % (100 * n + each) for each in range(100))).status == 200

    there, gaps = walk(hub, "channel=app&limit=50", back=False)
    back, told = walk(hub, "channel=app&limit=50", back=True)

    assert there == back
    assert [json.loads(row[2])["n"] for row in there] == list(range(2000 - len(there), 2000))
    assert 290 <= len(there) < 600
    [trimmed] = [gap for gap in gaps if gap["reason"] == "trimmed"]
    assert trimmed in told
    assert (trimmed["channel"], trimmed["after"]) == ("app", "0-0")
    assert Id.parse(trimmed["before"]) <= Id.parse(there[0][0])
    assert page_of(hub, "channel=app&limit=50")[2] == [], "the gap is in the oldest page"


def test_an_unrecorded_channel_is_a_gap_in_the_page(forgetful: tuple[RedisServer, HubProcess]) -> None:
    _, hub = forgetful
    post(hub, "app", b"{}")
    rows, more, gaps = page_of(hub, "channel=app&channel=outside")

    assert (len(rows), more) == (1, False)
    assert [gap["reason"] for gap in gaps if gap["channel"] == "outside"] == ["recorder-down"]


def test_a_frozen_redis_makes_history_answer_503_in_json() -> None:
    with redis_server() as server, hub_process(server.url) as hub:
        hub.wait_recording()
        server.freeze()
        started = time.monotonic()
        newest, old = fetch_all(hub, "/history", "/history?before=1-0")
        seconds = time.monotonic() - started
        server.thaw()
        wait_until(lambda: fetch(hub, "/history").status == 200, "it is served again")

    assert [each.status for each in (newest, old)] == [503, 503]
    assert newest.json["error"] == "Service Unavailable"
    assert old.headers["retry-after"]
    assert seconds < 8 * PATIENCE


async def test_a_page_before_a_line_has_the_lines_right_before_it(server: RedisServer, hub: HubProcess) -> None:
    """Also if they belong to the fence at the watermark, until the next fence comes."""
    hub.wait_recording()
    async with open_stream(f"{hub.url}/message?channel=edge") as stream:
        with server.client() as client:
            for _ in range(20):
                for n in range(3):
                    client.publish("edge", json.dumps({"n": n}))
                *before, last = [event.id for event in await stream.take(3)]
                rows, _, gaps = await asyncio.to_thread(page_of, hub, f"channel=edge&before={last}&limit=2")
                # The first page also has the gap before the start of the log.
                assert [id for id, _, _ in rows] == before
                assert [gap for gap in gaps if gap["after"] != "0-0"] == []


def test_lines_not_recorded_in_time_are_a_gap_in_the_page() -> None:
    with redis_server() as server, hub_process(server.url) as hub:
        hub.wait_recording()
        assert post(hub, "log", b'{"n": 1}').status == 200
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", HUB_USER, "-xadd")
        with ThreadPoolExecutor(1) as pool:
            refusing = pool.submit(post, hub, "log", b'{"n": 2}')
            wait_until(lambda: fetch(hub, "/channels").json["channels"][0]["lines"] == 2, "the hub has both lines")
            page, file = fetch_all(hub, "/history?channel=log", "/export?channel=log&format=txt")
            refused = refusing.result()
        rows, _, gaps = content_of(page)
        last_id = Id.parse(rows[-1][0])
        told = file.body.splitlines()
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", HUB_USER, "+xadd")
        wait_until(lambda: len(page_of(hub, "channel=log")[0]) == 2, "it is recorded when it may be")

    assert (refused.status, refused.json) == (503, {**refused.json, "published": 1, "recorded": None})
    assert [row[2] for row in rows] == ['{"n": 1}']
    assert gaps[-1]["reason"] == "late"
    assert Id.parse(gaps[-1]["after"]) > last_id
    assert told[-1].endswith(b"reason=late")


def test_a_line_published_twice_with_one_line_id_appears_once_in_a_page(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    lines = [b'{"n":%d,"line_id":"w-%d"}' % (n, n) for n in (1, 2, 1, 3, 2)]
    for line in lines:
        assert post(hub, channel, line).status == 200

    for query in ("", "&after=0-0", "&limit=3"):
        rows, _, _ = page_of(hub, f"channel={channel}{query}")
        assert sorted(json.loads(row[2])["n"] for row in rows) == [1, 2, 3]
