"""
A channel as this process knows it: its ring, the count that makes ids, the feeds that carry it, its rate.

    payloads of one read --> Channel.batch() --> ring and feeds
"""

from sse_hub.hub.counters import OTHERS, Namespaces
from sse_hub.hub.feed import Feed
from sse_hub.hub.ring import Batch, Ring
from sse_hub.protocol.ids import EventId, iso_time

# The rate is smoothed over about this many seconds, so that a page shows a number one can read.
RATE_SECONDS = 3.0
# The usual gap between lines is the longest of late: each shorter one takes it down by this part of the difference.
SILENCE_DECAY = 0.02
SILENCES_TO_LEARN = 3


class Channel:
    """One channel. `lines` counts what was seen of it, `lines_per_second` is its present rate."""

    __slots__ = (
        "_counted",
        "_silences",
        "_namespace",
        "_namespaces",
        "count",
        "feeds",
        "fence",
        "last_seconds",
        "recorded_before",
        "lines",
        "lines_per_second",
        "name",
        "recent_errors",
        "recorded",
        "recorded_to",
        "ring",
        "sampled_to",
        "typical_silence_seconds",
    )

    def __init__(
        self, name: str, namespaces: Namespaces, start: EventId, max_lines: int, now_seconds: float, recorded: bool
    ) -> None:
        self.name = name
        self._namespace, self._namespaces = "", namespaces
        # Whether it belongs in the log; and up to which index of the ring this process has put it there, if it records.
        self.recorded = recorded
        self.recorded_to = 0
        self.ring = Ring(start, max_lines)
        self.feeds: list[Feed] = []
        self.fence = start.fence
        self.count = 0
        self.lines = 0
        # How many of them were recorded before this process came.
        self.recorded_before = 0
        self.lines_per_second = 0.0
        # The wall clock of the last line, or of the channel's making: what the least used channel is told by.
        self.last_seconds = now_seconds
        self._counted = 0
        # Lines of the last minute that tell of an error, and up to which index of the ring they were looked for; see
        # `survey`.
        self.recent_errors = 0
        self.sampled_to = 0
        self.typical_silence_seconds = 0.0
        self._silences = -1

    @property
    def namespace(self) -> str:
        """What its lines are counted under. A name that nobody publishes to has none of its own."""
        if not self._namespace and self.lines:
            self._namespace = self._namespaces.of(self.name)
        return self._namespace or OTHERS

    @property
    def subscribers(self) -> int:
        """How many streams carry this channel."""
        return sum(len(feed.subscribers) for feed in self.feeds)

    def batch(self, seq: int, fence: int, payloads: list[bytes], limit_bytes: int, now_seconds: float) -> Batch:
        """The next lines after `fence`, with their ids."""
        if fence != self.fence:
            self.fence = fence
            self.count = 0
        batch = Batch(self.name, seq, fence, self.count + 1, payloads, limit_bytes)
        self.count += batch.length
        self.lines += batch.length
        self._learn_silence(now_seconds - self.last_seconds)
        self.last_seconds = now_seconds
        return batch

    def measure_rate(self) -> bool:
        """Bring the rate up to date, once a second. False when it has come to rest: no need to call until a line."""
        seen, self._counted = self.lines - self._counted, self.lines
        self.lines_per_second += (seen - self.lines_per_second) / RATE_SECONDS
        if self.lines_per_second < 0.01:
            self.lines_per_second = 0.0
        return self.lines_per_second > 0

    def directory_entry(self) -> dict[str, object]:
        """What `/channels` says of it."""
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
        # What came before the first line that this process has seen is no gap of the publisher's.
        self._silences += 1
        if self._silences > 0:
            shorter = self.typical_silence_seconds + (seconds - self.typical_silence_seconds) * SILENCE_DECAY
            self.typical_silence_seconds = max(seconds, shorter)
