"""
Bare connections, from any address of this machine: for clients that send too much, too little, or too slowly.

    wire(hub, "127.0.0.2") --> Wire.send(), drip() --> answer(): everything up to the end of the connection
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
from tests.support.sse_client import Decoder, Event

LOCALHOST = "127.0.0.1"


class RawResponse(NamedTuple):
    """An answer, and how long after the connection was made it was over."""

    status: int
    head: str
    body: bytes
    seconds: float

    @property
    def detail(self) -> str:
        """What an error says."""
        return str(json.loads(self.body)["detail"])

    def stream(self) -> tuple[list[Event], Decoder]:
        """The events of a body that is a stream which has ended in good order, and what else was in it."""
        assert self.body.endswith(b"0\r\n\r\n"), self.body
        decoder, rest, events = Decoder(), self.body, []
        while (size := int(rest.partition(b"\r\n")[0], 16)) > 0:
            begin = rest.index(b"\r\n") + 2
            events += decoder.feed(rest[begin : begin + size])
            rest = rest[begin + size + 2 :]
        return events, decoder


class RawConnection:
    """One connection. What it sends is whatever it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made_at = time.monotonic()
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Send `data`; nobody waits until it has gone."""
        self._writer.write(data)

    async def read_until(self, mark: bytes) -> bytes:
        """What comes up to `mark`."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._reader.readuntil(mark)

    async def ended(self) -> float:
        """Return when the other end has ended the connection: how long after it was made, in seconds."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            with suppress(ConnectionError):
                while await self._reader.read(65536):
                    pass
        return time.monotonic() - self.made_at

    async def answer(self) -> RawResponse:
        """All that comes to the end of the connection."""
        received = b""
        async with asyncio.timeout(DEADLINE_SECONDS):
            with suppress(ConnectionError):
                while data := await self._reader.read(65536):
                    received += data
        head, _, body = received.partition(b"\r\n\r\n")
        status = int(head.split()[1]) if head else 0
        return RawResponse(status, head.decode("latin-1"), body, time.monotonic() - self.made_at)

    async def drip(self, data: bytes, every_seconds: float) -> None:
        """Send a byte at a time, for as long as there are any and somebody takes them."""
        with suppress(ConnectionError):
            for byte in data:
                self._writer.write(bytes([byte]))
                await asyncio.sleep(every_seconds)


@asynccontextmanager
async def raw_connection(
    hub: HubProcess, address: str = LOCALHOST, receive_buffer_bytes: int | None = None
) -> AsyncIterator[RawConnection]:
    """A connection to `hub` from `address`, which is one of loopback."""
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
    """A request's head, with an end to the connection after the answer."""
    lines = [f"{method} {path} HTTP/1.1", "Host: hub", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


async def send_raw(hub: HubProcess, data: bytes, address: str = LOCALHOST) -> RawResponse:
    """What `hub` answers to `data`."""
    async with raw_connection(hub, address) as connection:
        connection.send(data)
        return await connection.answer()


@asynccontextmanager
async def open_streams(
    hub: HubProcess, channel: str, count: int, address: str = LOCALHOST, headers: Sequence[str] = ()
) -> AsyncIterator[list[RawConnection]]:
    """As many streams from `address`, each with its first frames."""
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(raw_connection(hub, address)) for _ in range(count)]
        for each in wires:
            each.send(request_head(f"/message?channel={channel}", *headers))
        for each in wires:
            head = await each.read_until(b"\r\n\r\n")
            frames = await each.read_until(b"\n\n\r\n")
            assert b"refused" not in frames, head + frames
        yield wires
