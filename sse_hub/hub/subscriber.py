"""
A subscriber: the connection of one client of a stream, and when it is behind, its position.

    live:         Feed.flush() --> write()                        the same bytes for all, no task is woken
    catching up:  CatchUp.next_chunk(position) --> write(), one chunk in each turn of the loop, as its transport drains
    in a replay:  Replay.frames(position) --> write(), by a task, until the rings cover the position

A subscriber has no queue, and while it is live, no task. Behind, it is a position, and costs nothing until its
transport drains.
"""

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from sse_hub.hub.position import Position
from sse_hub.protocol.sse import END_OF_BODY, RETRY_MS, auth_frame, checkpoint_frame, http_chunk

if TYPE_CHECKING:
    from sse_hub.hub.feed import Feed

# The transport pauses a subscriber above so many bytes in its buffer, and resumes it below the second number. A live
# subscriber that is paused is left behind. The kernel's buffer is full by then.
HIGH_WATER_BYTES = 32 * 1024
LOW_WATER_BYTES = 8 * 1024
# Between two looks of a subscriber that is ahead of the rings: other hubs record what they have yet to get.
AHEAD_SECONDS = 0.02
# How often a client gets a checkpoint while its filter refuses all lines that it has missed.
CHECKPOINT_SECONDS = 1.0
# A peer that acknowledges nothing for this long is gone. By default, the kernel tries for a quarter of an hour.
PEER_TIMEOUT_MS = 20_000


