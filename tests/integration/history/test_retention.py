"""Which lines are kept and for how long, and the gap for a client with an older position."""

import asyncio
from contextlib import ExitStack

import redis

from sse_hub.broker.scripts import script
from tests.support.load import Id, Publisher, verdict
from tests.support.recording_hubs import entries, gaps_of, recorded_seqs, wait_recorder
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.sse_client import Event, open_stream
from tests.support.waiting import wait_until

KEPT = 100
# In a smaller ring, a hundred lines at once would push each other out before they are recorded.
SMALL = ("--ring-lines", "1000", "--retain-lines", str(KEPT))


def publisher_of(server: RedisServer, channel: str) -> Publisher:
    return Publisher(server, [channel], 1, "only", "")


async def publish_and_read(publisher: Publisher, hub: HubProcess, channel: str, count: int) -> list[Event]:
    """Publish the next lines, a hundred at a time. Returns their events."""
    events: list[Event] = []
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        for _ in range(count // 100):
            publisher.publish(100)
            events += await stream.take(100)
    return events


def seqs_recorded(server: RedisServer, channel: str) -> list[int]:
    return list(recorded_seqs(server, channel).values())


def fence_of(client: redis.Redis) -> int:
    return int(client.get("sse-hub:clock") or 0)


def exists(client: redis.Redis, channel: str) -> bool:
    return bool(client.exists(f"sse-hub:log:{channel}"))


async def test_lines_beyond_retain_lines_are_trimmed_and_reported_by_one_gap() -> None:
    with redis_server() as server, ExitStack() as stack:
        hub = stack.enter_context(hub_process(server.url, *SMALL))
        hub.wait_recording()
        events = await publish_and_read(publisher_of(server, "a"), hub, "a", 2_000)
        await asyncio.to_thread(wait_until, lambda: seqs_recorded(server, "a")[-1:] == [2_000], "all is recorded")
        kept = seqs_recorded(server, "a")
        newcomer = stack.enter_context(hub_process(server.url, *SMALL))
        told = []
        for at in (0, 500):
            async with open_stream(f"{newcomer.url}/message?channel=a", {"Last-Event-ID": events[at].id}) as stream:
                told.append(verdict([events[at], *await stream.until(events[-1].__eq__)]))

    # The recorder deletes one line more than necessary, so that Redis stores how far it got.
    assert KEPT - 1 <= len(kept) <= KEPT + 200
    assert kept == list(range(kept[0], 2_001))
    for resumed in told:
        [gap] = resumed.gaps
        assert gap["reason"] == "trimmed"
        assert resumed.seqs[1:] == kept
        assert gap["lost"] in (None, kept[0] - resumed.seqs[0] - 1)


async def test_lines_older_than_the_retention_are_trimmed_and_an_idle_channel_expires() -> None:
    with redis_server() as server, ExitStack() as stack:
        options = ("--ring-lines", "1000", "--retain-time", "2s")
        hub = stack.enter_context(hub_process(server.url, *options))
        hub.wait_recording()
        idle = await publish_and_read(publisher_of(server, "idle"), hub, "idle", 300)
        publisher = publisher_of(server, "a")
        events = await publish_and_read(publisher, hub, "a", 300)
        with server.client() as client:
            await asyncio.to_thread(wait_until, lambda: exists(client, "idle"), "it is recorded")
            # It expires by the time since its last line, at most 5 s later.
            assert 2_000 < client.pttl("sse-hub:log:idle") <= 7_000
            old = Id.parse(events[-1].id).fence
            await asyncio.to_thread(wait_until, lambda: fence_of(client) > old + 2_000, "these are old")
            later = await publish_and_read(publisher, hub, "a", 200)
            await asyncio.to_thread(
                wait_until, lambda: entries(server, "a")[-1][0] == Id.parse(later[-1].id), "all is recorded"
            )
            kept = [id for id, _ in entries(server, "a")]
        newcomer = stack.enter_context(hub_process(server.url, *options))
        async with open_stream(f"{newcomer.url}/message?channel=a", {"Last-Event-ID": events[0].id}) as stream:
            told = verdict([events[0], *await stream.until(later[-1].__eq__)])
        with server.client() as client:
            await asyncio.to_thread(wait_until, lambda: not exists(client, "idle"), "the idle one has expired")
        async with open_stream(f"{newcomer.url}/message?channel=idle", {"Last-Event-ID": idle[0].id}) as stream:
            [of_idle] = await stream.take(1)
        async with open_stream(f"{newcomer.url}/message?channel=idle", {"Last-Event-ID": idle[-1].id}) as stream:
            with server.client() as client:
                client.publish("idle", "again")
            [again] = await stream.take(1)

    assert kept[0] > Id.parse(events[0].id)
    assert [gap["reason"] for gap in told.gaps] == ["trimmed"]
    assert told.lines[-1][0] == Id.parse(later[-1].id)
    assert (of_idle.type, of_idle.json["reason"]) == ("gap", "trimmed")
    assert of_idle.json["after"] == idle[0].id
    assert of_idle.json["lost"] in (None, 299)
    assert again.type == "message"


def test_pruning_keeps_a_channel_that_got_a_new_line(server: RedisServer) -> None:
    with server.client() as client:
        client.hset("names", mapping={"old": "1-1 5", "again": "9-1 6"})
        client.zadd("recent", {"old": 1, "again": 9})

        forgotten = client.register_script(script("prune"))(["names", "recent"], [9, 100])

        assert (forgotten, client.hkeys("names"), client.zrange("recent", 0, -1)) == (1, [b"again"], [b"again"])


async def test_channels_outside_ingest_and_the_hubs_own_channels_are_not_recorded() -> None:
    with redis_server() as server, hub_process(server.url, "--ingest", "app.*") as hub:
        hub.wait_recording()
        async with (
            open_stream(f"{hub.url}/message?channel=app.log") as inside,
            open_stream(f"{hub.url}/message?channel=other") as outside,
        ):
            with server.client() as client:
                for name in ("sse-hub:fence", "sse-hub:own", "other", "app.log"):
                    client.publish(name, "x")
            events = await inside.take(1) + await outside.take(1)
        with server.client() as client:
            await asyncio.to_thread(wait_until, lambda: exists(client, "app.log"), "it is recorded")
            logs = [key.decode() for key in client.keys("sse-hub:log:*")]
        async with open_stream(f"{hub.url}/message?channel=other", {"Last-Event-ID": "1000-0"}) as stream:
            told = await stream.take(1)

    assert [event.type for event in events] == ["message"] * 2
    assert logs == ["sse-hub:log:app.log"]
    assert gaps_of(told)


async def test_hubs_with_different_ingest_have_separate_logs_and_share_common_channels() -> None:
    with (
        redis_server() as server,
        hub_process(server.url, "--ingest", "app.*") as narrow,
        hub_process(server.url) as wide,
    ):
        for hub in (narrow, wide):
            # Each hub separately.
            wait_recorder([hub])
        publisher = Publisher(server, ["app.log"], 1, "only", "")
        publisher.publish(500)
        await asyncio.to_thread(wait_until, lambda: len(seqs_recorded(server, "app.log")) == 500, "all is recorded")
        first, _ = entries(server, "app.log")[0]
        told = []
        for hub in (narrow, wide):
            async with open_stream(f"{hub.url}/message?channel=app.*&since={first.fence}-0") as stream:
                told.append([event.json["seq"] for event in await stream.take(500)])
        with server.client() as client:
            groups = {key.decode() for key in client.keys("sse-hub:lease*")}

    assert told == [list(range(1, 501))] * 2
    assert len(groups) == 2
