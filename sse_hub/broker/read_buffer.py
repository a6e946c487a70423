"""
A read buffer: passes on what a connection receives at once, and in a flood one piece in each turn of the event loop.

    socket --> add(data) ──────────────────────────────► on_data(data)        the usual case: nothing is buffered
                  └──► pieces, off the socket ──► a turn of the loop ──► on_data(piece)

Redis buffers 32 MB for a slow subscriber, or 8 MB for a minute, and then cuts it. So a flood is read sooner than it can
be parsed and passed on. Between two pieces there is time to write to clients, and to record.
"""

import asyncio
from collections import deque
from collections.abc import Callable

# uvloop reads up to 256,000 bytes at once; a read of about that size has left something in the kernel.
FULL_READ_BYTES = 200_000
# A read that took longer to process may also be the start of a flood: the next one waits for its turn.
SLOW_SECONDS = 0.005
# How much is buffered at most; then reading stops, and Redis has to wait.
MAX_AHEAD_BYTES = 128_000_000


class ReadBuffer:
    """Passes the bytes of one connection to `on_data`, in their order."""

    def __init__(self, on_data: Callable[[bytes], None], loop: asyncio.AbstractEventLoop) -> None:
        self._on_data = on_data
        self._loop = loop
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._waiting = False
        self._clock = loop.time
        self._on_finished: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def overloaded(self) -> bool:
        """True while something is buffered."""
        return bool(self._pieces)

    def start(self, transport: asyncio.Transport) -> None:
        """Pause and resume `transport`, where the bytes come from, when too many are buffered."""
        self._transport = transport

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        if not self._waiting and len(data) < FULL_READ_BYTES:
            started = self._clock()
            self._on_data(data)
            # uvloop reads up to 32 times before it does anything else.
            if self._clock() - started > SLOW_SECONDS:
                self._wait()
            return
        self._pieces.append(data)
        self._bytes += len(data)
        if not self._waiting:
            self._wait()
        if self._bytes > MAX_AHEAD_BYTES and self._transport:
            self._transport.pause_reading()

    def finish(self, then: Callable[[], None]) -> None:
        """No more bytes come: call `then` when all of them were passed on."""
        self._transport = None
        if self._pieces:
            self._on_finished = then
        else:
            then()

    def _wait(self) -> None:
        self._waiting = True
        self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._waiting = False
        if self._pieces:
            piece = self._pieces.popleft()
            self._bytes -= len(piece)
            self._on_data(piece)
            if self._transport and self._bytes < MAX_AHEAD_BYTES // 2:
                self._transport.resume_reading()
        if self._pieces:
            self._wait()
        elif self._on_finished:
            self._on_finished()
