"""A drain ends all streams, at an even pace, each at a known place."""

import asyncio
from itertools import pairwise
from typing import cast

import pytest

from sse_hub.errors import SourceUnavailable
from sse_hub.hub.drain import Drain
from sse_hub.hub.position import Position
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.selection import Selection
from tests.support.in_memory import Client, line, new_hub, numbers, publish
from tests.support.settings import DEADLINE_SECONDS


class Stream:
    """The part of a subscriber that a drain uses."""

    def __init__(self, behind: bool = False) -> None:
        self.position = Position(Selection(("log",))) if behind else None


def streams(count: int) -> list[Subscriber]:
    return [cast(Subscriber, Stream()) for _ in range(count)]


async def test_a_drain_spreads_ends_evenly_even_with_more_streams_than_ticks() -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    begun = loop.time()
    turns = [0.0]

    async def watch_turns() -> None:
        while True:
            await asyncio.sleep(0.005)
            turns.append(loop.time() - begun)

    watching = asyncio.create_task(watch_turns())
    await Drain(0.5).run(streams(5_000), lambda _: times.append(loop.time() - begun))
    watching.cancel()
    # A busy machine delays both.
    held_up = max(later - earlier for earlier, later in pairwise([*turns, times[-1]]))

    assert len(times) == 5_000
    assert times[-1] - times[0] >= 0.4
    for part in (1, 2, 3):
        assert 0.5 * part / 4 - 0.01 <= times[5_000 * part // 4] <= 0.5 * part / 4 + 0.1 + held_up


async def test_hurrying_a_drain_ends_the_rest_at_once_even_before_its_start() -> None:
    drain = Drain(600)
    ended: list[Subscriber] = []
    running = asyncio.create_task(drain.run(streams(10), ended.append))
    await asyncio.sleep(0)
    assert len(ended) < 10

    drain.finish_now()
    await asyncio.wait_for(running, DEADLINE_SECONDS)
    await asyncio.wait_for(drain.run(streams(10), ended.append), DEADLINE_SECONDS)

    assert len(ended) == 20


async def test_a_drain_ends_slow_streams_first() -> None:
    behind, live = cast(Subscriber, Stream(behind=True)), cast(Subscriber, Stream())
    ended: list[Subscriber] = []

    await Drain(0).run([live, behind], ended.append)

    assert ended == [behind, live]


async def test_a_drain_ends_every_stream() -> None:
    hub, _ = new_hub(drain_seconds="0")
    clients = [await Client(hub, "log").open(), await Client(hub, "a.*", batch=True).open()]

    await hub.drain()

    assert all(client.ended for client in clients)
    assert hub.subscribers == 0


async def test_the_last_frame_of_a_drained_stream_holds_its_position() -> None:
    hub, _ = new_hub(drain_seconds="0")
    live, batch, several = [
        await Client(hub, "log").open(),
        await Client(hub, "log", batch=True).open(),
        await Client(hub, "log", "other").open(),
    ]
    hub.ingest.fence_received(50)
    publish(hub, "log", line(1), line(2))
    # A batch feed that has just flushed would hold this line back.
    publish(hub, "log", line(3))
    idle = await Client(hub, "idle").open()
    hub.ingest.fence_received(60)

    await hub.drain()

    assert numbers(live.events()) == numbers(several.events()) == [1, 2, 3]
    assert [row[2] for event in batch.events() for row in event.json] == [line(1), line(2), line(3)]
    assert idle.events() == []
    assert {client.last_event_id for client in (live, batch, idle)} == {"60-0"}
    assert several.last_event_id == "60-0.0"


async def test_a_drained_stream_that_is_behind_ends_at_its_own_position() -> None:
    hub, _ = new_hub(drain_seconds="0")
    slow = await Client(hub, "log").open()
    publish(hub, "log", line(0))
    slow.transport.clog()
    for n in range(1, 5_000):
        publish(hub, "log", line(n))
    await slow.settle()

    draining = asyncio.create_task(hub.drain())
    await slow.settle()
    slow.transport.unclog()
    await draining

    events = slow.events()
    assert numbers(events) == list(range(len(events)))
    assert 0 < len(events) < 5_000
    assert slow.last_event_id == slow.checkpoints[-1].id == events[-1].id


async def test_a_stream_that_subscribes_after_the_drain_ends_at_once() -> None:
    hub, _ = new_hub(drain_seconds="0")
    await hub.drain()

    client = await Client(hub, "log").open()

    assert client.ended
    assert client.checkpoints[-1].id == client.last_event_id


async def test_a_join_that_waits_for_redis_fails_when_the_hub_stops() -> None:
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
