"""
The channel registry: every channel that this process knows, by name, and the patterns that streams ask for.

    name --> add() --> Channel          too many channels --> the least recently used ones are forgotten
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest
from operator import attrgetter

from sse_hub.config import Config
from sse_hub.hub.channel import Channel
from sse_hub.hub.counters import Counters
from sse_hub.hub.name_index import NameIndex
from sse_hub.hub.ring import RingGap
from sse_hub.hub.ring_memory import RingMemory
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.patterns import matches
from sse_hub.protocol.selection import is_channel

logger = logging.getLogger(__name__)

# Above this, the least recently used channels that no stream names are forgotten.
MAX_CHANNELS_HELD = 10_000
# With so many, none of which can be forgotten, no more are added.
MAX_CHANNELS_KNOWN = 20_000
# A channel outside the ingest patterns is followed this long after its last subscriber left: clients reconnect.
FORGET_AFTER_SECONDS = 60.0


class ChannelRegistry:
    """Channels by name. `start` is where the present session began: no line of any channel was missed since."""

    def __init__(self, config: Config, counters: Counters, memory: RingMemory) -> None:
        self.start = EventId(0, 0)
        # Each pattern has a channel whose ring holds nothing but gaps: a stream gets each gap once for a pattern, even
        # if no channel of it is known yet.
        self.patterns: dict[str, Channel] = {}
        # Channels that have got entries lately. Never another set: Ingest has bound its `add`.
        self.active: set[Channel] = set()
        self.names = NameIndex()
        self.names.keep(self.channel_names)
        self._config = config
        self._counters = counters
        self._memory = memory
        self._channels: dict[bytes, Channel] = {}
        self._forget_at: dict[str, float] = {}
        self._forgotten = EventId(0, 0)
        self._swept_fence = 0

    def __iter__(self) -> Iterator[Channel]:
        """All channels, and those of the patterns."""
        yield from self._channels.values()
        yield from self.patterns.values()

    def __len__(self) -> int:
        """The number of channels, without patterns."""
        return len(self._channels)

    def get(self, key: bytes) -> Channel | None:
        """The channel with the encoded name `key`, if it is known."""
        return self._channels.get(key)

    def __getitem__(self, name: str) -> Channel:
        """The known channel, or pattern, called `name`. Raises KeyError."""
        return self.patterns.get(name) or self._channels[name.encode()]

    def covers(self, name: str) -> bool:
        """True when an ingest pattern matches `name`: its lines come without a subscription by name."""
        return any(matches(pattern, name) for pattern in self._config.ingest)

    def ingests(self, key: bytes) -> bool:
        """True when a line of `key`, which is not known, makes it a channel, if there is room."""
        name = key.decode("ascii", "replace")
        return is_channel(name) and self.covers(name)

    def has_room(self, fence: int) -> bool:
        """True when there is room for one more channel. `fence` is the last fence."""
        if len(self._channels) >= MAX_CHANNELS_HELD and fence != self._swept_fence:
            # Once for each fence: when a sweep has found nothing, the next one before another fence won't, either.
            self._swept_fence = fence
            self._forget_least_used(fence)
        return len(self._channels) < MAX_CHANNELS_KNOWN

    def add(self, name: str, start: EventId) -> Channel:
        """Add the channel `name`, of which nothing after `start` was missed."""
        start = max(start, self._forgotten)
        channel = self._channels[name.encode()] = self._new(name, start, self.covers(name))
        self.names.add(name)
        return channel

    def add_patterns(self, patterns: Iterable[str], first_fence: int) -> None:
        """Keep gaps for new `patterns`: those to come, and those since this process's first fence."""
        since, gaps = self.start, list[RingGap]()
        if self._channels:
            # Every ring has every gap since its start.
            oldest = min((each.ring for each in self._channels.values()), key=lambda ring: ring.start)
            since, gaps = min(since, max(oldest.start, EventId(first_fence, 0))), oldest.gaps()
        since = max(since, self._forgotten)
        for pattern in patterns:
            channel = self.patterns[pattern] = self._new(pattern, since, recorded=False)
            for entry in [each.for_pattern(pattern) for each in gaps if each.last > since]:
                self._memory.append(channel, entry)

    def recorded(self) -> list[Channel]:
        """All known channels that are recorded."""
        return [each for each in self._channels.values() if each.recorded]

    def load_recorded(
        self,
        recorded: Mapping[str, tuple[EventId, int]],
        gaps_known_to: EventId,
        add: Callable[[str, EventId], Channel],
    ) -> None:
        """
        Know what was recorded before this process started: the last id and the number of lines, by channel.

        The log is complete up to the start of the present session, and its last gap ends at `gaps_known_to`. `add` adds
        a channel.
        """
        newest = sorted(recorded.items(), key=lambda each: each[1], reverse=True)[: MAX_CHANNELS_HELD // 2]
        for name, (last, count) in newest:
            channel = self._channels.get(name.encode())
            if channel is None:
                if not is_channel(name) or not self.covers(name):
                    continue
                channel = add(name, self.start)
                channel.last_seconds = last.fence / 1000
            channel.counted += max(0, count - channel.lines)
            channel.lines = max(channel.lines, count)
            if channel.ring.first == 0 and last < channel.ring.start:
                # Nothing came between the last recorded line and the ring.
                channel.ring.start = max(last, gaps_known_to, self._forgotten)

    def forget_later(self, name: str) -> None:
        """Forget `name` after FORGET_AFTER_SECONDS, unless a feed carries it by then."""
        channel = self._channels.get(name.encode())
        if channel is None or not channel.feeds:
            self._forget_at[name] = time.monotonic() + FORGET_AFTER_SECONDS

    def retain(self, name: str) -> None:
        """Don't forget `name`: a feed carries it."""
        self._forget_at.pop(name, None)

    def leave(self, channel: Channel) -> None:
        """The last feed that carried `channel` is gone."""
        if channel.name in self.patterns:
            self._memory.remove(channel)
            del self.patterns[channel.name]
        elif not self.covers(channel.name):
            self.forget_later(channel.name)

    def tick(self) -> list[str]:
        """Update rates, once a second, and forget the channels that are due. Returns their names."""
        self.count_received()
        self.active.difference_update([channel for channel in self.active if not channel.measure_rate()])
        now = time.monotonic()
        due = [name for name, until in self._forget_at.items() if until < now]
        for name in due:
            del self._forget_at[name]
            if channel := self._channels.get(name.encode()):
                self._forget(channel)
        return due

    def channel_names(self) -> list[str]:
        """The names of all channels, without patterns."""
        return [key.decode() for key in self._channels]

    def count_received(self) -> None:
        """Bring `Counters.received` up to date."""
        for channel in self.active:
            self._count(channel)

    def _forget_least_used(self, fence: int) -> None:
        # Not a channel with lines since the last fence: if it were added again, it would give their ids a second time.
        # One sweep forgets a tenth, so that a flood of new names costs one sweep for a thousand of them.
        idle = (each for each in self._channels.values() if each.fence < fence and each.recorded and not each.watched)
        forgotten = nsmallest(MAX_CHANNELS_HELD // 10, idle, key=attrgetter("last_seconds"))
        feeds = {feed for channel in forgotten for feed in channel.feeds}
        for channel in forgotten:
            self._forget(channel)
            # A client that resumes it, or a pattern of it, with an older id can't get its lines from memory.
            self._forgotten = max(self._forgotten, EventId(channel.ring.last.fence + 1, 0))
        for pattern in self.patterns.values() if forgotten else ():
            pattern.ring.start = max(pattern.ring.start, self._forgotten)
        for feed in feeds:
            feed.remove_channels([channel.name for channel in forgotten])
        logger.warning(
            "channels_forgotten held=%(held)d limit=%(limit)d",
            {"held": len(self._channels), "limit": MAX_CHANNELS_HELD},
        )

    def _new(self, name: str, start: EventId, recorded: bool) -> Channel:
        channel = Channel(name, self._counters.namespaces, start, self._config.ring_lines, time.time(), recorded)
        self._memory.add(channel)
        return channel

    def _count(self, channel: Channel) -> None:
        if channel.counted != channel.lines:
            self._counters.received[channel.namespace] += channel.lines - channel.counted
            channel.counted = channel.lines

    def _forget(self, channel: Channel) -> None:
        self._count(channel)
        del self._channels[channel.name.encode()]
        self._memory.remove(channel)
