"""Clients that pause for longer than the ring covers: they use little memory, and get every line from the log."""

import asyncio
import json
import logging
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.support.load import Publisher, running
from tests.support.oracle import Received, Shape, assert_received, follow, read_on, reference_of
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.sse_client import Stream, open_stream
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

# A thousand lines of one kilobyte per second.
LINES_PER_SECOND = 1_000
LINE_BYTES = 1_000
RING_LINES = 1_000
SHAPE = Shape(["a"])

PAUSED = 10
ALONE_SECONDS = at_scale(1, 30)
PAUSED_SECONDS = at_scale(4, 60)
CATCHING_UP_SECONDS = at_scale(1, 3)
BYTES_PER_PAUSED = 256 * 1024
HEALTHY = 5

MANY_PAUSED = at_scale(30, 100)
LOAD_SECONDS = at_scale(6, 150)
STALL_SECONDS = at_scale(5, 120)
MANY_PAUSED_BYTES = 64 * 1024 * 1024

LEAVING = at_scale(15, 50)
LEAVING_ROUNDS = at_scale(3, 10)
LEFT_BYTES = 4 * 1024 * 1024


class StampedPublisher(Publisher):
    """Each line says when it was published, and is a kilobyte long."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server, ["a"], LINES_PER_SECOND, "only", "x" * (LINE_BYTES - 80))

    def line(self, seq: int) -> str:
        return f'{super().line(seq)[:-1]}, "at": {time.monotonic():.6f}}}'


class Latencies(Received):
    """Receives events and keeps only the latency of each, in seconds."""

    def __init__(self) -> None:
        super().__init__({"a": []})
        self.seconds: list[float] = []

    def take(self, event: object, shape: Shape) -> None:
        super().take(event, shape)  # type: ignore[arg-type]
        if '"at"' in self.lines["a"][-1][1]:
            self.seconds.append(time.monotonic() - json.loads(self.lines["a"][-1][1])["at"])

    def p99_ms(self) -> float:
        recent, self.seconds = sorted(self.seconds), []
        return recent[len(recent) * 99 // 100] * 1000


def subscribers(hub: HubProcess) -> int:
    with urllib.request.urlopen(hub.url + "/channels", timeout=DEADLINE_SECONDS) as response:
        return sum(int(each["subscribers"]) for each in json.load(response)["channels"])


async def after(publisher: Publisher, seconds: float) -> None:
    """Return when `publisher` has published for that long."""
    until = publisher.begun + int(seconds * LINES_PER_SECOND)
    await asyncio.to_thread(wait_until, lambda: publisher.begun >= until, "lines go on", seconds + DEADLINE_SECONDS)


@asynccontextmanager
async def clients(
    hub: HubProcess, count: int, buffer_bytes: int | None = None, query: str = SHAPE.query
) -> AsyncIterator[list[Stream]]:
    async with AsyncExitStack() as stack:
        url = f"{hub.url}/message?{query}"
        yield [
            await stack.enter_async_context(open_stream(url, receive_buffer_bytes=buffer_bytes)) for _ in range(count)
        ]


async def test_paused_clients_get_every_line_from_the_log_and_use_little_memory() -> None:
    with (
        redis_server() as server,
        hub_process(server.url, "--ring-lines", str(RING_LINES)) as hub,
        reference_of(server, "a") as account,
    ):
        hub.wait_recording()
        async with clients(hub, HEALTHY) as healthy:
            measured = [Latencies() for _ in healthy]
            reading = asyncio.gather(*map(read_to_the_end, healthy, measured))
            async with AsyncExitStack() as stack:
                with running(StampedPublisher(server)) as publisher:
                    await after(publisher, ALONE_SECONDS)
                    alone = p99_ms(measured)
                    paused = await stack.enter_async_context(clients(hub, PAUSED, 4096))
                    # Until all paused clients are behind the ring.
                    await after(publisher, 3 * RING_LINES / LINES_PER_SECOND)
                    before = hub.resident_bytes()
                    p99_ms(measured)
                    await after(publisher, PAUSED_SECONDS)
                    while_paused = p99_ms(measured)
                    grown = hub.resident_bytes() - before
                    following = asyncio.gather(*(follow(stream, SHAPE) for stream in paused))
                    await after(publisher, CATCHING_UP_SECONDS)
                    catching_up = p99_ms(measured)
                publisher.finish()
                async with asyncio.timeout(PAUSED_SECONDS + DEADLINE_SECONDS):
                    told = await following
                    await reading

    logger.warning(
        "grown=%d kB a client, p99 alone=%.1f ms paused=%.1f ms catching up=%.1f ms",
        *(grown / PAUSED / 1024, alone, while_paused, catching_up),
    )
    for received, start in told:
        assert_received(account, received, SHAPE, start)
        assert received.lines["a"][-1] == account.lines["a"][-1]
    assert [each.lines for each in measured] == [account.lines] * HEALTHY
    assert grown < PAUSED * BYTES_PER_PAUSED


async def read_to_the_end(stream: Stream, received: Received) -> None:
    assert await read_on(stream, received, SHAPE, 0.0, lambda received: received.finished)


def p99_ms(measured: list[Latencies]) -> float:
    return max(each.p99_ms() for each in measured)


async def test_many_paused_clients_use_little_memory_and_are_closed_eventually() -> None:
    options = ["--ring-lines", str(RING_LINES), "--stall-seconds", str(STALL_SECONDS), "--heartbeat-seconds", "1"]
    with redis_server() as server, hub_process(server.url, *options) as hub, reference_of(server, "a") as account:
        hub.wait_recording()
        async with clients(hub, HEALTHY) as healthy:
            following = asyncio.gather(*(follow(stream, SHAPE) for stream in healthy))
            with running(StampedPublisher(server)) as publisher:
                await after(publisher, 2 * RING_LINES / LINES_PER_SECOND)
                before = hub.resident_bytes()
                async with clients(hub, MANY_PAUSED, 4096):
                    grown = 0
                    for _ in range(LOAD_SECONDS):
                        await after(publisher, 1)
                        grown = max(grown, hub.resident_bytes() - before)
                    await asyncio.to_thread(wait_until, lambda: subscribers(hub) == HEALTHY, "the paused are closed")
            publisher.finish()
            told = await following

    logger.warning("grown=%.1f MB in all", grown / 1024 / 1024)
    assert [received.lines for received, _ in told] == [account.lines] * HEALTHY
    assert grown < MANY_PAUSED_BYTES


async def test_clients_that_leave_during_a_replay_leave_nothing_behind() -> None:
    with redis_server() as server, hub_process(server.url, "--ring-lines", str(RING_LINES)) as hub:
        hub.wait_recording()
        publisher = StampedPublisher(server)
        for _ in range(100):
            publisher.publish(100)
        left = []
        for _ in range(LEAVING_ROUNDS):
            for query in ("channel=a", "channel=a&channel=b&batch=1"):
                async with clients(hub, LEAVING, 4096, f"{query}&since=0-0") as leaving:
                    for stream in leaving:
                        await stream.take(1)
                    assert subscribers(hub) >= LEAVING
                await asyncio.to_thread(wait_until, lambda: subscribers(hub) == 0, "all have left")
            left.append(hub.resident_bytes())

    # The first round fills shared caches.
    assert left[-1] - left[0] < LEFT_BYTES
