"""
The hub: the subscribers of what the ingest receives, and where in the rings each of them starts.

    source --> Ingest --> rings --> feeds --> subscribers
    a client --> prepare_stream() --> Feed, Position --> subscribe() --> a subscriber of the feed

Everything here runs in one event loop, and only `prepare_stream()` and `drain()` await. Between two awaits, nothing
else changes the state of the hub. A pattern may match thousands of channels: what is done for each of them is done a
slice at a time.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from sse_hub.config import Config
from sse_hub.errors import LimitExceeded, LogUnavailable
from sse_hub.filters.compile import Filter, FilterKey
from sse_hub.hub.backend import FindLast, Log, NoSource, RecordedLog, Source
from sse_hub.hub.counters import RESUME_RESULTS, Counters
from sse_hub.hub.drain import GRACE_SECONDS, Drain
from sse_hub.hub.feed import Feed
from sse_hub.hub.heartbeats import HeartbeatWheel
from sse_hub.hub.ingest import Ingest
from sse_hub.hub.position import Position
from sse_hub.hub.start_position import After, StartAt, Tail, UnknownId, id_of, resolve, rings_hold_tail
from sse_hub.hub.subscriber import Subscriber
from sse_hub.hub.tail_in_log import position_before, tail_in_log
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import RETRY_MS, Gap, checkpoint_frame, gap_frame

# The shortest and the longest time between heartbeats that a client may ask for.
HEARTBEAT_SECONDS = (5, 60)
# Channels in which a position is found between two other tasks: about a millisecond.
RESOLVE_STEP = 1_000
# Different filters of all streams, and the choices in their expressions: 1,000 of these take up to 3 MB.
MAX_FILTERS = 500
MAX_CHOICES = 20_000

FeedKey = tuple[Selection, bool, int, FilterKey | None]
"""The selection and the shape of a stream: batched or not, lines per second and channel, filter."""


class PreparedStream(NamedTuple):
    """A stream from `position` of `feed` on, after `first_frames`: gaps, and a checkpoint."""

    feed: Feed
    position: Position
    first_frames: bytes


class _Start(NamedTuple):
    """
    Where a stream begins, and the gaps to send first. `reached` is the id before which no line was looked at for its
    filter, if that would have taken too long; else None.
    """

    position: Position
    gaps: list[Gap]
    reached: EventId | None = None


class Hub:
    """The feeds and subscribers of one process. `ingest` has its channels, and receives their lines."""

    def __init__(self, config: Config) -> None:
        self.counters = Counters()
        self.ingest = Ingest(config, self.counters)
        self.draining = False
        self._registry = self.ingest.registry
        self._feeds: dict[FeedKey, Feed] = {}
        self._stall_seconds = config.stall_seconds
        self._lines_per_second = config.channel_lines_per_second
        self._source: Source = NoSource()
        # In the log, a pattern matches recorded channels only.
        self._recorded_log = RecordedLog(lambda name: "*" in name or self._registry.covers(name))
        self._heartbeat_seconds = config.heartbeat_seconds
        longest_seconds = max(config.heartbeat_seconds, HEARTBEAT_SECONDS[1])
        self._wheel = HeartbeatWheel(longest_seconds, config.stall_seconds, self.counters)
        self._drain = Drain(config.drain_seconds)
        self._no_subscribers = asyncio.Event()
        self._no_subscribers.set()

    def connect(self, source: Source, log: Log | None = None, find_last: FindLast | None = None) -> None:
        """
        Use `source` to join channels; it gives `ingest` their lines. Use `log` for what the rings don't hold, and
        `find_last` to find the last lines that pass a filter.
        """
        self._source = source
        self._recorded_log = replace(self._recorded_log, log=log, find_last=find_last)

    @property
    def subscribers(self) -> int:
        """The number of open streams."""
        return sum(len(feed.subscribers) for feed in self._feeds.values())

    @property
    def feeds(self) -> Iterable[Feed]:
        """The feeds of the open streams, one for each selection and shape."""
        return self._feeds.values()

    def delivered(self) -> Counter[str]:
        """Lines and gaps written since the start, counted for each subscriber, by namespace."""
        delivered = self.counters.delivered.copy()
        for feed in self.feeds:
            self._count_delivered(feed, delivered)
        return delivered

    def tick(self) -> None:
        """Call once a second: heartbeats, rates, and channels to forget."""
        self._wheel.tick(asyncio.get_running_loop().time(), self.ingest.last_fence)
        forgotten = self._registry.tick()
        if forgotten:
            self._source.leave(forgotten)

    # What a stream calls.

    async def prepare_stream(
        self,
        selection: Selection,
        start: StartAt,
        batch: bool = False,
        max_rate: int = 0,
        filter: Filter | None = None,
    ) -> PreparedStream:
        """
        The position of a new subscriber, and its first frames: gaps, and a checkpoint.

        `max_rate` is in lines per second and channel, see `Feed`. What is published after this has returned comes after
        that position. Call subscribe() next, without awaiting anything before: a feed is kept for it. Raises
        SourceUnavailable, and LimitExceeded when there is no room for another channel or filter.
        """
        self._check_filters(filter)
        unknown = [name for name in selection.channels if self._registry.get(name.encode()) is None]
        if unknown and not self._registry.has_room(self.ingest.last_fence):
            raise LimitExceeded(
                "channels", f"This hub has no room for another channel, and does not know {unknown[0]!r}."
            )
        outside = [name for name in selection.channels if not self._registry.covers(name)]
        for name in outside:
            # Until a feed carries it: a client that leaves before that must leave nothing behind.
            self._registry.forget_later(name)
        first_fence = self.ingest.first_fence
        fence = await self._source.join(outside)
        # Makes room first: the channels to forget may be those of this selection, which are then added again.
        self._registry.has_room(fence)
        key = (selection, batch, max_rate, filter.key if filter else None)
        feed = self._feeds.get(key) or self._new_feed(key, filter)
        feed.awaited += 1
        try:
            await self.ingest.attach(feed)
            position, gaps, reached = await self._resolve(feed, start, fence)
            while first_fence is not None and first_fence != self.ingest.first_fence:
                # Meanwhile the process has come to another branch, and the fence may be of the dead one.
                first_fence, fence = self.ingest.first_fence, self.ingest.last_fence
                position, gaps, reached = await self._resolve(feed, start, fence)
        except BaseException:
            feed.awaited -= 1
            self._drop_if_unused(feed)
            raise
        if isinstance(start, After | UnknownId):
            self.counters.gaps.update(gap.reason for gap in gaps)
            reason = gaps[-1].reason if gaps else ""
            found = "log" if position.lacking(feed.rings) else "memory"
            self.counters.resumes[reason if reason in RESUME_RESULTS else found] += 1
        # Until it has all these gaps, the client keeps the id it came with.
        frames = [gap_frame(id_of(start, fence), gap) for gap in gaps]
        checkpoint = checkpoint_frame(position.cursor(), RETRY_MS, str(reached) if reached else None)
        return PreparedStream(feed, position, b"".join([*frames, checkpoint]))

    def subscribe(
        self, prepared: PreparedStream, transport: asyncio.Transport, heartbeat_seconds: int = 0
    ) -> Subscriber:
        """
        A subscriber that writes to `transport` what was prepared. Call its start() next, or leave().

        `heartbeat_seconds` is within HEARTBEAT_SECONDS; 0 stands for the hub's own setting.
        """
        feed = prepared.feed
        feed.awaited -= 1
        seconds = heartbeat_seconds or self._heartbeat_seconds
        subscriber = Subscriber(feed, transport, prepared.position, self._stall_seconds, seconds, self._leave)
        feed.subscribers.add(subscriber)
        self._wheel.add(subscriber)
        self._no_subscribers.clear()
        if self.draining:
            # The hub has begun to stop since prepare_stream().
            subscriber.end(self.ingest.last_fence)
        return subscriber

    async def drain(self) -> None:
        """
        Refuse new streams, and end the open ones, spread over the window.

        Raises TimeoutError when some clients don't read their last frames.
        """
        self.draining = True
        self._source.fail_waiting()
        subscribers = [subscriber for feed in self._feeds.values() for subscriber in feed.subscribers]
        await self._drain.run(subscribers, lambda subscriber: subscriber.end(self.ingest.last_fence))
        async with asyncio.timeout(GRACE_SECONDS):
            await self._no_subscribers.wait()

    def abort_all(self) -> None:
        """Cut the connections of all open streams, whose clients did not read their last frames."""
        for feed in self._feeds.values():
            self.counters.slow_closed["drain"] += len(feed.subscribers)
            for subscriber in feed.subscribers:
                subscriber.transport.abort()

    def finish_drain_now(self) -> None:
        """End all streams of a drain now, without waiting for the rest of the window."""
        self._drain.finish_now()

    # The rest.

    async def _resolve(self, feed: Feed, start: StartAt, fence: int) -> _Start:
        """What `start` means in the rings of `feed`, or in the log; a slice of work at a time."""
        position, gaps = resolve(feed.selection, feed.rings, start, fence, self.ingest.fences)
        reached: EventId | None = None
        if isinstance(start, Tail) and feed.filter:
            found = await self._matching_tail(feed, feed.filter, start.lines)
            position, reached = (found.position, found.reached) if found else (position, None)
        elif isinstance(start, Tail) and not rings_hold_tail(feed.rings, start.lines):
            position = await self._tail_position(feed, start.lines, fence) or position
        names = list(feed.rings)
        for at in range(0, len(names), RESOLVE_STEP):
            async with self._registry.names.fair_lock.first:
                position.resolve_some_indexes(feed.rings, names[at : at + RESOLVE_STEP])
        return _Start(position, gaps, reached)

    async def _tail_position(self, feed: Feed, lines: int, fence: int) -> Position | None:
        """The position before the last `lines` in the log. None when there is no log, or it can't be read."""
        log, records = self._recorded_log.log, self._recorded_log.records
        if log is None:
            return None
        try:
            return await tail_in_log(log, records, feed.selection, feed.rings, lines, fence)
        except LogUnavailable:
            return None

    async def _matching_tail(self, feed: Feed, filter: Filter, lines: int) -> _Start | None:
        """Before the last `lines` that pass `filter`. None where the log has not all channels, or can't be read."""
        find_last, records = self._recorded_log.find_last, self._recorded_log.records
        if find_last is None or not all(map(records, feed.selection.channels)):
            return None
        try:
            found = await find_last(feed.selection, filter, lines)
        except LogUnavailable:
            return None
        return _Start(position_before(feed.selection, found.lines, found.until), [], found.reached)

    def _leave(self, subscriber: Subscriber) -> None:
        feed = subscriber.feed
        self._wheel.discard(subscriber)
        feed.leave(subscriber)
        self._drop_if_unused(feed)

    def _drop_if_unused(self, feed: Feed) -> None:
        if not feed.subscribers and not feed.awaited:
            self._drop_feed(feed)

    def _check_filters(self, filter: Filter | None) -> None:
        if filter is None:
            return
        known = {feed.filter.key: feed.filter.choices for feed in self._feeds.values() if feed.filter}
        if filter.key in known:
            return
        if len(known) >= MAX_FILTERS or sum(known.values()) + filter.choices > MAX_CHOICES:
            raise LimitExceeded("filters", f"The streams of this hub have {len(known)} different filters already.")

    def _new_feed(self, key: FeedKey, filter: Filter | None) -> Feed:
        selection, batch, max_rate, _ = key
        loop, rate_limit = asyncio.get_running_loop(), self._lines_per_second
        feed = Feed(
            selection,
            batch,
            max_rate,
            self._recorded_log,
            self.counters,
            loop,
            lambda: self.ingest.last_fence,
            rate_limit,
            filter,
        )
        self._feeds[key] = feed
        return feed

    def _count_delivered(self, feed: Feed, counts: Counter[str]) -> None:
        if feed.delivered:
            names = (*feed.selection.channels, *feed.selection.patterns)
            counts[self.counters.namespaces.of_all(names)] += feed.delivered

    def _drop_feed(self, feed: Feed) -> None:
        del self._feeds[feed.selection, feed.batch, feed.max_rate, feed.filter.key if feed.filter else None]
        self._count_delivered(feed, self.counters.delivered)
        self.ingest.detach(feed)
        if not self._feeds:
            self._no_subscribers.set()
            if self.draining:
                self.finish_drain_now()
