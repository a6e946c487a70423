"""
The hub: channels, who subscribes to them, and the way of a line through this process.

    source --> begin(fence), lines(payloads by channel), fence(F) --> rings --> feeds --> subscribers

Everything here runs in one event loop and only `join()` awaits, so between two awaits nothing changes.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from sse_hub.channel import Channel
from sse_hub.config import Config
from sse_hub.errors import SourceUnavailable
from sse_hub.events import EventId
from sse_hub.feed import Feed
from sse_hub.frames import Gap, checkpoint_frame, gap_frame
from sse_hub.origin import Origin, locate
from sse_hub.position import Position
from sse_hub.ring import Break, Entry, Ring
from sse_hub.selection import Selection, is_channel, matcher
from sse_hub.subscriber import Subscriber
from sse_hub.wheel import Wheel

logger = logging.getLogger(__name__)

# Beyond this many channels the least recently used that nobody watches are forgotten.
MAX_CHANNELS_HELD = 10_000
# A channel outside the ingest patterns is followed this long after its last subscriber left, for those who come back.
LINGER_SECONDS = 60.0


class Source(Protocol):
    """Where lines come from. It calls begin(), lines() and fence() of the hub in the order Redis gave."""

    async def join(self, names: Sequence[str]) -> int:
        """Follow `names`, issue a fence, and return it when it has come back. Raises SourceUnavailable."""

    def leave(self, names: Sequence[str]) -> None:
        """Stop following `names`."""


class Log(Protocol):
    """Where recorded lines are read back from, when the rings don't reach far enough."""

    async def read(self, channel: str, after: EventId, until: EventId, limit: int) -> list[tuple[EventId, bytes]]:
        """At most `limit` recorded lines with `after` < id <= `until`, oldest first."""


class _NoSource:
    """What a hub has before it is connected."""

    async def join(self, names: Sequence[str]) -> int:
        raise SourceUnavailable("The hub is not connected to Redis yet.")

    def leave(self, names: Sequence[str]) -> None:
        pass


