"""
Raw TCP connections from any loopback address, for clients that send too much, too little or too slowly.

    raw_connection(hub, "127.0.0.2") --> RawConnection.send(), drip() --> answer(): everything until the connection ends
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple

from tests.support.servers import HubProcess
from tests.support.settings import DEADLINE_SECONDS
from tests.support.sse_client import Decoder, Event, check_event

LOCALHOST = "127.0.0.1"


class RawResponse(NamedTuple):
    """A response, and how long after the connection was opened it ended."""

    status: int
    head: str
    body: bytes
    seconds: float

    @property
    def detail(self) -> str:
        """The detail of an error."""
        return str(json.loads(self.body)["detail"])

    def stream(self) -> tuple[list[Event], Decoder]:
        """The events of a body that is a cleanly ended stream, but for checkpoints, and the decoder."""
        assert self.body.endswith(b"0\r\n\r\n"), self.body
        decoder, rest, events = Decoder(), self.body, []
        while (size := int(rest.partition(b"\r\n")[0], 16)) > 0:
            begin = rest.index(b"\r\n") + 2
            events += decoder.feed(rest[begin : begin + size])
            rest = rest[begin + size + 2 :]
        for event in events:
            check_event(event)
        return [event for event in events if event.type != "checkpoint"], decoder


class RawConnection:
    """One connection. It sends whatever bytes the test gives it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made_at = time.monotonic()
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Send `data` without waiting until it is sent."""
        self._writer.write(data)

    async def read_until(self, mark: bytes) -> bytes:
        """The received data up to `mark`."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._reader.readuntil(mark)

    async def ended(self) -> float:
        """Return when the other end has closed the connection, with the seconds since it was opened."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            with suppress(ConnectionError):
                while await self._reader.read(65536):
                    pass
        return time.monotonic() - self.made_at

    async def answer(self) -> RawResponse:
        """Everything received until the connection ends."""
        received = b""
        async with asyncio.timeout(DEADLINE_SECONDS):
            with suppress(ConnectionError):
                while data := await self._reader.read(65536):
                    received += data
        head, _, body = received.partition(b"\r\n\r\n")
        status = int(head.split()[1]) if head else 0
        return RawResponse(status, head.decode("latin-1"), body, time.monotonic() - self.made_at)

    async def drip(self, data: bytes, every_seconds: float) -> None:
        """Send `data` byte by byte, until all is sent or the connection is closed."""
        with suppress(ConnectionError):
            for byte in data:
                self._writer.write(bytes([byte]))
                await asyncio.sleep(every_seconds)


@asynccontextmanager
async def raw_connection(
    hub: HubProcess, address: str = LOCALHOST, receive_buffer_bytes: int | None = None
) -> AsyncIterator[RawConnection]:
    """A connection to `hub` from the loopback address `address`."""
    with socket.socket() as connection:
        connection.setblocking(False)
        if receive_buffer_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        connection.bind((address, 0))
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.get_running_loop().sock_connect(connection, (LOCALHOST, hub.port))
            reader, writer = await asyncio.open_connection(sock=connection, limit=receive_buffer_bytes or 2**16)
        try:
            yield RawConnection(reader, writer)
        finally:
            writer.transport.abort()


def request_head(path: str, *headers: str, method: str = "GET") -> bytes:
    """The head of a request with `Connection: close`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: hub", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


async def send_raw(hub: HubProcess, data: bytes, address: str = LOCALHOST) -> RawResponse:
    """Send `data` to `hub` and return its response."""
    async with raw_connection(hub, address) as connection:
        connection.send(data)
        return await connection.answer()


@asynccontextmanager
async def open_streams(
    hub: HubProcess, channel: str, count: int, address: str = LOCALHOST, headers: Sequence[str] = ()
) -> AsyncIterator[list[RawConnection]]:
    """`count` open streams from `address`, each with its first frames received."""
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(raw_connection(hub, address)) for _ in range(count)]
        for each in wires:
            each.send(request_head(f"/message?channel={channel}", *headers))
        for each in wires:
            head = await each.read_until(b"\r\n\r\n")
            frames = await each.read_until(b"\n\n\r\n")
            assert b"refused" not in frames, head + frames
        yield wires
