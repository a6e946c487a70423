"""What is kept, for how long, of which channels; and what a client is told whose position is older than that."""

import asyncio
from contextlib import ExitStack

import redis

from sse_hub.broker.scripts import script
from tests.integration.deployment import entries, gaps_of, recorded_seqs, wait_recorder
from tests.integration.traffic import Id, Publisher, verdict
from tests.rig import HubProcess, RedisServer, hub_process, redis_server, wait_until
from tests.sse import Event, open_stream

KEPT = 100
# A hundred lines at a time would push each other out of a smaller ring before they can be recorded.
SMALL = ("--ring-lines", "1000", "--retain-lines", str(KEPT))


def publisher_of(server: RedisServer, channel: str) -> Publisher:
    return Publisher(server, [channel], 1, "only", "")


async def publish_and_read(publisher: Publisher, hub: HubProcess, channel: str, count: int) -> list[Event]:
    """The next lines, published a hundred at a time, and their events."""
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


async def test_more_lines_than_are_kept_are_trimmed_and_told_by_one_gap() -> None:
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

    # The recorder deletes one more than it must, so that Redis remembers how far that went.
    assert KEPT - 1 <= len(kept) <= KEPT + 200
    assert kept == list(range(kept[0], 2_001))
    for resumed in told:
        [gap] = resumed.gaps
        assert gap["reason"] == "trimmed"
        assert resumed.seqs[1:] == kept
        assert gap["lost"] in (None, kept[0] - resumed.seqs[0] - 1)


async def test_lines_older_than_they_are_kept_are_trimmed_and_an_idle_channel_expires() -> None:
    with redis_server() as server, ExitStack() as stack:
        options = ("--ring-lines", "1000", "--retain-time", "2s")
        hub = stack.enter_context(hub_process(server.url, *options))
        hub.wait_recording()
        idle = await publish_and_read(publisher_of(server, "idle"), hub, "idle", 300)
        publisher = publisher_of(server, "a")
        events = await publish_and_read(publisher, hub, "a", 300)
        with server.client() as client:
            await asyncio.to_thread(wait_until, lambda: exists(client, "idle"), "it is recorded")
            # What makes it expire is the time since its last line; no more than that and 5 s.
            assert 2_000 < client.pttl("sse-hub:log:idle") <= 7_000
            old = Id.parse(events[-1].id).fence
            await asyncio.to_thread(wait_until, lambda: fence_of(client) > old + 2_000, "these are old")
            later = await publish_and_read(publisher, hub, "a", 200)
            await asyncio.to_thread(
                wait_until, lambda: entries(server, "a")[-1][0] == Id.parse(later[-1].id), "all is recorded"
            )
            kept = [id for id, _ in entries(server, "a")]
            await asyncio.to_thread(wait_until, lambda: not exists(client, "idle"), "the idle one has expired")
        newcomer = stack.enter_context(hub_process(server.url, *options))
        async with open_stream(f"{newcomer.url}/message?channel=a", {"Last-Event-ID": events[0].id}) as stream:
            told = verdict([events[0], *await stream.until(later[-1].__eq__)])
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


def test_the_name_of_a_channel_that_has_a_line_again_is_not_forgotten(server: RedisServer) -> None:
    with server.client() as client:
        client.hset("names", mapping={"old": "1-1 5", "again": "9-1 6"})

        forgotten = client.register_script(script("prune"))(
            ["names"], ["old", "1-1 5", "again", "1-1 5", "gone", "1-1 5"]
        )

        assert (forgotten, client.hkeys("names")) == (1, [b"again"])


async def test_what_is_not_ingested_is_not_recorded_nor_are_the_hubs_own_channels() -> None:
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


async def test_hubs_that_ingest_other_channels_have_a_log_each_and_share_what_both_record() -> None:
    with (
        redis_server() as server,
        hub_process(server.url, "--ingest", "app.*") as narrow,
        hub_process(server.url) as wide,
    ):
        for hub in (narrow, wide):
            # Each for itself.
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
