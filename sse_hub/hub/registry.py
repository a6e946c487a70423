"""
The channel registry: every channel that this process knows, by name, and the patterns that streams ask for.

    name --> add() --> Channel          too many channels --> the least recently used ones are forgotten
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping

from sse_hub.config import Config
from sse_hub.hub.channel import Channel
from sse_hub.hub.counters import Counters
from sse_hub.hub.ring import Ring, RingGap
from sse_hub.hub.ring_memory import RingMemory
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection, is_channel, matches

logger = logging.getLogger(__name__)

# Beyond this many channels the least recently used that nobody watches are forgotten.
MAX_CHANNELS_HELD = 10_000
# Beyond this many, where none can be forgotten, lines of new ones are not taken.
MAX_CHANNELS_KNOWN = 20_000
# The directory as a whole is made anew at most once a second when it is longer than this.
LONG_DIRECTORY = 500
# A channel outside the ingest patterns is followed this long after its last subscriber left, for those who come back.
FORGET_AFTER_SECONDS = 60.0


class ChannelRegistry:
    """Channels by name. `start` is where the present session began: it has missed no line of any channel since."""

    def __init__(self, config: Config, counters: Counters, memory: RingMemory) -> None:
        self.start = EventId(0, 0)
        # A pattern has a channel of its own: its ring holds nothing but the breaks, so that these are told once for
        # each pattern, and also when no channel of it is known yet.
        self.patterns: dict[str, Channel] = {}
        # Those that have had entries lately.
        self.active: set[Channel] = set()
        self._members: dict[str, set[str]] = {}
        self._config = config
        self._counters = counters
        self._memory = memory
        self._channels: dict[bytes, Channel] = {}
        self._forget_soon: dict[str, float] = {}
        self._forgotten = EventId(0, 0)
        self._swept_fence = 0
        self._entries: list[dict[str, object]] = []
        self._entries_at = 0.0

    def __iter__(self) -> Iterator[Channel]:
        """All channels, and the patterns."""
        yield from self._channels.values()
        yield from self.patterns.values()

    def __len__(self) -> int:
        """How many channels are known."""
        return len(self._channels)

    def get(self, key: bytes) -> Channel | None:
        """The channel whose name is `key`, if it is known."""
        return self._channels.get(key)

    def __getitem__(self, name: str) -> Channel:
        """The known channel, or pattern, called `name`. Raises KeyError."""
        return self.patterns.get(name) or self._channels[name.encode()]

    def covers(self, name: str) -> bool:
        """True when an ingest pattern matches `name`: its lines come without being asked for."""
        return any(matches(pattern, name) for pattern in self._config.ingest)

    def ingests(self, key: bytes) -> bool:
        """True when lines of the unknown channel `key` are to be kept, if there is room."""
        name = key.decode("ascii", "replace")
        return is_channel(name) and self.covers(name)

    def has_room(self, fence: int) -> bool:
        """True when one more channel can be known. `fence` is the last one seen."""
        if len(self._channels) >= MAX_CHANNELS_HELD and fence != self._swept_fence:
            # Once a fence: a sweep that found nothing finds no more before the next.
            self._swept_fence = fence
            self._forget_least_used(fence)
        return len(self._channels) < MAX_CHANNELS_KNOWN

    def add(self, name: str, start: EventId) -> Channel:
        """A new channel that has missed nothing after `start`."""
        start = max(start, self._forgotten)
        channel = self._channels[name.encode()] = self._new(name, start, self.covers(name))
        for pattern, members in self._members.items():
            if matches(pattern, name):
                members.add(name)
        return channel

    def add_pattern(self, pattern: str, reach: int) -> None:
        """Keep breaks for the new `pattern`: those to come, and those since this process's first fence, `reach`."""
        since, breaks = self.start, list[RingGap]()
        if self._channels:
            # Every ring has every break since its start.
            oldest = min((each.ring for each in self._channels.values()), key=lambda ring: ring.start)
            since, breaks = min(since, max(oldest.start, EventId(reach, 0))), oldest.gaps()
        since = max(since, self._forgotten)
        channel = self.patterns[pattern] = self._new(pattern, since, recorded=False)
        self._members[pattern] = {each.name for each in self._channels.values() if matches(pattern, each.name)}
        for entry in [each.for_pattern(pattern) for each in breaks if each.last > since]:
            self._memory.append(channel, entry)

    def rings(self, selection: Selection) -> dict[str, Ring]:
        """The rings of the known channels that `selection` asks for, and of its patterns, by name."""
        names = dict.fromkeys(selection.channels)
        for pattern in selection.patterns:
            names |= dict.fromkeys(name for name in self._members[pattern] if selection.allows(name))
        names |= dict.fromkeys(selection.patterns)
        return {name: self[name].ring for name in names}

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
        Know what was recorded before this process came: last ids, and how many lines. The log is complete up to the
        present session's start, and its last break ended at `told`.
        """
        newest = sorted(recorded.items(), key=lambda each: each[1], reverse=True)[: MAX_CHANNELS_HELD // 2]
        for name, (last, count) in newest:
            channel = self._channels.get(name.encode())
            if channel is None:
                if not is_channel(name) or not self.covers(name):
                    continue
                channel = add(name, self.start)
                channel.last_seconds = last.fence / 1000
            channel.recorded_before += max(0, count - channel.lines)
            channel.lines = max(channel.lines, count)
            if channel.ring.first == 0 and last < channel.ring.start:
                # Nothing came between the last one recorded and what is held.
                channel.ring.start = max(last, gaps_known_to, self._forgotten)

    def forget_later(self, name: str) -> None:
        """Forget `name` some time from now, unless a feed carries it."""
        channel = self._channels.get(name.encode())
        if channel is None or not channel.feeds:
            self._forget_soon[name] = time.monotonic() + FORGET_AFTER_SECONDS

    def retain(self, name: str) -> None:
        """A feed carries `name`."""
        self._forget_soon.pop(name, None)

    def leave(self, channel: Channel) -> None:
        """No feed carries `channel` any more."""
        if channel.name in self.patterns:
            self._memory.remove(channel)
            del self.patterns[channel.name]
            del self._members[channel.name]
        elif not self.covers(channel.name):
            self.forget_later(channel.name)

    def tick(self) -> list[str]:
        """Once a second: rates. The names of channels that have lingered long enough, and are forgotten now."""
        self.active.difference_update([channel for channel in self.active if not channel.measure_rate()])
        now = time.monotonic()
        over = [name for name, until in self._forget_soon.items() if until < now]
        for name in over:
            del self._forget_soon[name]
            if channel := self._channels.get(name.encode()):
                self._forget(channel)
                for members in self._members.values():
                    members.discard(name)
        return over

    def entries(self) -> list[dict[str, object]]:
        """What is known of every channel, by name."""
        if len(self._channels) <= LONG_DIRECTORY or time.monotonic() - self._entries_at > 1:
            self._entries = [each.directory_entry() for each in sorted(self._channels.values(), key=lambda e: e.name)]
            self._entries_at = time.monotonic()
        return self._entries

    def _forget_least_used(self, fence: int) -> None:
        # One that has lines since the last fence must stay: made anew, it would give their ids a second time. A tenth
        # at a time, so that a flood of new names costs one sort for a thousand of them.
        idle = [each for each in self._channels.values() if not each.feeds and each.fence < fence and each.recorded]
        idle.sort(key=lambda each: each.last_seconds)
        for channel in idle[: MAX_CHANNELS_HELD // 10]:
            self._forget(channel)
            # Its lines are lost to whoever comes back to it, or to a pattern of it, with an id from before.
            lost = EventId(channel.ring.last.fence + 1, 0)
            self._forgotten = max(self._forgotten, lost)
            for pattern, members in self._members.items():
                if channel.name in members:
                    members.discard(channel.name)
                    ring = self.patterns[pattern].ring
                    ring.start = max(ring.start, lost)
        logger.warning(
            "channels_forgotten held=%(held)d limit=%(limit)d",
            {"held": len(self._channels), "limit": MAX_CHANNELS_HELD},
        )

    def _new(self, name: str, start: EventId, recorded: bool) -> Channel:
        channel = Channel(name, self._counters.namespaces, start, self._config.ring_lines, time.time(), recorded)
        self._memory.add(channel)
        return channel

    def _forget(self, channel: Channel) -> None:
        self._counters.received[channel.namespace] += channel.lines - channel.recorded_before
        del self._channels[channel.name.encode()]
        self._memory.remove(channel)
