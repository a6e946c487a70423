"""GET /message on the wire: headers, frames, several channels, patterns, batches, named events, heartbeats."""

import asyncio
import json
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.support.load import publish
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.sse_client import Event, Stream, open_stream


@pytest.fixture(scope="module")
def brisk_hub(server: RedisServer) -> Iterator[HubProcess]:
    """A hub with one heartbeat per second, and lines of at most 2,000 bytes."""
    with hub_process(server.url, "--heartbeat-seconds", "1", "--line-bytes", "2000") as hub:
        yield hub


async def bytes_of(stream: Stream, frames: int) -> bytes:
    """The next `frames` frames as received from the socket."""
    body = b""
    while body.count(b"\n\n") < frames:
        body += await stream.read()
    return body


async def test_stream_headers_forbid_caching_buffering_and_type_guessing(hub: HubProcess) -> None:
    async with open_stream(f"{hub.url}/message") as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-store, no-transform"
        assert stream.headers["x-accel-buffering"] == "no"
        assert stream.headers["x-content-type-options"] == "nosniff"
        assert stream.decoder.retry_ms == 2000
        assert re.fullmatch(r"\d{13}-0", stream.last_event_id)


async def test_a_line_is_exactly_the_documented_frame(hub: HubProcess, server: RedisServer, channel: str) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        fence = stream.last_event_id.removesuffix("-0")
        publish(server, channel, '{"a" : 1,  "ä": "\\u00e4"}', "plain text")

        body = await bytes_of(stream, 2)

    numbers = [int(each) for each in re.findall(rb"^id: (\d+)-", body, re.MULTILINE)]
    assert numbers[0] >= int(fence)
    ids = [event.id.encode() for event in [await anext(stream), await anext(stream)]]
    assert body == (
        b'id: %b\nevent: message\ndata: {"a" : 1,  "\xc3\xa4": "\\u00e4"}\n\n'
        b'id: %b\nevent: message\ndata: {"info":"plain text"}\n\n' % tuple(ids)
    )


async def test_the_default_channel_is_log(hub: HubProcess, server: RedisServer) -> None:
    async with open_stream(f"{hub.url}/message") as stream:
        publish(server, "log", '{"level": "info"}')

        assert [event.data for event in await stream.take(1)] == ['{"level": "info"}']


@pytest.mark.parametrize("name", ["max_rate", "guard"])
async def test_a_gap_reports_the_lines_of_a_channel_beyond_the_rate(
    hub: HubProcess, server: RedisServer, channel: str, name: str
) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}&{name}=2") as stream:
        publish(server, channel, *["line"] * 100)

        events = await stream.until(lambda event: event.type == "gap")

    gap = events.pop().json
    assert (gap["channel"], gap["reason"]) == (channel, "guard")
    assert len(events) == 2
    assert gap["lost"] > 0


async def test_channel_names_are_case_sensitive(hub: HubProcess, server: RedisServer, channel: str) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}X") as stream:
        publish(server, f"{channel}x", "small")
        publish(server, f"{channel}X", "large")

        assert [event.json for event in await stream.take(1)] == [{"info": "large"}]