class Subscriber(asyncio.Protocol):
    """
    One client. `position` is None while it is live. It leaves the hub when its connection is lost.

    `slot` is its place in the `HeartbeatWheel`, `last_progress_at` the loop's time when its client last took something.
    """

    __slots__ = (
        "_ahead",
        "_write_paused",
        "_drained",
        "_end_fence",
        "_ended",
        "_expiry",
        "_close_callbacks",
        "_leave",
        "_loop",
        "_timeout_raised",
        "_stall_ms",
        "_started",
        "_task",
        "feed",
        "heartbeat_seconds",
        "last_progress_at",
        "position",
        "slot",
        "transport",
    )

    def __init__(
        self,
        feed: "Feed",
        transport: asyncio.Transport,
        position: Position,
        stall_seconds: int,
        heartbeat_seconds: int,
        leave: Callable[["Subscriber"], None],
    ) -> None:
        self.feed = feed
        self.transport = transport
        self.position: Position | None = position
        self.heartbeat_seconds = heartbeat_seconds
        self.slot = 0
        self._loop = asyncio.get_running_loop()
        self.last_progress_at = self._loop.time()
        self._leave = leave
        self._stall_ms = stall_seconds * 1000
        # Waiting for the rings, which don't reach as far as the log has brought this subscriber.
        self._ahead = False
        self._write_paused = False
        self._timeout_raised = False
        self._started = False
        self._ended = False
        self._end_fence = 0
        self._expiry = ""
        self._close_callbacks: tuple[Callable[[Subscriber], None], ...] = ()
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None

    # What the hub calls.

    def start(self) -> None:
        """Take over the transport, to which the response head and the first frames were written."""
        self._started = True
        self.transport.set_write_buffer_limits(HIGH_WATER_BYTES, LOW_WATER_BYTES)
        self.transport.set_protocol(self)
        self._step()

    def leave(self) -> None:
        """Leave the hub. Called when the connection is lost, and instead of start() when that is impossible."""
        self._ended = True
        if self._task:
            self._task.cancel()
        self._leave(self)
        callbacks, self._close_callbacks = self._close_callbacks, ()
        for callback in callbacks:
            callback(self)

    def on_close(self, callback: Callable[["Subscriber"], None]) -> None:
        """Call `callback` with this subscriber when it has left, after the callbacks added before."""
        self._close_callbacks += (callback,)

    def fall_behind(self, position: Position) -> None:
        """Stop being live, as `Feed._leave_behind` says. Continue from `position` when the transport drains."""
        self.position = position

    def leave_branch(self, common: int, fence: int) -> None:
        """If it is not live: see `Position.leave_branch`."""
        if self.position is None:
            return
        # A copy: a replay that does not end at once goes on moving the old one.
        self.position = self.position.copy()
        self.position.leave_branch(common, fence)
        if self._task:
            # It reads the log of the dead branch.
            self._task.cancel()
            self._task = None
        if self._started:
            self._loop.call_soon(self._step)

    def stalled_seconds(self, now_seconds: float) -> float:
        """For how long its client has taken nothing that waits for it. What the client sends does not matter."""
        return now_seconds - self.last_progress_at if self._write_paused or self.position is not None else 0.0

    def send_heartbeat(self, heartbeat: bytes) -> None:
        """Write `heartbeat`, unless lines wait to be sent."""
        if (self.position is None or self._ahead) and not self._write_paused and not self._ended:
            self.transport.write(heartbeat)

    def end(self, fence: int, expiry: str = "") -> None:
        """
        End the stream: send the client its position, and when to reconnect.

        `fence` is the last fence. `expiry` is the reason of `event: auth`, if the client may no longer read.
        """
        ended, self._ended, self._end_fence, self._expiry = self._ended, True, fence, expiry
        if self._started and not ended and self._task is None:
            self._finish()

    # What the transport calls.

    def pause_writing(self) -> None:
        self._write_paused = True
        self.last_progress_at = self._loop.time()
        # Linux also counts a peer as gone that acknowledges but takes no bytes, so it would cut a paused client.
        self._set_peer_timeout(self._stall_ms)
        if self.position is None:
            self.feed.pause(self)

    def resume_writing(self) -> None:
        self._write_paused = False
        paused_at, self.last_progress_at = self.last_progress_at, self._loop.time()
        self.feed.counters.write_stalls.add(self.last_progress_at - paused_at)
        if self._drained and not self._drained.done():
            self._drained.set_result(None)
        if self.position is None:
            self.feed.resume(self)
        elif self._task is None:
            self._loop.call_soon(self._step)

    def data_received(self, data: bytes) -> None:
        """Ignored: a client sends nothing on a stream, and `Connection: close` says that no request may follow."""

    def connection_lost(self, error: Exception | None) -> None:
        self.leave()

    # The rest.

    def _step(self) -> None:
        # One chunk in a step, so that a fast reader does not keep the others waiting.
        if self._ended:
            self._finish()
            return
        if self.position is None or self._write_paused or self._task:
            return
        if self.position.rejoin:
            self._write(self.feed.rejoin(self.position))
            if not self._write_paused:
                self._loop.call_soon(self._step)
            return
        if self._ahead:
            self._ahead = False
            self.position.resolve_indexes(self.feed.rings)
        if self.feed.replay.needed(self.position):
            self._task = self._loop.create_task(self._replay(self.position), name="replay")
            self._task.add_done_callback(self._replayed)
            return
        # No await between the last chunk and going live: a line is in the one or the other.
        frames = self.feed.catch_up.next_chunk(self.position)
        if frames is not None:
            self._write_passed(frames, self.position)
            if not self._write_paused:
                self._loop.call_soon(self._step)
            return
        if not self.feed.reaches(self.position):
            # Live, it would get lines again that it has got from the log.
            self._ahead = True
            self.last_progress_at = self._loop.time()
            self._loop.call_later(AHEAD_SECONDS, self._step)
            return
        position, self.position = self.position, None
        if self._timeout_raised:
            self._set_peer_timeout(PEER_TIMEOUT_MS)
        self.feed.go_live(self, position)

    async def _replay(self, position: Position) -> None:
        async with aclosing(self.feed.replay.frames(position)) as replay:
            async for frames in replay:
                # redis-py can swallow a cancellation: then nobody reads this any more.
                if self.transport.is_closing() or asyncio.current_task() is not self._task:
                    return
                self._write_passed(frames, position)
                if self._write_paused:
                    self._drained = self._loop.create_future()
                    await self._drained
                if self._ended:
                    return

    def _replayed(self, task: asyncio.Task[None]) -> None:
        current = task is self._task
        if current:
            self._task = None
        if task.cancelled():
            return
        if error := task.exception():
            self._loop.call_exception_handler({"message": "a replay failed", "exception": error, "task": task})
            self.transport.abort()
        elif current:
            self._step()

    def _finish(self) -> None:
        if self.transport.is_closing():
            return
        id = self.position.cursor() if self.position else self.feed.detach(self, self._end_fence)
        # Spread, so that the clients of a hub that stops don't all reconnect in the same moment.
        retry_ms = round(RETRY_MS * random.uniform(0.5, 1.5))
        self._write(auth_frame(id, retry_ms, self._expiry) if self._expiry else checkpoint_frame(id, retry_ms))
        self.transport.write(END_OF_BODY)
        self.transport.close()

    def _write_passed(self, frames: bytes, position: Position) -> None:
        """Write `frames`, or where no line has passed the filter for a while, how far the stream is."""
        if frames:
            self._write(frames)
        elif self._loop.time() - self.last_progress_at >= CHECKPOINT_SECONDS:
            self._write(checkpoint_frame(position.cursor(), RETRY_MS))

    def _write(self, frames: bytes) -> None:
        self.transport.write(http_chunk(frames))
        self.last_progress_at = self._loop.time()

    def _set_peer_timeout(self, milliseconds: int) -> None:
        self._timeout_raised = milliseconds != PEER_TIMEOUT_MS
        set_peer_timeout(self.transport, milliseconds)


def set_peer_timeout(transport: asyncio.Transport, milliseconds: int) -> None:
    """Let the kernel end the connection of `transport` when its peer acknowledges nothing for `milliseconds`."""
    connection = transport.get_extra_info("socket")
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT") and not transport.is_closing():
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
