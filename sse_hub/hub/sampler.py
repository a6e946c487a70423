"""
A sample of the lines: how many errors each channel has, and which message templates are new.

    rings --> sample(), a few ms at a time --> Channel.recent_errors --> /channels
                                               templates with counts --> /patterns

Live delivery comes first: sample() takes a few milliseconds, and in a flood it skips lines.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sse_hub.hub.channel import Channel
from sse_hub.hub.line_templates import LineTemplates, is_error
from sse_hub.hub.registry import ChannelRegistry
from sse_hub.hub.ring import Batch
from sse_hub.protocol.ids import iso_time
from sse_hub.protocol.selection import Selection

EVERY_SECONDS = 0.2
SAMPLE_SECONDS = 0.004
# When a channel has more new lines than this, only the last quarter of so many is sampled.
MAX_BEHIND = 2_000
# A batch larger than this would take too long, and is skipped.
LARGE_BYTES = 512 * 1024
# Lines sampled between two readings of the clock.
LINES_PER_STEP = 16
ERRORS_SECONDS = 60
FORGET_SECONDS = 3_600
MAX_TEMPLATES = 5_000
MAX_EXAMPLE_CHARACTERS = 500


@dataclass(slots=True)
class TemplateStats:
    """The lines of one channel with one template. `first` and `last` are times, in seconds since the epoch."""

    channel: str
    template: str
    error: bool
    count: int
    first: float
    last: float
    example: str

    def entry(self) -> dict[str, object]:
        """The template as `/patterns` lists it."""
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
    """Samples the rings of `registry`. `now` returns the time in seconds since the epoch."""

    def __init__(self, registry: ChannelRegistry, now: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._now = now
        self._errors: dict[Channel, deque[tuple[float, int]]] = {}
        # By channel and template, in the order of their last lines: the first one makes room for a new one.
        self._templates: dict[tuple[str, str], TemplateStats] = {}
        self._line_templates = LineTemplates()
        self.since = now()

    def sample(self, seconds: float = SAMPLE_SECONDS) -> None:
        """Sample new lines of all channels for about so many `seconds`."""
        until = time.perf_counter() + seconds
        now = self._now()
        # The channels that were sampled least come first: there may be no time for all.
        active = sorted(self._registry.active, key=lambda channel: channel.sampled_to - channel.ring.end)
        for channel in active:
            if time.perf_counter() >= until:
                break
            self._sample_channel(channel, now, until)
        for channel in [each for each, counts in self._errors.items() if counts]:
            self._measure(channel, now)

    async def newest_patterns(self, selection: Selection, limit: int) -> list[dict[str, object]]:
        """The templates of channels in `selection` that are new within the last hour, newest first, at most `limit`."""
        names = set(selection.channels)
        if selection.patterns:
            names |= set(await self._registry.names.matching(selection))
        since = self._now() - FORGET_SECONDS
        new = [each for each in self._templates.values() if each.first >= since and each.channel in names]
        new.sort(key=lambda each: each.first, reverse=True)
        return [each.entry() for each in new[:limit]]

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
        key = channel, self._line_templates.template_of(line)
        known = self._templates.pop(key, None)
        if known is None and len(self._templates) >= MAX_TEMPLATES:
            del self._templates[next(iter(self._templates))]
        if known is None or now - known.last > FORGET_SECONDS:
            known = TemplateStats(*key, error, 0, now, now, line[:MAX_EXAMPLE_CHARACTERS].decode(errors="replace"))
        known.count += 1
        known.last = now
        self._templates[key] = known
        return error

    def _measure(self, channel: Channel, now: float) -> None:
        counts = self._errors[channel]
        while counts and counts[0][0] < now - ERRORS_SECONDS:
            counts.popleft()
        channel.recent_errors = sum(count for _, count in counts)
        if not counts:
            del self._errors[channel]
