"""
What was published, when, and what may or may not have been. Pure; no I/O.

    publisher --> begin(), doubt() --> Ledger --> judges: was it published? how long did it take?
"""

from bisect import bisect_right

# A batch leaves every 5 ms at the most: three quarters of an hour at the highest rates, for 30 MB.
BATCHES_REMEMBERED = 500_000


class Ledger:
    """The lines 1 to `begun`, of which each may have reached Redis. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self.begun = 0
        self.unsure: set[int] = set()
        self._firsts: list[int] = []
        self._times: list[float] = []

    def begin(self, count: int, at: float) -> range:
        """The next `count` lines are published from `at` on; their numbers."""
        first = self.begun + 1
        self.begun += count
        self._firsts.append(first)
        self._times.append(at)
        if len(self._firsts) > 2 * BATCHES_REMEMBERED:
            del self._firsts[:BATCHES_REMEMBERED], self._times[:BATCHES_REMEMBERED]
        return range(first, self.begun + 1)

    def doubt(self, seqs: range) -> None:
        """Nobody knows whether `seqs` were published: no answer came, or a refusal."""
        self.unsure.update(seqs)

    def published_at(self, seq: int) -> float | None:
        """The time just before `seq` was published, None where it is not remembered any more."""
        batch = bisect_right(self._firsts, seq) - 1
        return self._times[batch] if batch >= 0 else None

    def last_sure(self) -> int:
        """The last line that was published for certain, 0 if none was."""
        last = self.begun
        while last in self.unsure:
            last -= 1
        return last

    def sure_between(self, first: int, last: int) -> int:
        """How many of the lines `first` to `last` were published for certain."""
        lines = max(0, last - first + 1)
        if lines <= len(self.unsure):
            return sum(seq not in self.unsure for seq in range(first, last + 1))
        return lines - sum(first <= seq <= last for seq in self.unsure)
