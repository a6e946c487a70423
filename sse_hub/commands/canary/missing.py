"""
The lines that a reader has been led past, as stretches of numbers. Pure; no I/O.

    add(first, last, told) --> Holes --> fill(seq) when one comes after all --> count(told)
"""

from bisect import bisect_right
from dataclasses import dataclass

from sse_hub.commands.canary.ledger import Ledger

# Of a reader that loses lines for days only this many lines back are remembered one by one.
LINES_REMEMBERED = 1_000_000


@dataclass(slots=True)
class _MissingRange:
    first: int
    last: int
    told: bool


class MissingLines:
    """Stretches in rising order. Lines that `ledger` is unsure of are counted as neither told nor missing."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ranges: list[_MissingRange] = []
        self._settled = {True: 0, False: 0}

    def add(self, first: int, last: int, told: bool) -> None:
        """The lines `first` to `last`, which come after all that were added before, if there are any."""
        if first <= last:
            self._ranges.append(_MissingRange(first, last, told))

    def fill(self, seq: int) -> bool:
        """Line `seq` has come after all. False when it is in no hole."""
        index = bisect_right(self._ranges, seq, key=lambda hole: hole.first) - 1
        if index < 0 or seq > self._ranges[index].last:
            return False
        hole = self._ranges.pop(index)
        parts = (_MissingRange(hole.first, seq - 1, hole.told), _MissingRange(seq + 1, hole.last, hole.told))
        self._ranges[index:index] = [part for part in parts if part.first <= part.last]
        return True

    def count(self, told: bool) -> int:
        """The lines that were told of, or those that were not."""
        return self._settled[told] + sum(self._sure(hole) for hole in self._ranges if hole.told == told)

    def settle(self, high: int) -> None:
        """Only count what lies far below `high`; such lines can't be filled any more."""
        while self._ranges and self._ranges[0].last < high - LINES_REMEMBERED:
            hole = self._ranges.pop(0)
            self._settled[hole.told] += self._sure(hole)

    def _sure(self, hole: _MissingRange) -> int:
        return self._ledger.sure_between(hole.first, hole.last)
