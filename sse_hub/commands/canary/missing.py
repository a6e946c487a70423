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
class _Hole:
    first: int
    last: int
    told: bool


class Holes:
    """Stretches in rising order. Lines that `ledger` is unsure of are counted as neither told nor missing."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._holes: list[_Hole] = []
        self._settled = {True: 0, False: 0}

    def add(self, first: int, last: int, told: bool) -> None:
        """The lines `first` to `last`, which come after all that were added before, if there are any."""
        if first <= last:
            self._holes.append(_Hole(first, last, told))

    def fill(self, seq: int) -> bool:
        """Line `seq` has come after all. False when it is in no hole."""
        index = bisect_right(self._holes, seq, key=lambda hole: hole.first) - 1
        if index < 0 or seq > self._holes[index].last:
            return False
        hole = self._holes.pop(index)
        parts = (_Hole(hole.first, seq - 1, hole.told), _Hole(seq + 1, hole.last, hole.told))
        self._holes[index:index] = [part for part in parts if part.first <= part.last]
        return True

    def count(self, told: bool) -> int:
        """The lines that were told of, or those that were not."""
        return self._settled[told] + sum(self._sure(hole) for hole in self._holes if hole.told == told)

    def settle(self, high: int) -> None:
        """Only count what lies far below `high`; such lines can't be filled any more."""
        while self._holes and self._holes[0].last < high - LINES_REMEMBERED:
            hole = self._holes.pop(0)
            self._settled[hole.told] += self._sure(hole)

    def _sure(self, hole: _Hole) -> int:
        return self._ledger.sure_between(hole.first, hole.last)
