"""Thousands of clients reconnect at once after a restart: pages are read once for all, and nobody waits long."""

import asyncio
import itertools
import logging
import random
import time

import psutil
import pytest

from tests.support.load import Publisher
from tests.support.recording_hubs import current_fence
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, at_scale
from tests.support.sse_client import Event, open_stream

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.usefixtures("many_files")

CLIENTS = at_scale(500, 5_000)
RECORDED = 20_000
# Positions are spread over this many of the last lines.
SPREAD = 2_000
LINES_A_PAGE = 256
# `lua/page.lua` reads a page in up to seven steps.
CALLS_A_PAGE = 2 * 7
# Each fence makes a new end of the log, up to which lines and gaps are read once.
CALLS_A_FENCE = 5
WAITED_SECONDS = 5.0 * PATIENCE
CHECKPOINT = b"event: checkpoint\ndata: {}\n\n"


class Returning(asyncio.Protocol):
    """A client that compares each byte of the body with the expected one, which is the fastest check."""

    def __init__(self, request: bytes, wanted: memoryview) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.first_seconds = 0.0
        self._request = request
        self._wanted = wanted
        self._head = b""
        self._received = bytearray()
        self._started = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._head:
            self._head, end, rest = bytes(self._received).partition(b"\r\n\r\n")
            if not end:
                self._head = b""
                return
            self._received = bytearray(rest)
        self._take_chunks()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("the connection was lost")

    def _take_chunks(self) -> None:
        while not self.done.done() and (end := self._received.find(b"\r\n")) >= 0:
            size = int(self._received[:end], 16)
            if len(self._received) < end + size + 4:
                return
            body = bytes(self._received[end + 2 : end + 2 + size])
            del self._received[: end + size + 4]
            if body.endswith(CHECKPOINT):
                continue
            self.first_seconds = self.first_seconds or time.monotonic() - self._started
            if self._wanted[: len(body)] != body:
                self._fail(f"got {body[:200]!r}, wanted {bytes(self._wanted[:200])!r}")
                return
            self._wanted = self._wanted[len(body) :]
            if not self._wanted:
                self.done.set_result(None)
                self._transport.close()

    def _fail(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(AssertionError(reason))


async def record(server: RedisServer, hub: HubProcess, channel: str) -> list[Event]:
    """The events of RECORDED lines, over several fences."""
    publisher = Publisher(server, [channel], 1, "only", "x" * 100)
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        events: list[Event] = []
        for _ in range(RECORDED // 1_000):
            publisher.publish(1_000)
            events += await stream.take(1_000)
            await current_fence(hub)
    return events


def single_frame(event: Event) -> bytes:
    return f"id: {event.id}\nevent: message\ndata: {event.data}\n\n".encode()


def calls(server: RedisServer, *commands: str) -> int:
    with server.client() as client:
        statistics: dict[str, dict[str, int]] = client.info("commandstats")
    return sum(statistics.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in commands)


async def come_back_at_once(hub: HubProcess, channel: str, events: list[Event]) -> list[float]:
    """The wait of each client for its first line. AssertionError if one does not get exactly what it missed."""
    frames = [single_frame(event) for event in events]
    starts = [0, *itertools.accumulate(map(len, frames))]
    whole = memoryview(b"".join(frames))
    loop = asyncio.get_running_loop()

    async def client() -> float:
        at = random.randrange(len(events) - SPREAD, len(events) - 1)
        request = f"GET /message?channel={channel} HTTP/1.1\r\nHost: hub\r\nLast-Event-ID: {events[at].id}\r\n\r\n"
        _, protocol = await loop.create_connection(
            lambda: Returning(request.encode(), whole[starts[at + 1] :]), "127.0.0.1", hub.port
        )
        await protocol.done
        return protocol.first_seconds

    async with asyncio.timeout(2 * DEADLINE_SECONDS):
        return await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def test_a_reconnect_storm_reads_each_page_of_the_log_about_once() -> None:
    with redis_server() as server, hub_process(server.url) as recorder:
        recorder.wait_recording()
        events = await record(server, recorder, "a")
        with hub_process(server.url) as hub:
            hub.wait_recording()
            # Only the fence script sets the clock.
            read, fences, cpu = (
                calls(server, "xrange"),
                calls(server, "set"),
                psutil.Process(hub.process.pid).cpu_times(),
            )
            started = time.monotonic()
            waits = await come_back_at_once(hub, "a", events)
            seconds = time.monotonic() - started
            read, fences = calls(server, "xrange") - read, calls(server, "set") - fences
            after = psutil.Process(hub.process.pid).cpu_times()

    logger.warning(
        "clients=%d calls=%d fences=%d cpu=%.2f s first max=%.2f s all in %.2f s",
        *(CLIENTS, read, fences, after.user + after.system - cpu.user - cpu.system, max(waits), seconds),
    )
    assert read <= CALLS_A_PAGE * SPREAD / LINES_A_PAGE + CALLS_A_FENCE * fences
    assert max(waits) < WAITED_SECONDS
