"""The recorder is killed, frozen or cut off: the log stays complete and in order, with each line once."""

import asyncio
import time
from contextlib import ExitStack

from tests.support.load import Publisher, publishing, redis_order, wait_published
from tests.support.recording_hubs import EVERY_LINE, kill, recorded, recording_hubs, wait_recorder
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import PATIENCE, at_scale
from tests.support.waiting import wait_until

LINES_PER_SECOND = at_scale(2_000, 6_000)
# Two kills, so that each of two hubs takes over from the other.
KILLS = at_scale(2, 20)


async def test_the_log_stays_complete_and_in_order_while_recorders_are_killed() -> None:
    def kill_often(server: RedisServer, hubs: list[HubProcess], stack: ExitStack, publisher: Publisher) -> list[float]:
        takeovers = []
        for _ in range(KILLS):
            victim = wait_recorder(hubs)
            hubs.remove(victim)
            kill(victim)
            started = time.monotonic()
            wait_recorder(hubs)
            takeovers.append(time.monotonic() - started)
            hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE, port=victim.port)))
            wait_published(publisher, LINES_PER_SECOND // 2)
        return takeovers

    with recording_hubs() as (server, hubs, stack), redis_order(server, "a") as published:
        with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
            takeovers = await asyncio.to_thread(kill_often, server, hubs, stack, publisher)
        publisher.finish()
        wait_until(lambda: len(published) == publisher.begun, "the reference is complete")
        wait_until(lambda: len(recorded(server, "a")) >= len(published), "all is recorded")
        log = recorded(server, "a")

    assert list(log) == sorted(published)
    assert max(takeovers) < 1.6 * PATIENCE
