"""
What was published, when, and what may or may not have been. Pure; no I/O.

    publisher --> begin(), doubt() --> Ledger --> judges: was it published? how long did it take?
"""

from bisect import bisect_left, bisect_right

# A batch leaves every 5 ms at the most: three quarters of an hour at the highest rates, for 30 MB.
BATCHES_REMEMBERED = 500_000


class Ledger:
    """
    The lines 1 to `begun`, of which each may have reached Redis; of `unsure` lines nobody knows.

    Times are seconds of any one clock.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.unsure = 0
        # As stretches, because a Redis may refuse for days.
        self._unsure_firsts: list[int] = []
        self._unsure_lasts: list[int] = []
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
        """Nobody knows whether `seqs`, which follow all that were doubted before, were published."""
        if not seqs:
            return
        self.unsure += len(seqs)
        if self._unsure_lasts and self._unsure_lasts[-1] == seqs[0] - 1:
            self._unsure_lasts[-1] = seqs[-1]
        else:
            self._unsure_firsts.append(seqs[0])
            self._unsure_lasts.append(seqs[-1])

    def is_unsure(self, seq: int) -> bool:
        """True where nobody knows whether line `seq` was published."""
        stretch = bisect_right(self._unsure_firsts, seq) - 1
        return stretch >= 0 and seq <= self._unsure_lasts[stretch]

    def published_at(self, seq: int) -> float | None:
        """The time just before `seq` was published, None where it is not remembered any more."""
        batch = bisect_right(self._firsts, seq) - 1
        return self._times[batch] if batch >= 0 else None

    def last_sure(self) -> int:
        """The last line that was published for certain, 0 if none was."""
        if self.is_unsure(self.begun):
            return self._unsure_firsts[-1] - 1
        return self.begun

    def sure_between(self, first: int, last: int) -> int:
        """How many of the lines `first` to `last` were published for certain."""
        sure = max(0, last - first + 1)
        for index in range(bisect_left(self._unsure_lasts, first), len(self._unsure_firsts)):
            if self._unsure_firsts[index] > last:
                break
            sure -= min(last, self._unsure_lasts[index]) - max(first, self._unsure_firsts[index]) + 1
        return sure