class Hub:
    """All channels, feeds and subscribers of one process."""

    def __init__(self, config: Config) -> None:
        self.last_fence = 0
        self.draining = False
        self._config = config
        self._source: Source = _NoSource()
        self._channels: dict[bytes, Channel] = {}
        # A pattern has a ring of its own: it holds nothing but the breaks, so that these are told once for each
        # pattern, and also when no channel of it is known yet.
        self._patterns: dict[str, Channel] = {}
        self._feeds: dict[tuple[Selection, bool], Feed] = {}
        self._lingering: dict[str, float] = {}
        self._wheel = Wheel(config.heartbeat_seconds, config.stall_seconds)
        self._start = EventId(0, 0)
        self._forgotten = EventId(0, 0)
        self._seq = 0
        self._ring_bytes = 0
        self._deserted = asyncio.Event()
        self._deserted.set()

    def connect(self, source: Source) -> None:
        """Use `source` for joins; it brings this hub its lines."""
        self._source = source

    # What the source calls.

    def begin(self, fence: int) -> None:
        """A new session has seen its first fence: what came between the last session and `fence` is a gap."""
        for channel in (*self._channels.values(), *self._patterns.values()):
            self._append(channel, self._break(channel, fence))
        self._start = EventId(fence, 0)
        self.last_fence = fence
        for feed in self._feeds.values():
            feed.turn()

    def fence(self, fence: int) -> None:
        """`fence` has come; what comes now counts from it."""
        self.last_fence = fence

    def lines(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """Lines since the last fence, by channel, in the order they came on each."""
        touched: dict[Feed, None] = {}
        now_seconds = time.time()
        for key, arrived in payloads.items():
            channel = self._channels.get(key) or self._new_channel(key, self._start)
            if channel is None:
                continue
            self._seq += 1
            batch = channel.batch(self._seq, self.last_fence, arrived, self._config.line_bytes, now_seconds)
            self._append(channel, batch)
            touched |= dict.fromkeys(channel.feeds)
        for feed in touched:
            feed.turn()
        if self._ring_bytes > self._config.ring_megabytes * 1_000_000:
            self._free_memory()

    def tick(self) -> None:
        """Once a second: heartbeats, rates, channels that nobody needs any more."""
        self._wheel.tick(asyncio.get_running_loop().time(), self.last_fence)
        for channel in self._channels.values():
            channel.measure()
        self._stop_lingering()

    def _break(self, channel: Channel, fence: int) -> Break:
        self._seq += 1
        after = max(channel.ring.last, EventId(self.last_fence, 0))
        gap = Gap(channel.name, str(after), str(EventId(fence, 0)), None, "recorder-down")
        return Break(channel.name, self._seq, fence, gap)

    def _append(self, channel: Channel, entry: Entry) -> None:
        self._ring_bytes += channel.ring.append(entry)
        for feed in channel.feeds:
            feed.offer(entry)

    # What a stream calls.

    async def join(self, selection: Selection, origin: Origin) -> tuple[Position, list[bytes]]:
        """
        Where a new subscriber starts, and the frames that tell it: gaps, and a checkpoint.

        What is published after this returns is after that position. Subscribe in the same turn: nothing holds the
        place of a channel that nobody watches. Raises SourceUnavailable.
        """
        outside = [name for name in selection.channels if not self._ingested(name)]
        for name in outside:
            self._lingering.pop(name, None)
        fence = await self._source.join(outside)
        for name in selection.channels:
            start = self._start if self._ingested(name) else EventId(fence, 0)
            self._channel(name, start)
        for pattern in selection.patterns:
            self._patterns.setdefault(pattern, Channel(pattern, self._start, self._config.ring_lines, time.time()))
        position, gaps = locate(selection, self._rings(selection), origin, fence)
        frames = [gap_frame(None, gap) for gap in gaps]
        return position, [*frames, checkpoint_frame(position.cursor())]

    @contextmanager
    def subscribe(
        self, selection: Selection, batch: bool, transport: asyncio.Transport, position: Position
    ) -> Iterator[Subscriber]:
        """A subscriber from `position` on, for as long as the block lasts."""
        feed = self._feed(selection, batch)
        subscriber = Subscriber(feed, transport, position, asyncio.get_running_loop())
        feed.subscribers.add(subscriber)
        self._wheel.add(subscriber)
        self._deserted.clear()
        try:
            yield subscriber
        finally:
            self._wheel.discard(subscriber)
            feed.leave(subscriber)
            if not feed.subscribers:
                self._forget_feed(selection, batch)
            if not self._feeds:
                self._deserted.set()

    async def drain(self) -> None:
        """Take no new stream, end every open one, and return when they are gone."""
        self.draining = True
        for feed in self._feeds.values():
            for subscriber in feed.subscribers:
                subscriber.end()
        await self._deserted.wait()

    def directory(self) -> list[dict[str, object]]:
        """What is known of every channel, by name."""
        return [channel.directory_entry() for channel in sorted(self._channels.values(), key=lambda each: each.name)]

    @property
    def subscribers(self) -> int:
        """How many streams are open."""
        return sum(len(feed.subscribers) for feed in self._feeds.values())

    # The rest.

    def _ingested(self, name: str) -> bool:
        return any(matcher(pattern).fullmatch(name) for pattern in self._config.ingest)

    def _rings(self, selection: Selection) -> dict[str, Ring]:
        names = dict.fromkeys(selection.channels)
        if selection.patterns:
            names |= dict.fromkeys(each.name for each in self._channels.values() if selection.matches(each.name))
        rings = {name: self._channels[name.encode()].ring for name in names}
        return rings | {pattern: self._patterns[pattern].ring for pattern in selection.patterns}

    def _feed(self, selection: Selection, batch: bool) -> Feed:
        feed = self._feeds.get((selection, batch))
        if feed is None:
            feed = self._feeds[selection, batch] = Feed(selection, batch, asyncio.get_running_loop())
            for name in self._rings(selection):
                self._attach(feed, self._patterns.get(name) or self._channels[name.encode()])
        return feed

    def _attach(self, feed: Feed, channel: Channel) -> None:
        feed.attach(channel.name, channel.ring)
        channel.feeds.append(feed)

    def _forget_feed(self, selection: Selection, batch: bool) -> None:
        feed = self._feeds.pop((selection, batch))
        for name in feed.rings:
            channel = self._patterns.get(name) or self._channels[name.encode()]
            channel.feeds.remove(feed)
            if channel.feeds:
                continue
            if name in self._patterns:
                del self._patterns[name]
            elif not self._ingested(name):
                self._lingering[name] = time.monotonic() + LINGER_SECONDS

    def _channel(self, name: str, start: EventId) -> Channel | None:
        key = name.encode()
        return self._channels.get(key) or self._new_channel(key, start)

    def _new_channel(self, key: bytes, start: EventId) -> Channel | None:
        name = key.decode("ascii", "replace")
        if not is_channel(name):
            return None
        if len(self._channels) >= MAX_CHANNELS_HELD:
            self._forget_least_used()
        start = max(start, self._forgotten)
        channel = self._channels[key] = Channel(name, start, self._config.ring_lines, time.time())
        for feed in self._feeds.values():
            if feed.selection.patterns and feed.selection.matches(name):
                self._attach(feed, channel)
        return channel

    def _forget_least_used(self) -> None:
        # A tenth at a time, so that a flood of new names costs one sort for a thousand of them.
        idle = sorted((each for each in self._channels.values() if not each.feeds), key=lambda each: each.last_seconds)
        for channel in idle[: MAX_CHANNELS_HELD // 10]:
            self._forget_channel(channel)
        logger.warning("channels_forgotten held=%d limit=%d", len(self._channels), MAX_CHANNELS_HELD)

    def _forget_channel(self, channel: Channel) -> None:
        del self._channels[channel.name.encode()]
        self._ring_bytes -= channel.ring.size
        self._forgotten = max(self._forgotten, channel.ring.last)

    def _stop_lingering(self) -> None:
        now = time.monotonic()
        over = [name for name, until in self._lingering.items() if until < now]
        for name in over:
            del self._lingering[name]
            self._forget_channel(self._channels[name.encode()])
        if over:
            self._source.leave(over)

    def _free_memory(self) -> None:
        # The longest ring gives first: a loud channel must not cost the quiet ones their lines.
        allowed = self._config.ring_megabytes * 950_000
        while self._ring_bytes > allowed:
            longest = max((channel.ring for channel in self._channels.values()), key=lambda ring: ring.size)
            self._ring_bytes -= longest.shrink(max(longest.size // 8, 1))
