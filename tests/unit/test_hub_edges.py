"""What the hub does at its edges: shared channels, very many of them, breaks without lines, streams that come late."""

import asyncio
import gc
import json
import random
import socket
from contextlib import suppress
from itertools import pairwise

import pytest

from sse_hub.errors import LimitExceeded, LogUnavailable, SourceUnavailable
from sse_hub.hub import registry as directory
from sse_hub.hub.backend import Page
from sse_hub.hub.catch_up import BACKLOG_BYTES
from sse_hub.hub.channel import Channel
from sse_hub.hub.ring import BATCH_OVERHEAD_BYTES
from sse_hub.hub.start_position import After, Tail
from sse_hub.protocol.ids import Cursor, EventId
from tests.unit.memory import Client, MemoryLog, MemoryTransport, new_hub, publish


class DeafLog(MemoryLog):
    """As redis-py's connections do at times, it goes on when it is cancelled."""

    def __init__(self) -> None:
        super().__init__(random.Random(1), 1)
        self.asked = asyncio.Event()

    async def page(self, channel: str, after: EventId, until: EventId) -> Page:
        self.asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return await super().page(channel, after, until)


def line(n: int) -> str:
    return json.dumps({"n": n})


def numbers(client: Client) -> list[int]:
    return [event.json["n"] for event in client.events() if event.type == "message"]


def channels_in_memory() -> int:
    gc.collect()
    return sum(isinstance(each, Channel) for each in gc.get_objects())


async def test_a_second_subscriber_of_a_channel_outside_ingest_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "FORGET_AFTER_SECONDS", -1.0)
    hub, source = new_hub(ingest="none")
    first, second = await Client(hub, "log").open(), await Client(hub, "log").open()

    hub.tick()
    publish(hub, "log", line(1))

    assert source.left == []
    assert numbers(first) == numbers(second) == [1]

    await first.close()
    await second.close()
    hub.tick()
    assert source.left == ["log"]


async def test_more_breaks_than_fit_in_a_piece_hide_neither_the_gap_nor_the_lines_after_it() -> None:
    hub, _ = new_hub()
    channels = 2 * BACKLOG_BYTES // BATCH_OVERHEAD_BYTES
    for n in range(channels):
        publish(hub, f"c{n}", line(n))
    cursor = After(Cursor(hub.ingest.last_fence, (0,)))
    await Client(hub, "*").open()
    hub.ingest.session_started(90)
    publish(hub, "c0", line(-1))

    client = await Client(hub, "*").open(cursor)

    events = client.events()
    assert [event.json["channel"] for event in events if event.type == "gap"] == ["*"]
    assert events[-1].json["n"] == -1
    assert len(events) == channels + 2


async def test_patterns_that_come_and_go_leave_no_memory_behind() -> None:
    hub, _ = new_hub(ring_megabytes="1")
    for round in range(200):
        client = await Client(hub, *[f"p{n}.*" for n in range(32)]).open()
        hub.ingest.session_started(hub.ingest.last_fence + 1)
        await client.close()
        publish(hub, "log", line(round))

    assert sum(channel.ring.size for channel in hub.ingest.registry) == hub.ingest.memory.bytes


async def test_a_resume_of_two_patterns_tells_of_what_each_has_lost() -> None:
    hub, _ = new_hub(ring_lines="100")
    early = await Client(hub, "a.*").open()
    for n in range(150):
        publish(hub, "a.x", line(n))
    hub.ingest.session_started(300)
    assert early.events()

    client = await Client(hub, "a.*", "b.*").open(After(Cursor(5, (0,))))

    assert {event.json["channel"] for event in client.events() if event.type == "gap"} >= {"b.*", "a.x"}


async def test_breaks_don_t_count_as_lines_of_a_tail() -> None:
    hub, _ = new_hub()
    for n in range(60):
        publish(hub, f"c{n}", line(n))
    hub.ingest.session_started(90)

    single = await Client(hub, "c5").open(Tail(1))
    many = await Client(hub, "*").open(Tail(50))

    assert [event.type for event in single.events()] == ["message", "gap"]
    assert numbers(many) == list(range(10, 60))


