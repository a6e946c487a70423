"""Ids agree also where fences rain on sessions that are just being opened."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sse_hub.broker.scripts import script
from tests.integration.traffic import is_last, publishing, redis_order, verdict
from tests.rig import HubProcess, RedisServer, hub_process, redis_server, wait_until
from tests.sse import open_stream

CUTS = 40


@contextmanager
def raining_fences(server: RedisServer) -> Iterator[None]:
    """Another hub's fences, as fast as Redis takes them."""
    text = script("clock", "fence")
    done = threading.Event()

    def rain() -> None:
        with server.client() as client:
            fence = client.register_script(text)
            while not done.wait(0.001):
                fence(keys=["sse-hub:clock"], args=[0, "sse-hub:fence"])

    thread = threading.Thread(target=rain)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def cut_often(server: RedisServer, hub: HubProcess) -> None:
    """Cut the hub's session as soon as it has begun, again and again."""
    for cuts in range(1, CUTS + 1):
        with server.client() as client:
            client.client_kill_filter(_type="pubsub")
        wait_until(lambda cuts=cuts: hub.output.count("session_started") > cuts, "the next session has begun")  # type: ignore[misc]


async def test_a_session_that_is_opened_while_fences_rain_counts_every_line_right() -> None:
    """A fence of another hub between two subscriptions of a new session would be the wrong point to count from."""
    with redis_server() as server, hub_process(server.url) as hub:
        async with open_stream(f"{hub.url}/message?channel=a") as stream:
            reading = asyncio.create_task(stream.until(is_last))
            with redis_order(server, "a") as published:
                with raining_fences(server), publishing(server, "a", lines_per_second=3000) as publisher:
                    await asyncio.to_thread(cut_often, server, hub)
                publisher.finish()
                told = verdict(await reading)

    assert len(told.gaps) == CUTS
    told.agree_with(published)
