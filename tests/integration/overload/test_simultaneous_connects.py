"""Many clients at once: all are served quickly, use few resources, and leave nothing behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psutil
import pytest

from tests.support.metrics import scrape
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import PATIENCE, at_scale
from tests.support.sse_client import Stream, open_stream
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("many_files")

CONNECTS = at_scale(500, 5_000)
ANSWERED_SECONDS = 4.0 * PATIENCE
IDLE = at_scale(1_000, 2_000)
BYTES_PER_IDLE = 16 * 1024


@asynccontextmanager
async def crowd(url: str, count: int) -> AsyncIterator[list[Stream]]:
    """`count` streams, all requested at once."""
    async with AsyncExitStack() as stack:
        yield await asyncio.gather(*(stack.enter_async_context(open_stream(url)) for _ in range(count)))


def fences_issued(hub: HubProcess) -> float:
    """How many fences the hub has asked for."""
    return scrape(hub).get("sse_hub_fence_rtt_seconds_count")


def files_of(hub: HubProcess, server: RedisServer) -> int:
    """
    The number of open files of the hub, without connections to Redis: pools grow, and probes come and go.

    It is counted between two looks at these connections that are equal.
    """
    process = psutil.Process(hub.process.pid)

    def to_redis() -> set[int]:
        return {each.fd for each in process.net_connections("tcp") if each.raddr and each.raddr.port == server.port}

    while True:
        before, files = to_redis(), process.num_fds()
        if to_redis() == before:
            return files - len(before)


async def test_simultaneous_connections_are_all_served_and_share_fences(server: RedisServer, channel: str) -> None:
    with hub_process(server.url) as hub:
        files = files_of(hub, server)
        fences = fences_issued(hub)
        started = time.monotonic()
        async with crowd(f"{hub.url}/message?channel={channel}", CONNECTS) as streams:
            seconds = time.monotonic() - started
            fences = fences_issued(hub) - fences
            with server.client() as client:
                client.publish(channel, "to all")
            events = [(await stream.take(1))[0] for stream in streams]
        wait_until(lambda: files_of(hub, server) <= files, "all connections are closed")

    assert {stream.status for stream in streams} == {200}
    assert {event.data for event in events} == {'{"info":"to all"}'}
    assert len({event.id for event in events}) == 1
    assert seconds < ANSWERED_SECONDS
    assert fences < CONNECTS / 10


async def test_an_idle_subscriber_uses_little_memory(server: RedisServer, channel: str) -> None:
    """In a separate hub: one that held many subscribers before would reuse their memory."""
    with hub_process(server.url) as hub:
        url = f"{hub.url}/message?channel={channel}"
        async with crowd(url, 100):
            before = hub.resident_bytes()
            async with crowd(url, IDLE):
                each = (hub.resident_bytes() - before) / IDLE

    assert each < BYTES_PER_IDLE
