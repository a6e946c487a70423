"""
Thousands of clients in one process, from many loopback addresses. They only note when data arrived.

    idle_clients(hub, channel, 10_000) --> IdleClient: asked_at, first_at, beats, lines_at
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from tests.support.servers import HubProcess
from tests.support.settings import DEADLINE_SECONDS

ADDRESSES = 250
HEARTBEAT = b": heartbeat"
LINE = b"event: message"


class IdleClient(asyncio.Protocol):
    """One client. Its times are those of time.monotonic()."""

    def __init__(self, asking: bytes) -> None:
        self.asked_at = time.monotonic()
        self.first_at = 0.0
        self.beats: list[float] = []
        self.lines_at: list[float] = []
        self.head = b""
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking = asking

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._asking)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self.first_at:
            self.first_at = now
            self.head = data[:512]
            self.first.set_result(None)
        if HEARTBEAT in data:
            self.beats.append(now)
        if LINE in data:
            self.lines_at.append(now)

    def connection_lost(self, error: Exception | None) -> None:
        self.gone.set_result(None)
        if not self.first.done():
            self.first.set_result(None)

    @property
    def served(self) -> bool:
        """True if it has a stream, and was neither refused nor disconnected."""
        return b" 200 OK" in self.head and b"refused" not in self.head and not self.gone.done()

    @property
    def waited_seconds(self) -> float:
        """From the connection attempt to the first byte of the response."""
        return self.first_at - self.asked_at


async def connect(hub: HubProcess, channel: str, number: int) -> IdleClient:
    """Client `number`, which has sent its request. Numbers take the loopback addresses in turn."""
    address = f"127.0.1.{1 + number % ADDRESSES}"
    asking = f"GET /message?channel={channel} HTTP/1.1\r\nHost: hub\r\n\r\n".encode()
    listener = IdleClient(asking)
    await asyncio.get_running_loop().create_connection(lambda: listener, "127.0.0.1", hub.port, local_addr=(address, 0))
    return listener


async def connect_all(hub: HubProcess, channel: str, numbers: Iterable[int]) -> list[IdleClient]:
    """Connect these clients at the same time. Returns when each has its first byte."""
    async with asyncio.timeout(6 * DEADLINE_SECONDS):
        listeners = await asyncio.gather(*(connect(hub, channel, number) for number in numbers))
        await asyncio.gather(*(listener.first for listener in listeners))
    return listeners


@asynccontextmanager
async def idle_clients(hub: HubProcess, channel: str, count: int) -> AsyncIterator[list[IdleClient]]:
    """`count` connected clients for the duration of the block."""
    listeners = await connect_all(hub, channel, range(count))
    try:
        yield listeners
    finally:
        await close_all(listeners)


async def close_all(listeners: Iterable[IdleClient]) -> None:
    """Reset their connections: none stays in the kernel in TIME_WAIT."""
    listeners = list(listeners)
    for listener in listeners:
        listener.transport.abort()
    await asyncio.gather(*(listener.gone for listener in listeners))


def p99(seconds: Iterable[float]) -> float:
    """The 99th percentile."""
    ordered = sorted(seconds)
    return ordered[len(ordered) * 99 // 100]
