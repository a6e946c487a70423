"""
What the lines are like: how many of each channel tell of errors, and which masks of messages are new.

    rings --> look(), a moment at a time --> Channel.recent_errors, and a table of masks --> /channels, /patterns

Live delivery comes first: a look takes a few milliseconds at most, and of a flood only some of the lines are seen.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sse_hub.hub.channel import Channel
from sse_hub.hub.line_templates import is_error, template_of
from sse_hub.hub.registry import ChannelRegistry
from sse_hub.hub.ring import Batch
from sse_hub.protocol.ids import iso_time
from sse_hub.protocol.selection import Selection

EVERY_SECONDS = 0.2
SAMPLE_SECONDS = 0.004
# A channel that is further ahead than this is looked at from so many lines before its end.
MAX_BEHIND = 2_000
# A batch as large as this would take too long.
LARGE_BYTES = 512 * 1024
# So many are looked at before the clock is looked at.
LINES_PER_STEP = 16
ERRORS_SECONDS = 60
FORGET_SECONDS = 3_600
MAX_TEMPLATES = 5_000
MAX_EXAMPLE_CHARACTERS = 500


@dataclass(slots=True)
class TemplateStats:
    """Lines of one channel with the same mask; times in seconds since the epoch."""

    channel: str
    template: str
    error: bool
    count: int
    first: float
    last: float
    example: str

    def entry(self) -> dict[str, object]:
        """What `/patterns` says of it."""
        return {
            "channel": self.channel,
            "pattern": self.template,
            "error": self.error,
            "count": self.count,
            "first": iso_time(round(self.first * 1000)),
            "last": iso_time(round(self.last * 1000)),
            "example": self.example,
        }


class LineSampler:
    """Looks at what the rings of a directory hold."""

    def __init__(self, directory: ChannelRegistry, now: Callable[[], float] = time.time) -> None:
        self._registry = directory
        self._now = now
        self._errors: dict[Channel, deque[tuple[float, int]]] = {}
        # In the order of their last time, so that what has not come for longest makes room.
        self._patterns: dict[tuple[str, str], TemplateStats] = {}
        self.since = now()

    def sample(self, seconds: float = SAMPLE_SECONDS) -> None:
        """Look at new lines of all channels for about so many `seconds`."""
        until = time.perf_counter() + seconds
        now = self._now()
        # Where there was no time for a channel, it comes first now.
        active = sorted(self._registry.active, key=lambda channel: channel.sampled_to - channel.ring.end)
        for channel in active:
            if time.perf_counter() >= until:
                break
            self._sample_channel(channel, now, until)
        for channel in [each for each, counts in self._errors.items() if counts]:
            self._measure(channel, now)

    def newest_patterns(self, selection: Selection, limit: int) -> list[dict[str, object]]:
        """The patterns of these channels that are new within the last hour, the newest first."""
        since = self._now() - FORGET_SECONDS
        wanted = [each for each in self._patterns.values() if each.first >= since and selection.matches(each.channel)]
        wanted.sort(key=lambda each: each.first, reverse=True)
        return [each.entry() for each in wanted[:limit]]

    def _sample_channel(self, channel: Channel, now: float, until: float) -> None:
        index, end = channel.sampled_to, channel.ring.end
        if end - index > MAX_BEHIND:
            index = end - MAX_BEHIND // 4
        index = max(index, channel.ring.first)
        errors = 0
        for entry in channel.ring.entries_from(index):
            stop = entry.index + entry.length
            if isinstance(entry, Batch) and entry.size <= LARGE_BYTES:
                lines = entry.lines
                while index < stop and time.perf_counter() < until:
                    few = lines[index - entry.index : index - entry.index + LINES_PER_STEP]
                    errors += sum(self._take(channel.name, line, now) for line in few)
                    index += len(few)
            else:
                index = stop
            if index < stop or time.perf_counter() >= until:
                break
        channel.sampled_to = index
        if errors:
            self._errors.setdefault(channel, deque()).append((now, errors))

    def _take(self, channel: str, line: bytes, now: float) -> bool:
        error = is_error(line)
        key = channel, template_of(line)
        known = self._patterns.pop(key, None)
        if known is None and len(self._patterns) >= MAX_TEMPLATES:
            del self._patterns[next(iter(self._patterns))]
        if known is None or now - known.last > FORGET_SECONDS:
            known = TemplateStats(*key, error, 0, now, now, line[:MAX_EXAMPLE_CHARACTERS].decode(errors="replace"))
        known.count += 1
        known.last = now
        self._patterns[key] = known
        return error

    def _measure(self, channel: Channel, now: float) -> None:
        counts = self._errors[channel]
        while counts and counts[0][0] < now - ERRORS_SECONDS:
            counts.popleft()
        channel.recent_errors = sum(count for _, count in counts)
        if not counts:
            del self._errors[channel]
