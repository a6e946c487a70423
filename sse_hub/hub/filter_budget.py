"""
How much of a core filters may take of live delivery. Pure: no I/O, no clock.

    FilterBudget(0.5).begin(now_seconds) --> .allows("level>=info") --> .spend("level>=info", 0.0001) --> … --> False

In each second, all filters together may take SHARE of a core, and each of them half of that. One that has taken less
than its equal share may go on in any case, so that a dear filter takes nothing from the others.
"""

from collections.abc import Hashable

SECOND = 1.0


class FilterBudget:
    """`share` is the part of a core for all filters together. Times are in seconds and never decrease."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._until = 0.0
        self._spent: dict[Hashable, float] = {}
        self._spent_in_all = 0.0
        self.seconds = 0.0
        """What all filters have taken since the start."""

    def begin(self, now: float) -> None:
        """Begin a new second if the present one is over at `now`."""
        if now >= self._until:
            self._until = now + SECOND
            self._spent.clear()
            self._spent_in_all = 0.0

    def allows(self, key: Hashable) -> bool:
        """Whether the filter `key` may look at another line in this second."""
        spent = self._spent.get(key, 0.0)
        if spent > self._share * SECOND / 2:
            return False
        return self._spent_in_all < self._share * SECOND or spent * len(self._spent) < self._share * SECOND

    def spend(self, key: Hashable, seconds: float) -> None:
        """Count the time that the filter `key` has taken for a line."""
        self._spent[key] = self._spent.get(key, 0.0) + seconds
        self._spent_in_all += seconds
        self.seconds += seconds
