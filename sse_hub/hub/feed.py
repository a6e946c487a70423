"""
A feed: one selection of channels in one shape, encoded once for all its subscribers.

    entries --> offer() --> flush() --> one chunk of bytes --> write() to every live subscriber
                               └──► a clogged subscriber is left behind, at its position in the rings

A feed flushes at once when it was quiet. After a flush it rests: for 50 ms with `batch=1`, else a part of the time that
the flush took, if that was long. What comes meanwhile shares the next chunk, at 500 lines without waiting.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable

from sse_hub.hub.catch_up import Backlog
from sse_hub.hub.channel_throttle import SECOND, Guard, guard_of
from sse_hub.hub.counters import Tally
from sse_hub.hub.encoder import LINES_PER_FRAME, Piece, encoder_of
from sse_hub.hub.position import Position
from sse_hub.hub.replay import Library, Replay, lacking_of
from sse_hub.hub.ring import Entry, Ring
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import checkpoint_frame, gap_frame, heartbeat_frame, http_chunk

logger = logging.getLogger(__name__)

BATCH_SECONDS = 0.05
# A flush to a thousand subscribers takes 6 ms, for one line or for ten. A feed that rests after one that took longer
# than the first of these, for so much of its time, but for no longer than the last, writes half as often. With few
# subscribers it was not the writing that took long.
REST_SUBSCRIBERS = 64
REST_AFTER_SECONDS = 0.001
REST_SHARE = 0.7
REST_SECONDS = 0.005


class Feed:
    """What the subscribers of one selection in one shape share."""

    def __init__(
        self,
        selection: Selection,
        batch: bool,
        guard: int,
        library: Library,
        tally: Tally,
        loop: asyncio.AbstractEventLoop,
        allowed: int = 0,
    ) -> None:
        """`guard` is how many lines of one channel are wanted live in a second, and `allowed` how many are; 0: all."""
        self.selection = selection
        self.batch = batch
        self.guard = guard
        self._guard = guard_of(guard, allowed)
        self._telling = False
        self.rings: dict[str, Ring] = {}
        self.subscribers: set[Subscriber] = set()
        self._encode = encoder_of(selection, batch)
        self._replay = Replay(selection, self._encode, library, tally)
        # Bound once: the fan-out calls these a million times a second.
        self._live: dict[Subscriber, Callable[[bytes], None]] = {}
        self._clogged: set[Subscriber] = set()
        self._backlog = Backlog(selection, self.rings, self._encode)
        self._position = Position(selection)
        self._pending: list[Entry] = []
        self._pending_lines = 0
        self._tally = tally
        self._delivered = 0
        self._loop = loop
        self._rests_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def delivered(self) -> int:
        """How many lines and gaps were written, each counted for each subscriber."""
        return self._delivered + self._replay.lines + self._backlog.lines

    def attach(self, name: str, ring: Ring) -> None:
        """Add a channel; its lines so far are not delivered to those who are live."""
        self.rings[name] = ring
        self._position.indexes[name] = ring.end
        self._position.ids[name] = ring.last

    def offer(self, entry: Entry) -> None:
        """Take the newest entry of one of the rings; flush() delivers it."""
        if self._live:
            self._pending.append(entry)
            self._pending_lines += entry.length

    def turn(self) -> None:
        """Deliver what was offered, now or, in a feed that rests, a moment later."""
        wait = self._rests_until - self._loop.time()
        if wait <= 0 or self._pending_lines >= LINES_PER_FRAME:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Write everything offered to every live subscriber, and leave behind those who don't keep up."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._guard:
            self._keep_guard(self._guard)
        if not self._pending:
            return
        began = time.monotonic()
        self._rests_until = began + BATCH_SECONDS if self.batch else 0.0
        if self._clogged:
            self._leave_behind()
        pieces = [(entry, 0, entry.length) for entry in self._pending]
        self._pending = []
        self._delivered += self._pending_lines * len(self._live)
        self._pending_lines = 0
        if not self._live:
            return
        frames = b"".join(self._guarded(self._guard, pieces) if self._guard else self._encode(self._position, pieces))
        if not frames:
            return
        chunk = http_chunk(frames)
        for write in self._live.values():
            write(chunk)
        took = time.monotonic() - began
        if took > REST_AFTER_SECONDS and len(self._live) >= REST_SUBSCRIBERS and not self.batch:
            self._rests_until = began + took + min(took * REST_SHARE, REST_SECONDS)

    def go_live(self, subscriber: Subscriber) -> None:
        """Write to `subscriber` from now on. It must have had everything in the rings."""
        self.flush()
        self._tell_skipped()
        if not self._live:
            # Nobody was live, so nobody moved the position.
            self._position.move_to_end(self.rings)
        self._live[subscriber] = subscriber.transport.write
        if len(self._live) == len(self.subscribers):
            self._backlog.clear()

    def clog(self, subscriber: Subscriber) -> None:
        """Leave `subscriber`, which is live and takes no more, behind before the next line."""
        # One that has been told its end may have no room left for it.
        if subscriber in self._live:
            self._clogged.add(subscriber)

    def unclog(self, subscriber: Subscriber) -> None:
        """Keep `subscriber`, which takes more now, live."""
        self._clogged.discard(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget `subscriber`, live or behind."""
        self._live.pop(subscriber, None)
        self._clogged.discard(subscriber)
        self.subscribers.discard(subscriber)

    def beyond_rings(self, position: Position) -> bool:
        """True when lines after `position` have left the rings, or were never in them."""
        return bool(lacking_of(position, self.rings))

    def replay(self, position: Position) -> AsyncGenerator[bytes, None]:
        """Frames from the log, and gaps, until the rings cover `position`, which is moved past them."""
        return self._replay.frames(position, self.rings)

    def backlog(self, position: Position) -> bytes:
        """The next frames after `position`, which is moved past them and must be covered by the rings; see Backlog."""
        return self._backlog.take(position)

    def owed_bytes(self, position: Position) -> int:
        """About how much comes after `position` in the rings."""
        return self._backlog.owed_bytes(position)

    def stalled(self, seconds: float) -> None:
        """A subscriber has taken nothing for `seconds`."""
        self._tally.write_stalls.add(seconds)

    def heartbeat(self, fence: int) -> bytes:
        """A chunk with a comment and the checkpoint of those who are live, after `fence` was seen."""
        self.flush()
        self._tell_skipped()
        return http_chunk(heartbeat_frame(self._position.cursor_at(fence)))

    def retire(self, subscriber: Subscriber, fence: int) -> bytes:
        """Write no more to `subscriber`; the checkpoint of where it is, once `fence` was seen. Nothing if behind."""
        self.flush()
        self._tell_skipped()
        if subscriber not in self._live:
            return b""
        del self._live[subscriber]
        self._clogged.discard(subscriber)
        return checkpoint_frame(self._position.cursor_at(fence))

    def _keep_guard(self, guard: Guard) -> None:
        now = self._loop.time()
        if guard.over(now):
            self._tell_skipped()
            guard.begin(now)
        elif self._clogged:
            # Who is left behind now is past what was skipped.
            self._tell_skipped()

    def _guarded(self, guard: Guard, pieces: list[Piece]) -> list[bytes]:
        frames = self._encode(self._position, guard.admit(pieces))
        for entry, _, _ in pieces:
            self._position.move(entry.channel, entry.index + entry.length, entry.last)
        if guard.waiting and not self._telling:
            # The channel may fall silent: then nothing else would tell.
            self._telling = True
            self._loop.call_later(SECOND, self._tell_later)
        return frames

    def _tell_later(self) -> None:
        self._telling = False
        self._tell_skipped()

    def _tell_skipped(self) -> None:
        gaps = self._guard.skipped() if self._guard else []
        if not gaps or not self._live:
            return
        self._tally.gaps.update(gap.reason for gap in gaps)
        chunk = http_chunk(b"".join(gap_frame(None, gap) for gap in gaps))
        for write in self._live.values():
            write(chunk)

    def _leave_behind(self) -> None:
        for subscriber in self._clogged:
            del self._live[subscriber]
            position = self._position.copy()
            position.live = True
            subscriber.fall_behind(position)
            logger.info("subscriber_behind channels=%d", len(self.rings))
        self._clogged.clear()
