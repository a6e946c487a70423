"""
The lines that a reader has not received although it received later ones, as ranges of numbers. Pure; no I/O.

    add(first, last, reported) --> MissingLines --> remove(seq) if a line arrives late --> count(reported)
"""

from bisect import bisect_right
from dataclasses import dataclass

from sse_hub.commands.canary.published import PublishedLines

# If a reader loses lines for days, only those of the last so many lines are kept as ranges.
MAX_LINES_BACK = 1_000_000


@dataclass(slots=True)
class _MissingRange:
    first: int
    last: int
    reported: bool


class MissingLines:
    """Ranges in ascending order. Lines that may not have been published are not counted."""

    def __init__(self, published: PublishedLines) -> None:
        self._published = published
        self._ranges: list[_MissingRange] = []
        self._compacted = {True: 0, False: 0}

    def add(self, first: int, last: int, reported: bool) -> None:
        """Add the lines `first` to `last`, if any, which follow all that were added before."""
        if first <= last:
            self._ranges.append(_MissingRange(first, last, reported))

    def remove(self, seq: int) -> bool:
        """Line `seq` has arrived late. False if it was not missing."""
        index = bisect_right(self._ranges, seq, key=lambda each: each.first) - 1
        if index < 0 or seq > self._ranges[index].last:
            return False
        each = self._ranges.pop(index)
        parts = (_MissingRange(each.first, seq - 1, each.reported), _MissingRange(seq + 1, each.last, each.reported))
        self._ranges[index:index] = [part for part in parts if part.first <= part.last]
        return True

    def report(self, first: int, last: int) -> None:
        """A gap reports the lines `first` to `last`, as far as they are missing."""
        split: list[_MissingRange] = []
        for each in self._ranges:
            begin, end = max(each.first, first), min(each.last, last)
            if each.reported or begin > end:
                split.append(each)
                continue
            parts = (
                _MissingRange(each.first, begin - 1, False),
                _MissingRange(begin, end, True),
                _MissingRange(end + 1, each.last, False),
            )
            split += [part for part in parts if part.first <= part.last]
        self._ranges = split

    def count(self, reported: bool) -> int:
        """The number of missing lines that a gap reported, or of those that none did."""
        return self._compacted[reported] + sum(
            self._count_confirmed(each) for each in self._ranges if each.reported == reported
        )

    def compact(self, high: int) -> None:
        """Replace ranges far below `high` by their counts; their lines can no longer be removed."""
        while self._ranges and self._ranges[0].last < high - MAX_LINES_BACK:
            each = self._ranges.pop(0)
            self._compacted[each.reported] += self._count_confirmed(each)

    def _count_confirmed(self, each: _MissingRange) -> int:
        return self._published.count_confirmed(each.first, each.last)