async def test_who_is_the_first_to_ask_for_a_pattern_is_told_of_the_breaks_among_its_last_lines() -> None:
    hub, _ = new_hub()
    for n in range(4):
        publish(hub, "a.x", line(n))
        hub.ingest.session_started(90 + 10 * n)
    publish(hub, "a.y", line(4))

    client = await Client(hub, "a.*").open(Tail(3))
    later = await Client(hub, "a.*").open(Tail(2))
    last = await Client(hub, "*").open(Tail(1))

    told = [event.json for event in client.events()]
    assert [each.get("n", each.get("before")) for each in told] == [2, "110-0", 3, "120-0", 4]
    assert [each["channel"] for each in told if "before" in each] == ["a.*", "a.*"]
    assert [event.type for event in later.events()] == ["message", "gap", "message"]
    assert [event.type for event in last.events()] == ["message"]


async def test_a_channel_that_was_forgotten_is_a_gap_for_its_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    hub, _ = new_hub()
    publish(hub, "app.1", line(1))
    for n in range(12):
        hub.ingest.fence_received(hub.ingest.last_fence + 10)
        publish(hub, f"c{n}", line(n))

    client = await Client(hub, "app.*").open(After(Cursor(10, (0,))))

    assert [event.json["channel"] for event in client.events() if event.type == "gap"] == ["app.*"]


async def test_lines_of_channels_there_is_no_room_for_are_told_to_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 5)
    monkeypatch.setattr(directory, "MAX_CHANNELS_KNOWN", 5)
    hub, _ = new_hub()
    client = await Client(hub, "*").open()

    for n in range(8):
        publish(hub, f"c{n}", line(n))
    hub.ingest.fence_received(60)
    publish(hub, "c9", line(9))

    events = client.events()
    gaps = [event.json for event in events if event.type == "gap"]
    assert len(events) - len(gaps) == 5
    assert [(gap["channel"], gap["after"], gap["before"]) for gap in gaps] == [
        ("*", "11-0", "12-0"),
        ("*", "60-0", "61-0"),
    ]


async def test_nothing_is_left_of_channels_that_a_hub_has_forgotten_that_does_not_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    hub, _ = new_hub()
    before = channels_in_memory()

    for n in range(100):
        hub.ingest.fence_received(hub.ingest.last_fence + 10)
        publish(hub, f"c{n}", line(n))
    for _ in range(60):
        # Until their rates have come to rest.
        hub.ingest.registry.tick()

    assert channels_in_memory() - before == len(hub.ingest.registry) == 10


@pytest.mark.parametrize("ingest", ["*", "other"], ids=["covered", "outside"])
async def test_who_asks_for_ever_new_channels_is_refused_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch, ingest: str
) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    monkeypatch.setattr(directory, "MAX_CHANNELS_KNOWN", 20)
    hub, source = new_hub(ingest=ingest)
    # While somebody watches them, none can be forgotten.
    await Client(hub, "*").open()
    known = await Client(hub, "c0").open()

    refused = 0
    for n in range(1, 100):
        try:
            await (await Client(hub, f"c{n}").open()).close()
        except LimitExceeded as error:
            assert error.reason == "channels"
            refused += 1
    again = await Client(hub, "c0").open()

    assert len(hub.ingest.registry) == 20
    assert refused == 80
    assert len(source.followed) <= 22
    publish(hub, "c0", line(1))
    assert (numbers(known), numbers(again)) == ([1], [1])


async def test_a_join_is_not_undone_by_making_room_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    hub, _ = new_hub()
    for n in range(10):
        publish(hub, f"c{n}", line(n))
    hub.ingest.fence_received(60)

    client = await Client(hub, "c0", "new").open()
    publish(hub, "new", line(1))

    assert numbers(client) == [1]


@pytest.mark.parametrize("when", ["before", "by its end"])
async def test_the_end_of_a_client_that_takes_nothing_disturbs_nobody_else(when: str) -> None:
    """Its transport is full before it is ended, or becomes so by what it is told last, and stays until it is cut."""
    hub, _ = new_hub()
    slow, other = await Client(hub, "log").open(), await Client(hub, "log").open()
    [feed] = hub.feeds
    [subscriber] = [each for each in feed.subscribers if each.transport is slow.transport]
    if when == "before":
        slow.transport.clog()

    subscriber.end(hub.ingest.last_fence)
    if when == "by its end":
        slow.transport.clog()
    publish(hub, "log", line(1))
    publish(hub, "log", line(2))

    assert numbers(other) == [1, 2]
    assert numbers(slow) == []


