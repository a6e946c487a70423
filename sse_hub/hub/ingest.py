"""
What comes in: fences and lines from the source, into the rings of their channels, and to the feeds that carry these.

    begin(fence), lines(payloads by channel), fence(F) --> rings --> feeds
                                                             └──► recorder (it takes them from the rings)

Nothing here awaits, so what one call does happens at once for everybody.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping

from sse_hub.config import Config
from sse_hub.hub.backend import NO_LIMIT, Hole, Piece
from sse_hub.hub.channel import Channel
from sse_hub.hub.counters import Tally
from sse_hub.hub.feed import Feed
from sse_hub.hub.registry import Directory
from sse_hub.hub.ring import Batch, Break
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap


class Intake:
    """The channels of one process, and what has come of them since which fence."""

    def __init__(self, config: Config) -> None:
        self.last_fence = 0
        self.tally = Tally()
        self.directory = Directory(config, self.tally)
        # The fence since which the rings have every line, None while there is no session; the one since which they
        # have lines at all; and the fences between which they have none, with the reason.
        self.whole_since: int | None = None
        self.reach: int | None = None
        self.breaks: deque[tuple[int, int, str]] = deque(maxlen=100)
        # Set when a session was cut or has begun; when there is something new for the recorder; when that is a fence.
        self.changed = asyncio.Event()
        self.stirred = self.directory.stirred
        self.fenced = asyncio.Event()
        self.counters: Counter[str] = Counter()
        self._feeds: dict[tuple[Selection, bool, int], Feed] = {}
        self._line_bytes = config.line_bytes
        self._followed: set[str] = set()
        self._refused_fence = 0
        self._seq = 0

    @property
    def held_since(self) -> int | None:
        """The fence since which the rings still have every line; what they have evicted they can't give to the log."""
        evicted_to = self.directory.evicted_to
        return None if self.whole_since is None else max(self.whole_since, evicted_to.fence + (evicted_to.n > 0))

    def cut(self) -> None:
        """The session has ended; the next one's first fence is told by begin(), or mended()."""
        self.whole_since = None
        self.changed.set()

    def begin(self, fence: int) -> None:
        """A new session has seen its first fence: what came between the last session and `fence` is a gap."""
        if self.reach is None:
            self.reach = fence
        self._break(EventId(self.last_fence, 0), EventId(fence, 0), "recorder-down")
        self._resume(fence)

    def mended(self, fence: int) -> None:
        """A new session has seen its first fence, and what came before that, of recorded channels, went to fill()."""
        # Those outside the ingest patterns are in no log of ours.
        for channel in [each for each in self.directory if not (each.recorded or each.name in self.directory.patterns)]:
            after = max(channel.ring.last, EventId(self.last_fence, 0))
            gap = Gap(channel.name, str(after), str(EventId(fence, 0)), None, "recorder-down")
            self._break_alone(channel, EventId(fence, 0), gap)
        self._resume(fence)

    def learn(self, recorded: Mapping[str, tuple[EventId, int]], told: EventId) -> None:
        """See `Directory.learn`."""
        self.directory.learn(recorded, told, self._add)

    def fill(self, parts: Iterable[Piece | Hole]) -> None:
        """Lines that this process has missed, out of the log, in the order of fences."""
        for part in parts:
            if isinstance(part, Hole):
                self._fill_hole(part)
                continue
            batch, start, stop = part
            name, lines = batch.channel, batch.lines[start:stop]
            channel = self.directory.get(name.encode()) or self._add(name, self.directory.start)
            self._seq += 1
            copy = Batch(name, self._seq, batch.fence, batch.first + start, lines, NO_LIMIT)
            channel.lines += copy.length
            self.directory.append(channel, copy)
        for feed in self._feeds.values():
            feed.turn()

    def fence(self, fence: int) -> None:
        """`fence` has come; what comes now counts from it."""
        self.last_fence = fence
        self.stirred.set()
        self.fenced.set()
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

    # The rest.

    def _break(self, after: EventId, before: EventId, reason: str) -> None:
        """A break in every ring."""
        if self.last_fence:
            self.breaks.append((after.fence, before.fence, reason))
            self.tally.gaps[reason] += 1
        for channel in self.directory:
            self._seq += 1
            gap = Gap(channel.name, str(max(channel.ring.last, after)), str(before), None, reason)
            self.directory.append(channel, Break(channel.name, self._seq, before, gap))
        self.directory.start = before

    def _fill_hole(self, hole: Hole) -> None:
        if hole.channel is None:
            self._break(max(hole.after, EventId(self.last_fence, 0)), hole.before, hole.reason)
            return
        channel = self.directory.get(hole.channel.encode()) or self._add(hole.channel, self.directory.start)
        last = EventId(hole.before.fence, hole.before.n - 1)
        self._break_alone(channel, last, hole.gap(channel.name, channel.ring.last))

    def _break_alone(self, channel: Channel, last: EventId, gap: Gap) -> None:
        """A break in the ring of `channel` and in no other."""
        self._seq += 1
        self.tally.gaps[gap.reason] += 1
        self.directory.append(channel, Break(channel.name, self._seq, last, gap, alone=True))

    def _resume(self, fence: int) -> None:
        self.whole_since = self.directory.start.fence
        self.changed.set()
        self.fence(fence)
        for feed in self._feeds.values():
            feed.turn()

    def _tell_refused(self) -> None:
        # Too many channels: lines of new ones are not kept, and those who watch a pattern may have wanted them.
        self._refused_fence = self.last_fence
        self.tally.gaps["trimmed"] += 1
        for channel in self.directory.patterns.values():
            self._seq += 1
            bounds = (str(EventId(self.last_fence, 0)), str(EventId(self.last_fence + 1, 0)))
            gap = Gap(channel.name, *bounds, None, "trimmed")
            self.directory.append(channel, Break(channel.name, self._seq, EventId(self.last_fence, 0), gap))
            for feed in channel.feeds:
                feed.turn()

    def _add(self, name: str, start: EventId) -> Channel:
        channel = self.directory.add(name, start)
        for feed in self._feeds.values():
            if feed.selection.patterns and feed.selection.matches(name):
                self._attach(feed, channel)
        return channel

    def _attach(self, feed: Feed, channel: Channel) -> None:
        feed.attach(channel.name, channel.ring)
        channel.feeds.append(feed)
        self.directory.keep(channel.name)
