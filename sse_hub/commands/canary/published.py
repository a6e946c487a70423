"""
What was published, when, and what may or may not have been. Pure; no I/O.

    publisher --> add_batch(), mark_unsure() --> PublishedLines --> verifiers: was it published? when?
"""

from bisect import bisect_left, bisect_right

# The publisher sends a batch every 5 ms at most: at the highest rates this is 45 minutes, in 30 MB.
MAX_BATCHES = 500_000


class PublishedLines:
    """
    The lines 1 to `attempted`, each of which may have reached Redis; for `unsure` of them that is not known.

    Times are in seconds, of any clock, but always the same one.
    """

    def __init__(self) -> None:
        self.attempted = 0
        self.unsure = 0
        # Ranges, since Redis may refuse lines for days.
        self._unsure_firsts: list[int] = []
        self._unsure_lasts: list[int] = []
        self._firsts: list[int] = []
        self._times: list[float] = []

    def add_batch(self, count: int, at: float) -> range:
        """Add the next `count` lines, which are published from `at` on; their numbers."""
        first = self.attempted + 1
        self.attempted += count
        self._firsts.append(first)
        self._times.append(at)
        if len(self._firsts) > 2 * MAX_BATCHES:
            del self._firsts[:MAX_BATCHES], self._times[:MAX_BATCHES]
        return range(first, self.attempted + 1)

    def mark_unsure(self, seqs: range) -> None:
        """Whether `seqs` were published is not known. They must follow all that were marked before."""
        if not seqs:
            return
        self.unsure += len(seqs)
        if self._unsure_lasts and self._unsure_lasts[-1] == seqs[0] - 1:
            self._unsure_lasts[-1] = seqs[-1]
        else:
            self._unsure_firsts.append(seqs[0])
            self._unsure_lasts.append(seqs[-1])

    def is_unsure(self, seq: int) -> bool:
        """Whether it is unknown if line `seq` was published."""
        index = bisect_right(self._unsure_firsts, seq) - 1
        return index >= 0 and seq <= self._unsure_lasts[index]

    def published_at(self, seq: int) -> float | None:
        """The time just before `seq` was published; None if it is no longer remembered."""
        batch = bisect_right(self._firsts, seq) - 1
        return self._times[batch] if batch >= 0 else None

    def last_confirmed(self) -> int:
        """The last line that was certainly published; 0 if none was."""
        if self.is_unsure(self.attempted):
            return self._unsure_firsts[-1] - 1
        return self.attempted

    def count_confirmed(self, first: int, last: int) -> int:
        """How many of the lines `first` to `last` were certainly published."""
        confirmed = max(0, last - first + 1)
        for index in range(bisect_left(self._unsure_lasts, first), len(self._unsure_firsts)):
            if self._unsure_firsts[index] > last:
                break
            confirmed -= min(last, self._unsure_lasts[index]) - max(first, self._unsure_firsts[index]) + 1
        return confirmed
