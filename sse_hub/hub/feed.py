"""
A feed: one selection of channels in one shape, encoded once for all its subscribers.

    entries --> offer() --> flush() --> one chunk of bytes --> write() to every live subscriber
                               └──► a paused subscriber is left behind, at its position in the rings

A feed with a filter is offered the matching lines only, by `filtered_feeds`.

A quiet feed flushes at once. After a flush it cools down: for 50 ms with `batch=1`, else, if the flush took long, for a
part of that time. Entries offered meanwhile share the next chunk, which does not wait once there are 500 lines.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from sse_hub.filters.compile import Filter
from sse_hub.hub.backend import RecordedLog
from sse_hub.hub.catch_up import CatchUp
from sse_hub.hub.channel_throttle import SECOND, ChannelThrottle, throttle_for
from sse_hub.hub.counters import Counters
from sse_hub.hub.encoder import LINES_PER_FRAME, advance, encoder_of
from sse_hub.hub.position import Position
from sse_hub.hub.replay import Replay
from sse_hub.hub.ring import Batch, Entry, EntrySlice, Ring, RingGap
from sse_hub.hub.start_position import forked_gaps
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import RETRY_MS, checkpoint_frame, gap_frame, heartbeat_frame, http_chunk

logger = logging.getLogger(__name__)

BATCH_SECONDS = 0.05
# A flush to a thousand subscribers takes 6 ms, for one line or for ten. So a feed with at least COOLDOWN_SUBSCRIBERS
# cools down after a flush that took longer than COOLDOWN_AFTER_SECONDS: for COOLDOWN_SHARE of that time, at most
# COOLDOWN_SECONDS. Then it writes half as often. With fewer subscribers, the writing was not what took long.
COOLDOWN_SUBSCRIBERS = 64
COOLDOWN_AFTER_SECONDS = 0.001
COOLDOWN_SHARE = 0.7
COOLDOWN_SECONDS = 0.005


class Feed:
    """
    What the subscribers of one selection in one shape share.

    `replay` and `catch_up` are for subscribers that are behind: what the rings lack, and what the rings hold.
    """

    def __init__(
        self,
        selection: Selection,
        batch: bool,
        max_rate: int,
        recorded_log: RecordedLog,
        counters: Counters,
        loop: asyncio.AbstractEventLoop,
        last_fence: Callable[[], int],
        rate_limit: int = 0,
        filter: Filter | None = None,
    ) -> None:
        """
        Its subscribers get the lines that pass `filter`, and all gaps.

        `max_rate` and `rate_limit` are lines per second and channel: those that the client requests, and those that the
        hub allows; 0: no limit. `last_fence()` is the last fence whose lines are in the rings.
        """
        self.selection = selection
        self.batch = batch
        self.max_rate = max_rate
        self.filter = filter
        self._throttle = throttle_for(max_rate, rate_limit)
        self._gap_timer_set = False
        self.rings: dict[str, Ring] = {}
        # True when it carries all known channels of the selection. Those that come later are added at once.
        self.attached = False
        # Streams that are being prepared, and will subscribe.
        self.awaited = 0
        self.subscribers: set[Subscriber] = set()
        self._encode = encoder_of(selection, batch)
        self.replay = Replay(selection, self.rings, self._encode, recorded_log, counters, filter)
        # Bound once: fan-out calls these a million times a second.
        self._live: dict[Subscriber, Callable[[bytes], None]] = {}
        self._paused: set[Subscriber] = set()
        self.catch_up = CatchUp(selection, self.rings, self._encode, filter)
        self._position = Position(selection)
        self._pending: list[EntrySlice] = []
        # Gaps of lines that the filter did not look at, by channel: they grow until something else is offered.
        self._growing: dict[str, int] = {}
        self._pending_lines = 0
        self.counters = counters
        self._delivered = 0
        self._loop = loop
        self._last_fence = last_fence
        self._cooldown_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def delivered(self) -> int:
        """The number of lines and gaps written, counted for each subscriber."""
        return self._delivered + self.replay.lines + self.catch_up.lines

    def add_channel(self, name: str, ring: Ring) -> None:
        """Add channel `name`. Live subscribers don't get its lines so far."""
        self.rings[name] = ring
        self._position.indexes[name] = ring.end
        self._position.ids[name] = ring.last

    def remove_channels(self, names: Sequence[str]) -> None:
        """Remove the channels `names`, whose rings are forgotten. What subscribers lack of them is in the log."""
        # What still waits to be sent would move the position past the old ring again.
        self.flush()
        behind = [each.position for each in self.subscribers if each.position]
        for position in (self._position, *behind):
            for name in names:
                # A ring of the same name would count from 0 again.
                position.indexes.pop(name, None)
        for name in names:
            self.rings.pop(name, None)

    def offer(self, entry: Entry) -> None:
        """Take the newest entry of one of the rings, for the next flush()."""
        if self._live:
            self._pending.append((entry, 0, entry.length))
            self._pending_lines += entry.length
            self._growing.clear()

    def offer_slice(self, entry: Batch, start: int, stop: int) -> None:
        """Take the lines of `entry`, the newest of one of the rings, between two offsets: they pass the filter."""
        if self._live:
            self._pending.append((entry, start, stop))
            self._pending_lines += stop - start
            self._growing.clear()

    def offer_later(self, gap: RingGap) -> None:
        """
        Take a gap in place of lines that the filter did not look at. It is written before the next line, or after a
        second: until then, it grows with the next one.
        """
        if not self._live:
            return
        at = self._growing.get(gap.channel)
        if at is not None:
            grown, _, _ = self._pending[at]
            assert isinstance(grown, RingGap), "a gap grows"
            gap.gap = gap.gap._replace(after=grown.gap.after)
            self._pending[at] = (gap, 0, 1)
            return
        if not self._growing:
            self._set_gap_timer()
        self._growing[gap.channel] = len(self._pending)
        self._pending.append((gap, 0, 1))
        self._pending_lines += 1
        self.counters.gaps[gap.gap.reason] += 1

    def schedule_flush(self) -> None:
        """Flush what was offered, at once or after the cooldown."""
        wait = self._cooldown_until - self._loop.time()
        if wait <= 0 or self._pending_lines >= LINES_PER_FRAME:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Write everything offered to every live subscriber, after leaving those behind that are paused."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._throttle:
            self._roll_window(self._throttle)
        if not self._pending:
            return
        started = time.monotonic()
        self._cooldown_until = started + BATCH_SECONDS if self.batch else 0.0
        if self._paused and not self.filter:
            self._leave_behind()
        slices, self._pending = self._pending, []
        self._growing.clear()
        self._delivered += self._pending_lines * len(self._live)
        self._pending_lines = 0
        if not self._live:
            return
        frames = b"".join(
            self._throttled_frames(self._throttle, slices) if self._throttle else self._encode(self._position, slices)
        )
        if not frames:
            return
        chunk = http_chunk(frames)
        for write in self._live.values():
            write(chunk)
        if self._paused:
            # Only now is it known where they are: behind all that has come, whether it has passed the filter or not.
            self._send_skipped_gaps()
            self._position.move_to_ends(self.rings)
            self._leave_behind()
        took = time.monotonic() - started
        if took > COOLDOWN_AFTER_SECONDS and len(self._live) >= COOLDOWN_SUBSCRIBERS and not self.batch:
            self._cooldown_until = started + took + min(took * COOLDOWN_SHARE, COOLDOWN_SECONDS)

    def go_live(self, subscriber: Subscriber, position: Position) -> None:
        """
        Write to `subscriber` from now on. It must have got everything in the rings, and be at `position` there.

        It gets a checkpoint if that is not the last fence: the last line on a quiet channel may be old.
        """
        cursor = position.cursor()
        self.flush()
        self._send_skipped_gaps()
        if not self._live:
            # Without a live subscriber, nothing has moved the feed's own position.
            self._position = position
            position.was_live = False
        id = self._position.cursor_at(self._last_fence())
        if id != cursor:
            subscriber.transport.write(http_chunk(checkpoint_frame(id, RETRY_MS)))
        self._live[subscriber] = subscriber.transport.write
        if len(self._live) == len(self.subscribers):
            self.catch_up.clear()

    def pause(self, subscriber: Subscriber) -> None:
        """Leave `subscriber`, whose transport is full, behind before the next line."""
        # Not live: it is being ended, and its last frames have filled the transport.
        if subscriber in self._live:
            self._paused.add(subscriber)

    def resume(self, subscriber: Subscriber) -> None:
        """Keep `subscriber`, whose transport has drained, live."""
        self._paused.discard(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """Remove `subscriber`, live or behind."""
        self._live.pop(subscriber, None)
        self._paused.discard(subscriber)
        self.subscribers.discard(subscriber)

    def heartbeat(self, fence: int) -> bytes:
        """A chunk with a comment and the checkpoint of the live subscribers, after `fence` has come."""
        self.flush()
        self._send_skipped_gaps()
        return http_chunk(heartbeat_frame(self._position.cursor_at(fence)))

    def detach(self, subscriber: Subscriber, fence: int) -> bytes:
        """Write no more to `subscriber`, which is live. Returns the id of its position, after `fence` has come."""
        self.flush()
        self._send_skipped_gaps()
        if subscriber.position:
            # It was paused, and the flush has left it behind.
            return subscriber.position.cursor()
        del self._live[subscriber]
        self._paused.discard(subscriber)
        return self._position.cursor_at(fence)

    def leave_branch(self, common: int, fence: int) -> None:
        """
        Write what was offered; it and all else after the fence `common` is a dead branch. The next one begins with
        `fence`. Live subscribers get the gap from their rings, the others before anything else.
        """
        self.flush()
        if self._paused:
            self._leave_behind()
        self.catch_up.clear()
        for subscriber in self.subscribers:
            subscriber.leave_branch(common, fence)

    def reaches(self, position: Position) -> bool:
        """False while a replay has brought `position` further than the rings, which get those lines only later."""
        return position.fence <= self._last_fence()

    def rejoin(self, position: Position) -> bytes:
        """Frames for a `position` on a dead branch, which goes on where its `rejoin` says."""
        assert position.rejoin, "it is on a dead branch"
        gaps = forked_gaps(self.selection, position.rejoin)
        self.counters.gaps.update(gap.reason for gap in gaps)
        # Until it has all these gaps, the client keeps its id.
        frames = [gap_frame(position.cursor(), gap) for gap in gaps]
        position.restart(position.rejoin.fence)
        position.resolve_indexes(self.rings)
        return b"".join([*frames, checkpoint_frame(position.cursor(), RETRY_MS)])

    def _roll_window(self, throttle: ChannelThrottle) -> None:
        now = self._loop.time()
        if throttle.window_over(now):
            self._send_skipped_gaps()
            throttle.begin_window(now)
        elif self._paused:
            # Subscribers that are left behind now have passed what was skipped.
            self._send_skipped_gaps()

    def _throttled_frames(self, throttle: ChannelThrottle, slices: list[EntrySlice]) -> list[bytes]:
        frames = self._encode(self._position, throttle.admit(slices))
        for entry, _, stop in slices:
            advance(self._position, entry, stop)
        if throttle.has_gaps:
            # If the channel falls silent, no later flush sends the gap.
            self._set_gap_timer()
        return frames

    def _set_gap_timer(self) -> None:
        if not self._gap_timer_set:
            self._gap_timer_set = True
            self._loop.call_later(SECOND, self._send_gaps_later)

    def _send_gaps_later(self) -> None:
        self._gap_timer_set = False
        self.flush()
        self._send_skipped_gaps()

    def _send_skipped_gaps(self) -> None:
        gaps = self._throttle.take_gaps() if self._throttle else []
        if not gaps or not self._live:
            return
        self.counters.gaps.update(gap.reason for gap in gaps)
        chunk = http_chunk(b"".join(gap_frame(self._position.cursor(), gap) for gap in gaps))
        for write in self._live.values():
            write(chunk)

    def _leave_behind(self) -> None:
        for subscriber in self._paused:
            del self._live[subscriber]
            position = self._position.copy()
            position.was_live = True
            subscriber.fall_behind(position)
            logger.info("subscriber_behind channels=%(channels)d", {"channels": len(self.rings)})
        self._paused.clear()
