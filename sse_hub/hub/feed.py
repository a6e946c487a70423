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
from collections.abc import Callable

from sse_hub.hub.backend import RecordedLog
from sse_hub.hub.catch_up import CatchUp
from sse_hub.hub.channel_throttle import SECOND, ChannelThrottle, throttle_for
from sse_hub.hub.counters import Counters
from sse_hub.hub.encoder import LINES_PER_FRAME, EntrySlice, encoder_of
from sse_hub.hub.position import Position
from sse_hub.hub.replay import Replay
from sse_hub.hub.ring import Entry, Ring
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import checkpoint_frame, gap_frame, heartbeat_frame, http_chunk

logger = logging.getLogger(__name__)

BATCH_SECONDS = 0.05
# A flush to a thousand subscribers takes 6 ms, for one line or for ten. A feed that rests after one that took longer
# than the first of these, for so much of its time, but for no longer than the last, writes half as often. With few
# subscribers it was not the writing that took long.
COOLDOWN_SUBSCRIBERS = 64
COOLDOWN_AFTER_SECONDS = 0.001
COOLDOWN_SHARE = 0.7
COOLDOWN_SECONDS = 0.005


class Feed:
    """
    What the subscribers of one selection in one shape share.

    `replay` and `catch_up` are for those who are behind: what the rings lack, and what the rings hold.
    """

    def __init__(
        self,
        selection: Selection,
        batch: bool,
        max_rate: int,
        recorded_log: RecordedLog,
        counters: Counters,
        loop: asyncio.AbstractEventLoop,
        rate_limit: int = 0,
    ) -> None:
        """`guard` is how many lines of one channel are wanted live in a second, and `allowed` how many are; 0: all."""
        self.selection = selection
        self.batch = batch
        self.max_rate = max_rate
        self._throttle = throttle_for(max_rate, rate_limit)
        self._gap_timer_set = False
        self.rings: dict[str, Ring] = {}
        self.subscribers: set[Subscriber] = set()
        self._encode = encoder_of(selection, batch)
        self.replay = Replay(selection, self.rings, self._encode, recorded_log, counters)
        # Bound once: the fan-out calls these a million times a second.
        self._live: dict[Subscriber, Callable[[bytes], None]] = {}
        self._paused: set[Subscriber] = set()
        self.catch_up = CatchUp(selection, self.rings, self._encode)
        self._position = Position(selection)
        self._pending: list[Entry] = []
        self._pending_lines = 0
        self.counters = counters
        self._delivered = 0
        self._loop = loop
        self._cooldown_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def delivered(self) -> int:
        """How many lines and gaps were written, each counted for each subscriber."""
        return self._delivered + self.replay.lines + self.catch_up.lines

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

    def schedule_flush(self) -> None:
        """Deliver what was offered, now or, in a feed that rests, a moment later."""
        wait = self._cooldown_until - self._loop.time()
        if wait <= 0 or self._pending_lines >= LINES_PER_FRAME:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Write everything offered to every live subscriber, and leave behind those who don't keep up."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._throttle:
            self._roll_window(self._throttle)
        if not self._pending:
            return
        began = time.monotonic()
        self._cooldown_until = began + BATCH_SECONDS if self.batch else 0.0
        if self._paused:
            self._leave_behind()
        pieces = [(entry, 0, entry.length) for entry in self._pending]
        self._pending = []
        self._delivered += self._pending_lines * len(self._live)
        self._pending_lines = 0
        if not self._live:
            return
        frames = b"".join(
            self._throttled_frames(self._throttle, pieces) if self._throttle else self._encode(self._position, pieces)
        )
        if not frames:
            return
        chunk = http_chunk(frames)
        for write in self._live.values():
            write(chunk)
        took = time.monotonic() - began
        if took > COOLDOWN_AFTER_SECONDS and len(self._live) >= COOLDOWN_SUBSCRIBERS and not self.batch:
            self._cooldown_until = began + took + min(took * COOLDOWN_SHARE, COOLDOWN_SECONDS)

    def go_live(self, subscriber: Subscriber) -> None:
        """Write to `subscriber` from now on. It must have had everything in the rings."""
        self.flush()
        self._send_skipped_gaps()
        if not self._live:
            # Nobody was live, so nobody moved the position.
            self._position.move_to_end(self.rings)
        self._live[subscriber] = subscriber.transport.write
        if len(self._live) == len(self.subscribers):
            self.catch_up.clear()

    def pause(self, subscriber: Subscriber) -> None:
        """Leave `subscriber`, which is live and takes no more, behind before the next line."""
        # One that has been told its end may have no room left for it.
        if subscriber in self._live:
            self._paused.add(subscriber)

    def resume(self, subscriber: Subscriber) -> None:
        """Keep `subscriber`, which takes more now, live."""
        self._paused.discard(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget `subscriber`, live or behind."""
        self._live.pop(subscriber, None)
        self._paused.discard(subscriber)
        self.subscribers.discard(subscriber)

    def heartbeat(self, fence: int) -> bytes:
        """A chunk with a comment and the checkpoint of those who are live, after `fence` was seen."""
        self.flush()
        self._send_skipped_gaps()
        return http_chunk(heartbeat_frame(self._position.cursor_at(fence)))

    def detach(self, subscriber: Subscriber, fence: int) -> bytes:
        """Write no more to `subscriber`; the checkpoint of where it is, once `fence` was seen. Nothing if behind."""
        self.flush()
        self._send_skipped_gaps()
        if subscriber not in self._live:
            return b""
        del self._live[subscriber]
        self._paused.discard(subscriber)
        return checkpoint_frame(self._position.cursor_at(fence))

    def _roll_window(self, throttle: ChannelThrottle) -> None:
        now = self._loop.time()
        if throttle.window_over(now):
            self._send_skipped_gaps()
            throttle.begin_window(now)
        elif self._paused:
            # Who is left behind now is past what was skipped.
            self._send_skipped_gaps()

    def _throttled_frames(self, throttle: ChannelThrottle, pieces: list[EntrySlice]) -> list[bytes]:
        frames = self._encode(self._position, throttle.admit(pieces))
        for entry, _, _ in pieces:
            self._position.move(entry.channel, entry.index + entry.length, entry.last)
        if throttle.has_gaps and not self._gap_timer_set:
            # The channel may fall silent: then nothing else would tell.
            self._gap_timer_set = True
            self._loop.call_later(SECOND, self._send_skipped_later)
        return frames

    def _send_skipped_later(self) -> None:
        self._gap_timer_set = False
        self._send_skipped_gaps()

    def _send_skipped_gaps(self) -> None:
        gaps = self._throttle.take_gaps() if self._throttle else []
        if not gaps or not self._live:
            return
        self.counters.gaps.update(gap.reason for gap in gaps)
        chunk = http_chunk(b"".join(gap_frame(None, gap) for gap in gaps))
        for write in self._live.values():
            write(chunk)

    def _leave_behind(self) -> None:
        for subscriber in self._paused:
            del self._live[subscriber]
            position = self._position.copy()
            position.live = True
            subscriber.fall_behind(position)
            logger.info("subscriber_behind channels=%(channels)d", {"channels": len(self.rings)})
        self._paused.clear()
