"""
The counters of one process: plain numbers, incremented where something happens, read by the metrics.

    hub, source, recorder, … --> Counters --> metrics, once for each scrape

Delivery of lines does not pass through here: channels and feeds count their own, and are summed up for a scrape.
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

# Publishers choose the names, so only the first so many namespaces are counted separately.
MAX_NAMESPACES = 50
OTHERS = "(others)"
SEVERAL = "(several)"
ROUND_TRIPS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
# These counts exist, as 0, before the first event: Prometheus sees no increase where a series begins.
GAP_REASONS = (
    "trimmed", "unknown-id", "recorder-down", "failover", "bus", "forked", "log-lost", "slow", "late", "guard", "rate",
    "filter",
)  # fmt: skip
# Lines may be missing anywhere between the bounds of such a gap, and others between them were delivered.
OVERLAPPING_REASONS = frozenset({"bus"})
RESUME_RESULTS = ("memory", "log", "unknown-id", "forked")
SLOW_REASONS = ("stalled", "drain")
REDIS_ERRORS = ("connect", "session", "fence", "recording", "log")
REFUSED = (
    "not-signed-in", "not-allowed", "foreign-origin",
    "address", "subject", "total", "connections", "channels", "channels-per-stream", "filters",
    "publish-rate", "bodies", "answers", "queries", "too-large", "slow", "url", "headers", "slow-head", "malformed",
)  # fmt: skip
COVERED = ("true", "false")
STALLS_SECONDS = (0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)


class Buckets:
    """A histogram: `counts` has the number of values up to each of `bounds`, and last, of those above all bounds."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count `value`, which is in the unit of the bounds."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Namespaces:
    """
    Namespaces of channels: a name up to its first `.`, `:` or `/`.

    After the first MAX_NAMESPACES, all others count as OTHERS.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def of(self, name: str) -> str:
        """The namespace of the channel or pattern `name`."""
        namespace = name
        for mark in ".:/":
            namespace = namespace.partition(mark)[0]
        # The name may start with such a mark.
        namespace = namespace or name[:1]
        if "*" in namespace:
            return SEVERAL
        if namespace in self._known:
            return namespace
        if len(self._known) == MAX_NAMESPACES:
            return OTHERS
        self._known.add(namespace)
        return namespace

    def of_all(self, names: tuple[str, ...]) -> str:
        """The common namespace of `names`, SEVERAL if they have several."""
        found = {self.of(name) for name in names}
        return found.pop() if len(found) == 1 else SEVERAL


@dataclass(slots=True)
class Counters:
    """
    What one process has counted since its start.

    `received` and `delivered` are, by namespace, those of channels and feeds that no longer exist. `recorded` counts
    lines that were given to the log, by namespace, and `recorded_lines` those of them that it did not have yet. What
    is counted of alerts is by destination, of which a rule file has a bounded number.
    """

    namespaces: Namespaces = field(default_factory=Namespaces)
    received: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    recorded: Counter[str] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=lambda: _zeroed(GAP_REASONS))
    resumes: Counter[str] = field(default_factory=lambda: _zeroed(RESUME_RESULTS))
    slow_closed: Counter[str] = field(default_factory=lambda: _zeroed(SLOW_REASONS))
    redis_errors: Counter[str] = field(default_factory=lambda: _zeroed(REDIS_ERRORS))
    takeovers: Counter[str] = field(default_factory=lambda: _zeroed(COVERED))
    refused: Counter[str] = field(default_factory=lambda: _zeroed(REFUSED))
    redis_sessions: int = 0
    invalid_fences: int = 0
    unserved: int = 0
    heartbeats: int = 0
    replayed: int = 0
    recorded_lines: int = 0
    recording_failures: int = 0
    alerts_sent: Counter[str] = field(default_factory=Counter)
    alert_failures: Counter[str] = field(default_factory=Counter)
    alerts_given_up: Counter[str] = field(default_factory=Counter)
    fence_round_trips: Buckets = field(default_factory=lambda: Buckets(ROUND_TRIPS_SECONDS))
    write_stalls: Buckets = field(default_factory=lambda: Buckets(STALLS_SECONDS))


def _zeroed(names: tuple[str, ...]) -> Counter[str]:
    return Counter(dict.fromkeys(names, 0))
