"""
One client of a stream: its transport, and when it is behind, its position.

    live:    Feed.flush() --> write()              the same bytes for all, no task wakes up
    behind:  Feed.backlog(position) --> send()     its own task, at the pace of its client, from the rings
    beyond:  Feed.replay(position) --> send()      the same, from the log, until the rings cover it

A subscriber has no queue. Behind, it is a position and costs nothing until its transport drains.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

from sse_hub.position import Position

# Bytes in a live subscriber's transport above which it is left behind. The kernel's buffer is full by then.
HIGH_WATER_BYTES = 32 * 1024
# A peer that acknowledges nothing for this long is gone. Without it, lines to a dead peer wait a quarter of an hour.
PEER_TIMEOUT_MS = 20_000


class Supply(Protocol):
    """What a subscriber needs of its feed."""

    def beyond_rings(self, position: Position) -> bool:
        """True when what comes after `position` is not in memory."""

    def replay(self, position: Position) -> AsyncGenerator[bytes, None]:
        """The next frames from the log, until the rest is in memory."""

    def backlog(self, position: Position) -> bytes:
        """The next frames after `position`, which is moved past them; nothing when it has caught up."""

    def go_live(self, subscriber: "Subscriber") -> None:
        """From now on write to `subscriber` as lines come."""

    def heartbeat(self, fence: int) -> bytes:
        """A chunk for those who are live."""

    def retire(self, subscriber: "Subscriber", fence: int) -> bytes:
        """Write no more to `subscriber`, which is live; the frame that tells it where it is."""


class Subscriber:
    """One client. `position` is None while it is live. At the end of its `with` block it leaves the hub."""

    __slots__ = (
        "_end_fence",
        "_ended",
        "_leave",
        "_loop",
        "_patient",
        "_stall_ms",
        "_wakeup",
        "buffered_bytes",
        "feed",
        "gone",
        "moved_at",
        "position",
        "slot",
        "transport",
        "write",
    )

    def __init__(
        self,
        feed: Supply,
        transport: asyncio.Transport,
        position: Position,
        stall_seconds: int,
        leave: Callable[["Subscriber"], None],
    ) -> None:
        self.feed = feed
        self.transport = transport
        self.position: Position | None = position
        # Bound once: the fan-out calls these a million times a second.
        self.write = transport.write
        self.buffered_bytes = transport.get_write_buffer_size
        self.gone = transport.is_closing
        self.slot = 0
        self._loop = asyncio.get_running_loop()
        self._leave = leave
        self.moved_at = self._loop.time()
        self._stall_ms = stall_seconds * 1000
        self._patient = False
        self._ended = False
        self._end_fence = 0
        self._wakeup: asyncio.Future[None] | None = None

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(self, *error: object) -> None:
        self._leave(self)

    @property
    def clogged(self) -> bool:
        """True when its client takes bytes slower than they come, or has gone: uvloop raises on a write to that."""
        return self.buffered_bytes() > HIGH_WATER_BYTES or self.gone()

    def fall_behind(self, position: Position) -> None:
        """Stop being live; its task goes on from `position` when the transport drains."""
        self.position = position
        self.moved_at = self._loop.time()
        # Linux counts a peer that acknowledges but takes no bytes as gone, too, so a paused client would be cut.
        self._set_peer_timeout(self._stall_ms)
        self._wake()

    def beat(self, heartbeat: bytes) -> None:
        """Write a heartbeat, unless lines already wait to be sent."""
        if self.position is None and not self.clogged:
            self.write(heartbeat)

    def end(self, fence: int) -> None:
        """Make run() return; `fence` is the last that was seen."""
        self._ended = True
        self._end_fence = fence
        self._wake()

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> bytes:
        """
        Serve the client until end() is called. `send` writes with back-pressure and is used only while behind.

        Returns the frames to send last: a checkpoint, or nothing for one that is behind, whose last line has told it.
        """
        while not self._ended:
            if self.position and self.feed.beyond_rings(self.position):
                await self._replay(self.position, send)
                continue
            # From the last, empty backlog to going live there is no await: a line is in the one or the other.
            frames = self.feed.backlog(self.position) if self.position else b""
            if frames:
                await self._send(frames, send)
                continue
            if self.position:
                self.position = None
                if self._patient:
                    self._set_peer_timeout(PEER_TIMEOUT_MS)
                self.feed.go_live(self)
            self._wakeup = self._loop.create_future()
            await self._wakeup
        return b"" if self.position else self.feed.retire(self, self._end_fence)

    async def _replay(self, position: Position, send: Callable[[bytes], Awaitable[None]]) -> None:
        async with aclosing(self.feed.replay(position)) as replay:
            async for frames in replay:
                await self._send(frames, send)
                if self._ended:
                    return

    async def _send(self, frames: bytes, send: Callable[[bytes], Awaitable[None]]) -> None:
        if not self._patient:
            # It came with a position and was never live.
            self._set_peer_timeout(self._stall_ms)
        await send(frames)
        self.moved_at = self._loop.time()

    def _set_peer_timeout(self, milliseconds: int) -> None:
        self._patient = milliseconds != PEER_TIMEOUT_MS
        set_peer_timeout(self.transport, milliseconds)

    def _wake(self) -> None:
        if self._wakeup and not self._wakeup.done():
            self._wakeup.set_result(None)


def set_peer_timeout(transport: asyncio.Transport, milliseconds: int) -> None:
    """Have the kernel end the connection of `transport` when its peer has acknowledged nothing for so long."""
    connection = transport.get_extra_info("socket")
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT") and not transport.is_closing():
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
