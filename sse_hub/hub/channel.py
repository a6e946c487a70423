"""
A channel as this process knows it: its ring, the count for its ids, the feeds that carry it, its rate.

    payloads of one read --> Channel.batch() --> a Batch with ids, for the ring and the feeds
"""

from sse_hub.hub.counters import OTHERS, Namespaces
from sse_hub.hub.feed import Feed
from sse_hub.hub.filter_budget import FilterBudget
from sse_hub.hub.filtered_feeds import FilteredFeeds, FilterSets
from sse_hub.hub.ring import Batch, Ring
from sse_hub.protocol.ids import EventId, iso_time

# The rate is smoothed over about so many seconds, so that it changes slowly enough to be read.
RATE_SECONDS = 3.0
# The typical silence between lines is about the longest recent one: a longer one replaces it, a shorter one lowers it
# by this part of the difference.
SILENCE_DECAY = 0.02
SILENCES_TO_LEARN = 3


class Channel:
    """
    One channel. `lines` is the number of its lines so far, `lines_per_second` its present rate.

    `fence` and `count` give the next id: the last fence after which lines came, and the number of lines since then.
    """

    __slots__ = (
        "_measured",
        "_silences",
        "_namespace",
        "_namespaces",
        "count",
        "counted",
        "feeds",
        "fence",
        "filtered",
        "last_seconds",
        "lines",
        "lines_per_second",
        "name",
        "recent_errors",
        "recorded",
        "recorded_to",
        "ring",
        "sampled_to",
        "typical_silence_seconds",
        "unfiltered",
    )

    def __init__(
        self, name: str, namespaces: Namespaces, start: EventId, max_lines: int, now_seconds: float, recorded: bool
    ) -> None:
        self.name = name
        self._namespace, self._namespaces = "", namespaces
        # Whether it is recorded; and, if this process records, up to which index of the ring the log has it.
        self.recorded = recorded
        self.recorded_to = 0
        self.ring = Ring(start, max_lines)
        # Those of `feeds` that have no filter, and the others.
        self.unfiltered: list[Feed] = []
        self.filtered: FilteredFeeds | None = None
        self.feeds: list[Feed] = []
        self.fence = start.fence
        self.count = 0
        self.lines = 0
        # How many of the lines the metrics have: also those that were recorded before this process started.
        self.counted = 0
        self.lines_per_second = 0.0
        # The time of the last line, or else of the channel's creation, in seconds since the epoch.
        self.last_seconds = now_seconds
        self._measured = 0
        # Set by `sampler`: the number of errors in the last minute, and up to which index of the ring it has sampled.
        self.recent_errors = 0
        self.sampled_to = 0
        self.typical_silence_seconds = 0.0
        self._silences = -1

    @property
    def namespace(self) -> str:
        """The namespace its lines are counted in. A name without lines has none: clients could use up all of them."""
        if not self._namespace and self.lines:
            self._namespace = self._namespaces.of(self.name)
        return self._namespace or OTHERS

    @property
    def watched(self) -> bool:
        """True when a stream names this channel; those of a pattern need not keep it."""
        return any(self.name in feed.selection.channels for feed in self.feeds)

    @property
    def subscribers(self) -> int:
        """The number of streams that carry this channel."""
        return sum(len(feed.subscribers) for feed in self.feeds)

    def add_feed(self, feed: Feed, budget: FilterBudget, sets: FilterSets) -> None:
        """Have `feed` carry this channel. `budget` and `sets` are those of the process, for filters."""
        self.feeds.append(feed)
        if feed.filter is None:
            self.unfiltered.append(feed)
            return
        self.filtered = self.filtered or FilteredFeeds(budget, sets)
        self.filtered.add(feed)

    def remove_feed(self, feed: Feed) -> None:
        """The inverse of add_feed()."""
        self.feeds.remove(feed)
        if feed.filter is None:
            self.unfiltered.remove(feed)
        elif self.filtered:
            self.filtered.remove(feed)
            self.filtered = self.filtered or None

    def batch(self, seq: int, fence: int, payloads: list[bytes], limit_bytes: int, moment: int) -> Batch:
        """
        `payloads`, which came after `fence`, as the channel's next lines, with ids. Counts them.

        `moment` is when they came, in ms since the epoch.
        """
        if fence != self.fence:
            self.fence = fence
            self.count = 0
        batch = Batch(self.name, seq, fence, self.count + 1, payloads, limit_bytes, moment)
        self.count += batch.length
        self.lines += batch.length
        seconds = moment / 1000
        self._learn_silence(seconds - self.last_seconds)
        self.last_seconds = seconds
        return batch

    def measure_rate(self) -> bool:
        """Update the rate; call it once a second. False when the rate is 0, and stays so until the next line."""
        seen, self._measured = self.lines - self._measured, self.lines
        self.lines_per_second += (seen - self.lines_per_second) / RATE_SECONDS
        if self.lines_per_second < 0.01:
            self.lines_per_second = 0.0
        return self.lines_per_second > 0

    def directory_entry(self) -> dict[str, object]:
        """The channel as `/channels` lists it."""
        return {
            "name": self.name,
            "lines": self.lines,
            "lines_per_second": round(self.lines_per_second, 2),
            "last_line": iso_time(round(self.last_seconds * 1000)) if self.lines else None,
            "subscribers": self.subscribers,
            "errors_last_minute": self.recent_errors,
            "usual_gap_seconds": round(self.typical_silence_seconds, 3)
            if self._silences >= SILENCES_TO_LEARN
            else None,
        }

    def _learn_silence(self, seconds: float) -> None:
        # The first one is no silence of the publisher: this process may not have listened for long.
        self._silences += 1
        if self._silences > 0:
            shorter = self.typical_silence_seconds + (seconds - self.typical_silence_seconds) * SILENCE_DECAY
            self.typical_silence_seconds = max(seconds, shorter)
