"""
The hub: the subscribers of what the ingest receives, and where in the rings each of them starts.

    source --> Ingest --> rings --> feeds --> subscribers
    a client --> prepare_stream() --> Position --> subscribe() --> a subscriber of a feed

Everything here runs in one event loop, and only `prepare_stream()` and `drain()` await. Between two awaits, nothing
else changes the state of the hub.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from sse_hub.config import Config
from sse_hub.errors import LimitExceeded, LogUnavailable
from sse_hub.hub.backend import Log, NoSource, RecordedLog, Source
from sse_hub.hub.counters import Counters
from sse_hub.hub.drain import GRACE_SECONDS, Drain
from sse_hub.hub.feed import Feed
from sse_hub.hub.heartbeats import HeartbeatWheel
from sse_hub.hub.ingest import Ingest
from sse_hub.hub.position import Position
from sse_hub.hub.replay import rings_lack
from sse_hub.hub.start_position import After, StartAt, Tail, UnknownId, id_of, resolve, rings_hold_tail, tail_in_log
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import RETRY_MS, checkpoint_frame, gap_frame

# The shortest and the longest time between heartbeats that a client may ask for.
HEARTBEAT_SECONDS = (5, 60)


class Hub:
    """The feeds and subscribers of one process. `ingest` has its channels, and receives their lines."""

    def __init__(self, config: Config) -> None:
        self.counters = Counters()
        self.ingest = Ingest(config, self.counters)
        self.draining = False
        self._registry = self.ingest.registry
        self._feeds: dict[tuple[Selection, bool, int], Feed] = {}
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

    def connect(self, source: Source, log: Log | None = None) -> None:
        """Use `source` to join channels; it gives `ingest` their lines. Use `log` for what the rings don't hold."""
        self._source = source
        self._recorded_log = replace(self._recorded_log, log=log)

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

    async def prepare_stream(self, selection: Selection, start: StartAt) -> tuple[Position, bytes]:
        """
        The position of a new subscriber, and its first frames: gaps, and a checkpoint.

        What is published after this has returned comes after that position. Call subscribe() without awaiting anything
        before: a channel that no feed carries may be forgotten. Raises SourceUnavailable, and LimitExceeded when there
        is no room for another channel.
        """
        unknown = [name for name in selection.channels if self._registry.get(name.encode()) is None]
        if unknown and not self._registry.has_room(self.ingest.last_fence):
            raise LimitExceeded(
                "channels", f"This hub has no room for another channel, and does not know {unknown[0]!r}."
            )
        outside = [name for name in selection.channels if not self._registry.covers(name)]
        for name in outside:
            # Until a feed carries it: a client that leaves before that must leave nothing behind.
            self._registry.forget_later(name)
        fence = await self._source.join(outside)
        # Makes room first: the channels to forget may be those of this selection, which are then added again.
        self._registry.has_room(fence)
        self.ingest.ensure_channels(selection)
        rings = self._registry.rings(selection)
        position, gaps = resolve(selection, rings, start, fence)
        if isinstance(start, Tail) and not rings_hold_tail(rings, start.lines):
            position = await self._tail_position(selection, start.lines, fence) or position
            # Meanwhile the last other stream of a channel may have left, and the channel was forgotten.
            self.ingest.ensure_channels(selection)
            position.resolve_indexes(self._registry.rings(selection))
        if isinstance(start, After | UnknownId):
            self.counters.gaps["unknown-id"] += len(gaps)
            self.counters.resumes["unknown-id" if gaps else "log" if rings_lack(position, rings) else "memory"] += 1
        # Until it has all these gaps, the client keeps the id it came with.
        frames = [gap_frame(id_of(start, fence), gap) for gap in gaps]
        return position, b"".join([*frames, checkpoint_frame(position.cursor(), RETRY_MS)])

    def subscribe(
        self,
        selection: Selection,
        batch: bool,
        transport: asyncio.Transport,
        position: Position,
        max_rate: int = 0,
        heartbeat_seconds: int = 0,
    ) -> Subscriber:
        """
        A subscriber from `position` on. Call its start() next, or leave().

        `max_rate` is in lines per second and channel, see `Feed`. `heartbeat_seconds` is within HEARTBEAT_SECONDS; 0
        stands for the hub's own setting.
        """
        feed = self._feeds.get((selection, batch, max_rate)) or self._new_feed(selection, batch, max_rate)
        seconds = heartbeat_seconds or self._heartbeat_seconds
        subscriber = Subscriber(feed, transport, position, self._stall_seconds, seconds, self._leave)
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

    async def _tail_position(self, selection: Selection, lines: int, fence: int) -> Position | None:
        """The position before the last `lines` in the log. None when there is no log, or it can't be read."""
        log, records = self._recorded_log.log, self._recorded_log.records
        if log is None:
            return None
        try:
            return await tail_in_log(log, records, selection, self._registry.rings(selection), lines, fence)
        except LogUnavailable:
            return None
        except BaseException:
            # A client that leaves before a feed carries them must leave nothing behind.
            for pattern in [self._registry[name] for name in selection.patterns if name in self._registry.patterns]:
                if not pattern.feeds:
                    self._registry.leave(pattern)
            raise

    def _leave(self, subscriber: Subscriber) -> None:
        feed = subscriber.feed
        self._wheel.discard(subscriber)
        feed.leave(subscriber)
        if not feed.subscribers:
            self._drop_feed(feed)

    def _new_feed(self, selection: Selection, batch: bool, max_rate: int) -> Feed:
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
        )
        self._feeds[selection, batch, max_rate] = feed
        self.ingest.attach(feed)
        return feed

    def _count_delivered(self, feed: Feed, counts: Counter[str]) -> None:
        if feed.delivered:
            names = (*feed.selection.channels, *feed.selection.patterns)
            counts[self.counters.namespaces.of_all(names)] += feed.delivered

    def _drop_feed(self, feed: Feed) -> None:
        del self._feeds[feed.selection, feed.batch, feed.max_rate]
        self._count_delivered(feed, self.counters.delivered)
        self.ingest.detach(feed)
        if not self._feeds:
            self._no_subscribers.set()
            if self.draining:
                self.finish_drain_now()
