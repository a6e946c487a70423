"""
An SSE client for tests that follows the standard exactly: it understands a stream as a browser does.

    socket --> HTTP chunks --> Decoder.feed() --> events          open_stream(url) --> Stream, an iterator of events
"""

import asyncio
import json
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from sse_hub.protocol import sse_decoder as decoder
from sse_hub.protocol.sse_decoder import Event
from tests.support.settings import DEADLINE_SECONDS

__all__ = ["Decoder", "Event", "Stream", "check_event", "open_stream"]


class Decoder(decoder.SseDecoder):
    """The decoder of `sse_hub.protocol`, which also keeps the comments."""

    def __init__(self) -> None:
        super().__init__()
        self.comments: list[str] = []

    def comment(self, text: str) -> None:
        self.comments.append(text)


def check_event(event: Event) -> None:
    """AssertionError unless a client that parses the data of every event, and keeps the id of each, can take it."""
    assert event.data, f"{event.type} has no data"
    json.loads(event.data)


class Stream:
    """
    One response. Only the calls below read from its socket, so a test pauses a client by not calling them.

    They return all events but the checkpoints, which are in `checkpoints`. AssertionError for an event that no hub may
    send: see check_event().

    `ended` is true after the end of the body; `ended_cleanly` if the server sent the final chunk.
    `read_at` is the time.monotonic() of the last chunk.
    """

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.ended = False
        self.ended_cleanly = False
        self.decoder = Decoder()
        self.checkpoints: list[Event] = []
        self.read_at = 0.0
        self._reader = reader
        self._events: deque[Event] = deque()

    @property
    def last_event_id(self) -> str:
        """The `Last-Event-ID` that this client would send to resume after all it has read."""
        return self.decoder.last_event_id

    @property
    def held(self) -> Sequence[Event]:
        """The events that were read and not yet taken."""
        return tuple(self._events)

    async def read(self) -> bytes:
        """The next chunk of the body, b"" at its end. Its events are kept for the calls below."""
        if self.ended:
            return b""
        try:
            # RFC 9112 section 7.1: size in hex, CRLF, that many bytes, CRLF; a chunk of size 0 is the end.
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            chunk = await self._reader.readexactly(size + 2)
            assert chunk.endswith(b"\r\n"), "a chunk is longer than its stated size"
            self.ended = self.ended_cleanly = size == 0
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended = True
            return b""
        self.read_at = time.monotonic()
        # A hub's chunk has whole blocks, and only the field of a block's own begins a line with "id: ".
        assert (b"\n" + chunk).count(b"\nid: ") == chunk.count(b"\n\n"), f"a block without an id: {chunk[:1_000]!r}"
        for event in self.decoder.feed(chunk[:-2]):
            check_event(event)
            (self.checkpoints if event.type == "checkpoint" else self._events).append(event)
        return chunk[:-2]

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self.ended:
                raise StopAsyncIteration
            await self.read()
        return self._events.popleft()

    async def take(self, count: int) -> list[Event]:
        """The next `count` events. AssertionError if the stream ends before, TimeoutError if they do not arrive."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            events: list[Event] = []
            while len(events) < count:
                event = await anext(self, None)
                assert event, f"the stream has ended after {len(events)} of {count} events"
                events.append(event)
            return events

    async def until(self, last: Callable[[Event], bool]) -> list[Event]:
        """The next events up to and including the first for which `last` is true. Raises as take() does."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            events: list[Event] = []
            async for event in self:
                events.append(event)
                if last(event):
                    return events
        raise AssertionError(f"the stream has ended after {len(events)} events")

    async def rest(self) -> list[Event]:
        """All events until the stream ends. TimeoutError if it does not end."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return [event async for event in self]

    async def read_until(self, condition: Callable[[], bool]) -> None:
        """Read chunks until `condition` is true or the stream ends. Events are kept for the other calls."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition() and not self.ended:
                await self.read()


@asynccontextmanager
async def open_stream(
    url: str, headers: Mapping[str, str] | None = None, receive_buffer_bytes: int | None = None
) -> AsyncIterator[Stream]:
    """
    A GET of `url`, entered when the first frame has arrived: everything published after that must arrive.

    With a small `receive_buffer_bytes`, the server soon cannot write to a client that does not read.
    """
    parts = urlsplit(url)
    with socket.socket() as connection:
        connection.setblocking(False)
        if receive_buffer_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.get_running_loop().sock_connect(connection, (parts.hostname, parts.port))
            reader, writer = await asyncio.open_connection(sock=connection, limit=receive_buffer_bytes or 2**16)
        try:
            lines = [f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", "Accept: text/event-stream"]
            lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            async with asyncio.timeout(DEADLINE_SECONDS):
                stream = await _response(reader)
            await stream.read_until(lambda: stream.decoder.retry_ms is not None and bool(stream.last_event_id))
            yield stream
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _response(reader: asyncio.StreamReader) -> Stream:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    assert headers.get("transfer-encoding") == "chunked", head
    return Stream(reader, int(status.split()[1]), headers)