class AskedLog(MemoryLog):
    """One whose answer can be waited for, and fails when it is let go."""

    def __init__(self) -> None:
        super().__init__(random.Random(1), 1)
        self.asked = asyncio.Event()
        self.fails = asyncio.Event()

    async def wait_complete(self, fence: int) -> int:
        self.asked.set()
        await self.fails.wait()
        raise LogUnavailable("It fails.")


async def test_nothing_is_left_of_a_client_that_goes_while_its_last_lines_are_looked_for() -> None:
    hub, source = new_hub()
    log = AskedLog()
    hub.connect(source, log)

    joining = asyncio.create_task(Client(hub, "shop.*").open(Tail(10)))
    await log.asked.wait()
    joining.cancel()
    with suppress(asyncio.CancelledError):
        await joining

    assert hub.ingest.registry.patterns == {}


async def test_a_client_joins_though_the_log_fails_and_the_last_other_one_leaves_meanwhile() -> None:
    hub, source = new_hub()
    log = AskedLog()
    hub.connect(source, log)
    other, client = await Client(hub, "shop.*").open(), Client(hub, "shop.*")

    joining = asyncio.create_task(client.open(Tail(10)))
    await log.asked.wait()
    await other.close()
    log.fails.set()
    await joining
    publish(hub, "shop.1", line(1))

    assert numbers(client) == [1]


async def test_a_stream_that_joined_before_the_drain_and_subscribes_after_it_ends_at_once() -> None:
    hub, _ = new_hub(drain_seconds="0")
    await hub.drain()

    client = await Client(hub, "log").open()

    assert client.ended


async def test_who_waits_for_redis_when_the_hub_stops_is_told() -> None:
    hub, source = new_hub(drain_seconds="0")

    class Waiting:
        def __init__(self) -> None:
            self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def join(self, names: object) -> int:
            return await self.answer

        def fail_waiting(self) -> None:
            self.answer.set_exception(SourceUnavailable("stopping"))

        def leave(self, names: object) -> None:
            raise AssertionError

    hub.connect(Waiting())
    joining = asyncio.create_task(Client(hub, "log").open())
    await asyncio.sleep(0)

    await hub.drain()

    with pytest.raises(SourceUnavailable):
        await joining


async def test_a_client_that_comes_with_a_position_may_pause_as_long_as_one_that_was_live() -> None:
    """Linux takes a peer that acknowledges but does not read for one that has gone, after this time."""
    hub, _ = new_hub()
    publish(hub, "log", line(1))
    with socket.socket() as connection:
        client = Client(hub, "log")
        client.transport = MemoryTransport(connection)
        client.transport.clog()

        await client.open(After(Cursor(10, (0,))))
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000

        client.transport.unclog()
        await client.settle()
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
        await client.close()


async def test_what_the_log_brings_for_a_client_that_has_gone_is_written_nowhere() -> None:
    hub, source = new_hub()
    log = DeafLog()
    log.watermark = 10
    log.add("log", EventId(5, 1), b'{"n": 1}')
    hub.connect(source, log)
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    client = await Client(hub, "log").open(After(Cursor.parse("4-0")))
    await log.asked.wait()

    await client.close()
    await client.settle()

    assert failed == []
    assert numbers(client) == []
    assert hub.subscribers == 0


async def test_heartbeats_are_spread_over_two_seconds_less_on_each_side_than_they_may_be() -> None:
    hub, _ = new_hub()
    clients = [await Client(hub, "log").open() for _ in range(200)]
    beats: dict[Client, list[int]] = {client: [] for client in clients}
    for second in range(1, 60):
        hub.tick()
        for client in clients:
            client.events()
            if len(client._decoder.comments) > len(beats[client]):
                beats[client].append(second)

    waits = {after - before for times in beats.values() for before, after in pairwise([0, *times])}
    assert waits == {13, 14, 15, 16, 17}