async def test_with_several_channels_each_line_names_its_channel_and_the_id_is_a_cursor_over_all(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    a, b = f"{channel}.a", f"{channel}.b"
    url = f"{hub.url}/message?channel={b}&channel={a}"
    events: list[Event] = []
    async with open_stream(url) as stream:
        # One by one: lines that reach the hub together have no order across channels.
        for name, line in [(a, '{"n": 1}'), (b, '{"n": 2}'), (b, "{}"), (a, "4")]:
            publish(server, name, line)
            events += await stream.take(1)

    assert [event.data for event in events] == [
        f'{{"@channel":"{a}","n": 1}}',
        f'{{"@channel":"{b}","n": 2}}',
        f'{{"@channel":"{b}"}}',
        f'{{"@channel":"{a}","info":"4"}}',
    ]
    fence, counts = "", [0, 0]
    for slot, event in zip([1, 0, 0, 1], events, strict=True):
        if not event.id.startswith(f"{fence}-"):
            fence, counts = event.id.split("-")[0], [0, 0]
        counts[slot] += 1
        assert event.id == f"{fence}-{counts[0]}.{counts[1]}"
    for at, event in enumerate(events):
        async with open_stream(url, {"Last-Event-ID": event.id}) as resumed:
            assert await resumed.take(3 - at) == events[at + 1 :]


async def test_a_publisher_cannot_pose_as_another_channel(hub: HubProcess, server: RedisServer, channel: str) -> None:
    spoofs = ['{"@channel": "bank", "n": 1}', '{"n": 1, "\\u0040channel": "bank"}', '{"@channel":1,"@channel":2,"n":1}']
    async with open_stream(f"{hub.url}/message?channel={channel}&channel=quiet") as stream:
        publish(server, channel, *spoofs)

        events = await stream.take(3)

    assert [event.json for event in events] == [{"@channel": channel, "n": 1}] * 3


async def test_a_pattern_delivers_matching_channels_and_no_others(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}.*.log") as stream:
        publish(server, f"{channel}.a.log", '{"n": 1}')
        publish(server, f"{channel}xa.log", '{"n": 2}')
        publish(server, f"{channel}.a.logs", '{"n": 3}')
        publish(server, f"{channel}.a.b.log", '{"n": 4}')

        events = await stream.take(2)

    assert [event.json["n"] for event in events] == [1, 4]
    assert all(re.fullmatch(r"\d{13}-0", event.id) for event in events)


async def test_a_batch_event_has_rows_of_id_channel_and_line(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    a, b = f"{channel}.a", f"{channel}.b"
    url = f"{hub.url}/message?channel={a}&channel={b}"
    async with open_stream(f"{url}&batch=1") as stream, open_stream(url) as single:
        with server.client() as client, client.pipeline(transaction=False) as pipeline:
            for n in range(1200):
                pipeline.publish((a, b)[n % 2], f'{{"n": {n}}}')
            pipeline.execute()

        frames: list[Event] = []
        while sum(len(frame.json) for frame in frames) < 1200:
            frames += await stream.take(1)
        singles = await single.take(1200)

    assert {frame.type for frame in frames} == {"lines"}
    assert max(len(frame.json) for frame in frames) <= 500
    rows = [row for frame in frames for row in frame.json]
    for name, rest in ((a, 0), (b, 1)):
        assert [json.loads(line)["n"] for _, each, line, _ in rows if each == name] == list(range(rest, 1200, 2))
    assert frames[-1].id == singles[-1].id
    fence, counts = frames[-1].id.split("-")
    for name, count in zip((a, b), counts.split("."), strict=True):
        last_id = [id for id, each, _, _ in rows if each == name][-1]
        assert last_id == f"{fence}-{count}" or (count == "0" and not last_id.startswith(fence))


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('{"@event": "deploy", "n": 1}', "deploy"),
        ('{"@event": "closed"}', "closed"),
        ('{"@event": "x-1_y"}', "x-1_y"),
        ('{"event": "gap"}', "message"),
        *[
            (json.dumps({"@event": name}), "message")
            for name in ("gap", "lines", "Deploy", "", "1a", "a b", "a\nb", "a\n", "é", "a" * 65, None, 5, ["deploy"])
        ],
    ],
)
async def test_a_line_may_name_its_event_unless_the_name_is_reserved_or_invalid(
    hub: HubProcess, server: RedisServer, channel: str, line: str, event: str
) -> None:
    async with (
        open_stream(f"{hub.url}/message?channel={channel}") as single,
        open_stream(f"{hub.url}/message?channel={channel}&channel=quiet") as several,
    ):
        publish(server, channel, line, "next")

        for stream in (single, several):
            first, second = await stream.take(2)
            assert (first.type, second.type) == (event, "message")


async def test_a_line_over_the_limit_is_truncated_and_keeps_its_id(
    brisk_hub: HubProcess, server: RedisServer, channel: str
) -> None:
    long = json.dumps({"text": "ä" * 3000})
    async with open_stream(f"{brisk_hub.url}/message?channel={channel}") as stream:
        publish(server, channel, "x" * 2000, "x" * 2001, long, "ä" * 1500, "after")

        events = await stream.take(5)

    assert [event.json for event in events] == [
        {"info": "x" * 2000},
        {"info": "x" * 2000, "truncated": True, "size": 2001},
        {"info": long[:2000], "truncated": True, "size": len(long)},
        {"info": "ä" * 1000, "truncated": True, "size": 3000},
        {"info": "after"},
    ]
    ids = [int(event.id.split("-")[1]) for event in events]
    assert all(n in (last + 1, 1) for last, n in pairwise(ids))


async def test_a_heartbeat_advances_the_id_and_resuming_from_it_is_exact(
    brisk_hub: HubProcess, server: RedisServer, channel: str
) -> None:
    async def idle_and_resume(name: str, query: str) -> None:
        url = f"{brisk_hub.url}/message?channel={name}{query}"
        async with open_stream(url) as stream:
            publish(server, name, "1")
            await stream.take(1)
            before = stream.last_event_id
            await stream.read_until(lambda: len(stream.decoder.comments) >= 2)
        publish(server, name, "2")
        async with open_stream(url, {"Last-Event-ID": stream.last_event_id}) as resumed:
            assert re.search(r'"info\\*":\\*"2', (await resumed.take(1))[0].data)

        assert stream.decoder.comments[0] == " heartbeat"
        assert [event.json for event in stream.checkpoints] == [{}] * len(stream.checkpoints)
        assert stream.checkpoints[-1].id == stream.last_event_id
        assert int(stream.last_event_id.split("-")[0]) > int(before.split("-")[0])
        assert stream.last_event_id.count(".") == before.count(".")

    async with asyncio.TaskGroup() as group:
        for number, query in enumerate(["", "&channel=quiet", "&batch=1", "&channel=quiet*"]):
            group.create_task(idle_and_resume(f"{channel}.{number}", query))
