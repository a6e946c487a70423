"""
The hub: channels, who subscribes to them, and the way of a line through this process.

    source --> begin(fence), lines(payloads by channel), fence(F) --> rings --> feeds --> subscribers

Everything here runs in one event loop, and nothing but `join()` and `drain()` awaits, so between two awaits nothing
changes.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from sse_hub.channel import Channel
from sse_hub.config import Config
from sse_hub.directory import Directory
from sse_hub.drain import GRACE_SECONDS, Drain
from sse_hub.errors import SourceUnavailable
from sse_hub.events import EventId
from sse_hub.feed import Feed
from sse_hub.frames import Gap, checkpoint_frame, gap_frame
from sse_hub.origin import Origin, locate
from sse_hub.position import Position
from sse_hub.ring import Break
from sse_hub.selection import Selection
from sse_hub.subscriber import Subscriber
from sse_hub.wheel import Wheel


class Source(Protocol):
    """Where lines come from. It calls begin(), lines() and fence() of the hub in the order Redis gave."""

    async def join(self, names: Sequence[str]) -> int:
        """Follow `names`, issue a fence, and return it when it has come back. Raises SourceUnavailable."""

    def refuse(self) -> None:
        """Raise SourceUnavailable to all who wait in join()."""

    def leave(self, names: Sequence[str]) -> None:
        """Stop following `names`."""


class Log(Protocol):
    """
    Where recorded lines are read back from, when the rings don't reach far enough.

    Nothing satisfies it yet: `origin.locate` makes a gap of what will be read from it.
    """

    async def read(self, channel: str, after: EventId, until: EventId, limit: int) -> list[tuple[EventId, bytes]]:
        """At most `limit` recorded lines with `after` < id <= `until`, oldest first."""


class _NoSource:
    """What a hub has before it is connected."""

    async def join(self, names: Sequence[str]) -> int:
        raise SourceUnavailable("The hub is not connected to Redis yet.")

    def refuse(self) -> None:
        pass

    def leave(self, names: Sequence[str]) -> None:
        pass


class Hub:
    """All channels, feeds and subscribers of one process."""

    def __init__(self, config: Config) -> None:
        self.last_fence = 0
        self.draining = False
        self.directory = Directory(config)
        self._line_bytes = config.line_bytes
        self._stall_seconds = config.stall_seconds
        self._source: Source = _NoSource()
        self._feeds: dict[tuple[Selection, bool], Feed] = {}
        self._followed: set[str] = set()
        self._refused_fence = 0
        self._wheel = Wheel(config.heartbeat_seconds, config.stall_seconds)
        self._drain = Drain(config.drain_seconds)
        self._seq = 0
        self._deserted = asyncio.Event()
        self._deserted.set()

    def connect(self, source: Source) -> None:
        """Use `source` for joins; it brings this hub its lines."""
        self._source = source

    @property
    def subscribers(self) -> int:
        """How many streams are open."""
        return sum(len(feed.subscribers) for feed in self._feeds.values())

    # What the source calls.

    def begin(self, fence: int) -> None:
        """A new session has seen its first fence: what came between the last session and `fence` is a gap."""
        for channel in self.directory:
            self._seq += 1
            after = max(channel.ring.last, EventId(self.last_fence, 0))
            gap = Gap(channel.name, str(after), str(EventId(fence, 0)), None, "recorder-down")
            self.directory.append(channel, Break(channel.name, self._seq, fence, gap))
        self.directory.start = EventId(fence, 0)
        self.fence(fence)
        for feed in self._feeds.values():
            feed.turn()

    def fence(self, fence: int) -> None:
        """`fence` has come; what comes now counts from it."""
        self.last_fence = fence
        while self._followed:
            self._add(self._followed.pop(), EventId(fence, 0))

    def follow(self, name: str) -> None:
        """Lines of `name`, which no ingest pattern covers, come from here on, and have ids from the next fence on."""
        if self.directory.get(name.encode()) is None:
            self._followed.add(name)

    def lines(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """Lines since the last fence, by channel, in the order they came on each."""
        refused = False
        touched: dict[Feed, None] = {}
        now_seconds = time.time()
        for key, arrived in payloads.items():
            channel = self.directory.get(key)
            if channel is None:
                if not self.directory.ingests(key):
                    continue
                if not self.directory.has_room(self.last_fence):
                    refused = True
                    continue
                channel = self._add(key.decode(), self.directory.start)
            self._seq += 1
            batch = channel.batch(self._seq, self.last_fence, arrived, self._line_bytes, now_seconds)
            self.directory.append(channel, batch)
            touched |= dict.fromkeys(channel.feeds)
        for feed in touched:
            feed.turn()
        if refused and self._refused_fence != self.last_fence:
            self._tell_refused()

    def tick(self) -> None:
        """Once a second: heartbeats, rates, channels that nobody needs any more."""
        self._wheel.tick(asyncio.get_running_loop().time(), self.last_fence)
        forgotten = self.directory.tick()
        if forgotten:
            self._source.leave(forgotten)

    # What a stream calls.

    async def join(self, selection: Selection, origin: Origin) -> tuple[Position, bytes]:
        """
        Where a new subscriber starts, and the frames that tell it: gaps, and a checkpoint.

        What is published after this returns is after that position. Subscribe in the same turn: nothing holds the
        place of a channel that nobody watches. Raises SourceUnavailable.
        """
        outside = [name for name in selection.channels if not self.directory.covers(name)]
        for name in outside:
            # Until a feed carries it: a client that goes before that leaves nothing behind.
            self.directory.linger(name)
        fence = await self._source.join(outside)
        # Before anything is looked up: what makes room may be what is asked for, and is then known anew.
        self.directory.has_room(fence)
        for name in selection.channels:
            if self.directory.get(name.encode()) is None:
                self._add(name, self.directory.start)
        for pattern in selection.patterns:
            self.directory.add_pattern(pattern)
        position, gaps = locate(selection, self.directory.rings(selection), origin, fence)
        frames = [gap_frame(None, gap) for gap in gaps]
        return position, b"".join([*frames, checkpoint_frame(position.cursor())])

    def subscribe(
        self, selection: Selection, batch: bool, transport: asyncio.Transport, position: Position
    ) -> Subscriber:
        """A subscriber from `position` on, for as long as its `with` block lasts."""
        feed = self._feeds.get((selection, batch)) or self._new_feed(selection, batch)
        subscriber = Subscriber(feed, transport, position, self._stall_seconds, self._leave)
        feed.subscribers.add(subscriber)
        self._wheel.add(subscriber)
        self._deserted.clear()
        if self.draining:
            # It joined before, and has come back to find the hub stopping.
            subscriber.end(self.last_fence)
        return subscriber

    async def drain(self) -> None:
        """Take no new stream, end the open ones over the window. Raises TimeoutError when some don't take their end."""
        self.draining = True
        self._source.refuse()
        subscribers = [subscriber for feed in self._feeds.values() for subscriber in feed.subscribers]
        await self._drain.run(subscribers, lambda subscriber: subscriber.end(self.last_fence))
        async with asyncio.timeout(GRACE_SECONDS):
            await self._deserted.wait()

    def hurry(self) -> None:
        """Wait for the rest of the window no longer: end all streams now."""
        self._drain.hurry()

    # The rest.

    def _leave(self, subscriber: Subscriber) -> None:
        feed = cast(Feed, subscriber.feed)
        self._wheel.discard(subscriber)
        feed.leave(subscriber)
        if not feed.subscribers:
            self._forget(feed)

    def _tell_refused(self) -> None:
        # Too many channels: lines of new ones are not kept, and those who watch a pattern may have wanted them.
        self._refused_fence = self.last_fence
        for channel in self.directory.patterns.values():
            self._seq += 1
            bounds = (str(EventId(self.last_fence, 0)), str(EventId(self.last_fence + 1, 0)))
            gap = Gap(channel.name, *bounds, None, "trimmed")
            self.directory.append(channel, Break(channel.name, self._seq, self.last_fence, gap))
            for feed in channel.feeds:
                feed.turn()

    def _add(self, name: str, start: EventId) -> Channel:
        channel = self.directory.add(name, start)
        for feed in self._feeds.values():
            if feed.selection.patterns and feed.selection.matches(name):
                self._attach(feed, channel)
        return channel

    def _new_feed(self, selection: Selection, batch: bool) -> Feed:
        feed = self._feeds[selection, batch] = Feed(selection, batch, asyncio.get_running_loop())
        for name in self.directory.rings(selection):
            self._attach(feed, self.directory[name])
        return feed

    def _attach(self, feed: Feed, channel: Channel) -> None:
        feed.attach(channel.name, channel.ring)
        channel.feeds.append(feed)
        self.directory.keep(channel.name)

    def _forget(self, feed: Feed) -> None:
        del self._feeds[feed.selection, feed.batch]
        for name in feed.rings:
            channel = self.directory[name]
            channel.feeds.remove(feed)
            if not channel.feeds:
                self.directory.leave(channel)
        if not self._feeds:
            self._deserted.set()
            if self.draining:
                self.hurry()
