"""
What a connection brings, taken at once, or where it comes as a flood, a piece a turn of the event loop.

    socket --> add(data) ──────────────────────────────► take(data)        the usual case: nothing is left behind
                  └──► pieces, off the socket ──► a turn of the loop ──► take(piece)

Redis holds 32 MB for a subscriber that is slow, or 8 MB for a minute, and then cuts it. So a flood is taken
off its hands sooner than it can be parsed and passed on; between two pieces there is time to write, and to record.
"""

import asyncio
from collections import deque
from collections.abc import Callable

# uvloop reads up to 256,000 bytes at a time; a read of about that length has left something in the kernel.
FULL_READ_BYTES = 200_000
# What takes longer than this may be the beginning of a flood, too: the next read waits for its turn.
SLOW_SECONDS = 0.005
# How much is taken ahead of its turn; beyond that Redis has to wait.
MAX_AHEAD_BYTES = 128_000_000


class ReadBuffer:
    """The bytes of one connection, in their order, on their way to `take`."""

    def __init__(self, take: Callable[[bytes], None], loop: asyncio.AbstractEventLoop) -> None:
        self._on_data = take
        self._loop = loop
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._waiting = False
        self._clock = loop.time
        self._at_end: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def overloaded(self) -> bool:
        """True while something waits for its turn."""
        return bool(self._pieces)

    def start(self, transport: asyncio.Transport) -> None:
        """`transport` is where the bytes come from; it is paused when too many wait."""
        self._transport = transport

    def add(self, data: bytes) -> None:
        """What has come next."""
        if not self._waiting and len(data) < FULL_READ_BYTES:
            begun = self._clock()
            self._on_data(data)
            # uvloop reads 32 times before it turns to anything else.
            if self._clock() - begun > SLOW_SECONDS:
                self._wait()
            return
        self._pieces.append(data)
        self._bytes += len(data)
        if not self._waiting:
            self._wait()
        if self._bytes > MAX_AHEAD_BYTES and self._transport:
            self._transport.pause_reading()

    def finish(self, then: Callable[[], None]) -> None:
        """Nothing more comes; call `then` when all that has come is taken."""
        self._transport = None
        if self._pieces:
            self._at_end = then
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
        elif self._at_end:
            self._at_end()
