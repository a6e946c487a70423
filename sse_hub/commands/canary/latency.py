"""
Any number of latencies in a few kilobytes: a histogram with buckets half a percent wide. Pure; no I/O.

    add(seconds) --> Latency --> percentile_ms(99), max_ms
"""

import math
from collections import Counter

BUCKET_WIDTH = math.log(1.005)
MIN_SECONDS = 1e-6


class Latency:
    """Percentiles are within half a percent of the nearest rank; the maximum is exact."""

    def __init__(self) -> None:
        self.count = 0
        self._longest = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """One line took `seconds`."""
        self.count += 1
        self._longest = max(self._longest, seconds)
        self._buckets[math.ceil(math.log(max(seconds, MIN_SECONDS)) / BUCKET_WIDTH)] += 1

    def merge(self, other: "Latency") -> None:
        """Add all latencies of `other`."""
        self.count += other.count
        self._longest = max(self._longest, other._longest)
        self._buckets.update(other._buckets)

    @property
    def max_ms(self) -> float | None:
        """The maximum in milliseconds; None if there are no latencies."""
        return self._longest * 1000 if self.count else None

    def percentile_ms(self, percent: float) -> float | None:
        """The time in milliseconds within which `percent` of the lines arrived; None if none did."""
        rank = math.ceil(self.count * percent / 100)
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                return min(math.exp(bucket * BUCKET_WIDTH), self._longest) * 1000
        return None
