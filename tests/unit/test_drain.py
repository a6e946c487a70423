"""The pace of a drain."""

import asyncio
from itertools import pairwise
from typing import cast

from sse_hub.hub.drain import Drain
from sse_hub.hub.position import Position
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.selection import Selection


class Stream:
    """What the drain looks at."""

    def __init__(self, behind: bool = False) -> None:
        self.position = Position(Selection(("log",))) if behind else None


def streams(count: int) -> list[Subscriber]:
    return [cast(Subscriber, Stream()) for _ in range(count)]


async def test_ends_are_spread_evenly_even_when_there_are_more_than_ticks() -> None:
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
    # A machine that is busy elsewhere holds up both.
    held_up = max(later - earlier for earlier, later in pairwise([*turns, times[-1]]))

    assert len(times) == 5_000
    assert times[-1] - times[0] >= 0.4
    for part in (1, 2, 3):
        assert 0.5 * part / 4 - 0.01 <= times[5_000 * part // 4] <= 0.5 * part / 4 + 0.1 + held_up


async def test_hurry_ends_the_rest_at_once_also_when_it_comes_first() -> None:
    drain = Drain(600)
    ended: list[Subscriber] = []
    running = asyncio.create_task(drain.run(streams(10), ended.append))
    await asyncio.sleep(0)
    assert len(ended) < 10

    drain.finish_now()
    await asyncio.wait_for(running, 1)
    await asyncio.wait_for(drain.run(streams(10), ended.append), 1)

    assert len(ended) == 20


async def test_those_that_are_behind_are_ended_first() -> None:
    behind, live = cast(Subscriber, Stream(behind=True)), cast(Subscriber, Stream())
    ended: list[Subscriber] = []

    await Drain(0).run([live, behind], ended.append)

    assert ended == [behind, live]
