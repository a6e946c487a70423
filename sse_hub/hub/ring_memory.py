"""
The memory that the rings of one process take: counted, kept within a limit, and what the recorder has not taken of it.

    append(channel, entry) --> ring --> too many lines: trim()          too many bytes in all: the longest ring shrinks
                                └──► new_lines, take_unrecorded() --> recorder
"""

import asyncio

from sse_hub.hub.channel import Channel
from sse_hub.hub.ring import Entry
from sse_hub.protocol.ids import EventId

# When the limit is exceeded, rings shrink to this share of it, so that not every further entry has to free memory.
FREED_TO = 0.95


class RingMemory:
    """The rings of the channels that were added. `bytes` is about what their entries take, `limit_bytes` the limit."""

    def __init__(self, limit_bytes: int) -> None:
        self.bytes = 0
        # The highest id up to which the ring of a recorded channel has evicted lines.
        self.evicted_to = EventId(0, 0)
        # Whether this process records: then a line that is not in the log yet may be nowhere else.
        self.recording = False
        # Set when there are lines, or a fence, that the recorder has not taken yet.
        self.new_lines = asyncio.Event()
        self.unrecorded_bytes = 0
        self._unrecorded: dict[Channel, None] = {}
        self._channels: dict[Channel, None] = {}
        self._limit_bytes = limit_bytes

    def add(self, channel: Channel) -> None:
        """Count the ring of `channel`, which is empty."""
        self._channels[channel] = None

    def remove(self, channel: Channel) -> None:
        """Count the ring of `channel`, which is forgotten, no more."""
        del self._channels[channel]
        self.bytes -= channel.ring.size
        if not self.recording:  # else the recorder has yet to take it
            self._unrecorded.pop(channel, None)

    def append(self, channel: Channel, entry: Entry) -> None:
        """Add the newest entry to the ring of `channel`, and evict what there is no more room for."""
        self.bytes += entry.size
        channel.ring.append(entry)
        self.trim(channel)
        if channel.recorded:
            if not self._unrecorded:
                self.new_lines.set()
            self._unrecorded[channel] = None
            self.unrecorded_bytes += entry.size
        if self.bytes > self._limit_bytes:
            self._free()

    def trim(self, channel: Channel) -> None:
        """Evict the oldest lines of `channel` if it has too many; while this process records, only recorded ones."""
        ring, before = channel.ring, channel.ring.size
        ring.trim(channel.recorded_to if self.recording and channel.recorded else None)
        self.bytes += ring.size - before
        if channel.recorded:
            self.evicted_to = max(self.evicted_to, ring.start)

    def restart(self, channel: Channel, start: EventId) -> None:
        """Drop all that the ring of `channel` holds: it goes on after `start`."""
        self.bytes -= channel.ring.size
        channel.ring.restart(start)

    def take_unrecorded(self) -> list[Channel]:
        """The recorded channels that have got new entries since the last call."""
        channels, self._unrecorded = self._unrecorded, {}
        self.unrecorded_bytes = 0
        return list(channels)

    def _free(self) -> None:
        # The longest ring shrinks first: a loud channel must not cost the quiet ones their lines.
        allowed = self._limit_bytes * FREED_TO
        while self.bytes > allowed:
            longest = max((channel.ring for channel in self._channels), key=lambda ring: ring.size)
            freed = longest.shrink(max(longest.size // 8, 1))
            self.bytes -= freed
            self.evicted_to = max(self.evicted_to, longest.start)
            if not freed:
                return
