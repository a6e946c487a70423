"""
The percentiles of a number that is a field of lines, per step of time. Pure: no I/O.

    FilteredLine, step --> NumberCounts("took").add() --> percentiles() --> Percentiles: p50, p90, p99, min, max

Durations and sizes are numbers as in the filter language: `12ms`, `2MB`, and 5 under the name `took_us`.

Numbers are counted by their first three digits, as in HdrHistogram (https://hdrhistogram.github.io/HdrHistogram/), but
decimal ones. Rounding keeps their order, so a percentile is the exact one (of nearest rank), rounded to three digits:
it is wrong by 0.5 % at most, and `200` or `12.5ms` stay what they are. The counts of two ranges can be added.
"""

import math
from collections.abc import Iterable, Sequence

from sse_hub.filters.compare import quantity_of
from sse_hub.filters.fields import value_of
from sse_hub.filters.line import FilteredLine
from sse_hub.filters.units import Quantity, unit_of_name
from sse_hub.history.value_counts import CELL_BYTES, MAX_ITEMS

PERCENTS = (50, 90, 99)
NUMBER = "number"
# About what Python needs for the numbers of one step, without the counts.
STEP_BYTES = 600


class Numbers:
    """Numbers, counted by their first three digits; `least` and `greatest` are exact."""

    __slots__ = ("count", "counts", "greatest", "least")

    def __init__(self) -> None:
        self.count = 0
        self.counts: dict[float, int] = {}
        self.least = math.inf
        self.greatest = -math.inf

    def add(self, number: float, rounded: float) -> bool:
        """Count one number, which is also given as `three_digits()` of it. True if it takes a new place in memory."""
        known = self.counts.get(rounded, 0)
        self.counts[rounded] = known + 1
        self.count += 1
        self.least = min(self.least, number)
        self.greatest = max(self.greatest, number)
        return not known

    def add_all(self, other: "Numbers") -> None:
        """Count all numbers of `other`, too."""
        for rounded, count in other.counts.items():
            self.counts[rounded] = self.counts.get(rounded, 0) + count
        self.count += other.count
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)

    def summary(self, with_counts: bool) -> dict[str, object]:
        """The numbers as `/stats` shows them; `with_counts`, so that those of another answer can be added."""
        shown: dict[str, object] = {"numbers": self.count, "min": None, "max": None}
        shown |= dict.fromkeys(f"p{percent}" for percent in PERCENTS)
        if not self.count:
            return shown | ({"rounded": []} if with_counts else {})
        pairs = sorted(self.counts.items())
        shown |= {"min": self.least, "max": self.greatest}
        for percent, number in zip(PERCENTS, percentiles(pairs, self.count, PERCENTS), strict=True):
            # An end of the range is exact, and what lies inside is not beyond it.
            shown[f"p{percent}"] = min(max(number, self.least), self.greatest)
        return shown | ({"rounded": pairs} if with_counts else {})


def three_digits(number: float) -> float:
    """`number` to three significant digits."""
    return float(f"{number:.2e}")


def percentiles(pairs: Iterable[tuple[float, int]], count: int, percents: Sequence[int]) -> list[float]:
    """
    The percentiles of `count` numbers, given as sorted pairs of a number and how often it occurs.

    The p-th is the least number that p % of all are not above: the one of nearest rank. `percents` is sorted.
    """
    found: list[float] = []
    passed = 0
    for number, times in pairs:
        passed += times
        while len(found) < len(percents) and 100 * passed >= percents[len(found)] * count:
            found.append(number)
    return found


class NumberCounts:
    """The numbers of the field `name` of the lines that are added. `size` is about how many bytes they take."""

    def __init__(self, name: str) -> None:
        self.size = 0
        self._name = name
        self._unit = unit_of_name(name)
        # By what they are: number, duration or size.
        self._kinds: dict[str, _KindNumbers] = {}

    def add(self, line: FilteredLine, step: int) -> None:
        """Count the number of a line of the step that begins at `step`; of a list, each number."""
        value = value_of(line, self._name)
        for item in value[:MAX_ITEMS] if isinstance(value, list) else (value,):
            found = quantity_of(item)
            if found is not None and math.isfinite(found.value):
                self._add_quantity(found, step)

    def _add_quantity(self, found: Quantity, step: int) -> None:
        kind, number = found
        if kind == NUMBER and self._unit:
            kind, number = self._unit.kind, number * self._unit.value
        if kind not in self._kinds:
            self._kinds[kind] = _KindNumbers()
        self.size += self._kinds[kind].add(number, step)

    def percentiles(self) -> "Percentiles":
        """
        The numbers of the most frequent unit.

        Bare numbers are with them: ms among durations, bytes among sizes, as in the filter language.
        """
        units = [kind for kind in self._kinds if kind != NUMBER]
        chosen = max(units, key=lambda kind: self._kinds[kind].whole.count, default=NUMBER)
        numbers = self._kinds.get(chosen, _KindNumbers())
        others = sum(self._kinds[kind].whole.count for kind in units if kind != chosen)
        if chosen != NUMBER and NUMBER in self._kinds:
            numbers.add_all(self._kinds.pop(NUMBER))
        return Percentiles(chosen, numbers, others)


class _KindNumbers:
    """Numbers of one kind: of each step, and of all."""

    def __init__(self) -> None:
        self.whole = Numbers()
        self.steps: dict[int, Numbers] = {}

    def add(self, number: float, step: int) -> int:
        """Count a number. Returns about how many bytes more it takes."""
        size = 0
        numbers = self.steps.get(step)
        if numbers is None:
            numbers = self.steps[step] = Numbers()
            size = STEP_BYTES
        rounded = three_digits(number)
        new = numbers.add(number, rounded)
        self.whole.add(number, rounded)
        return size + 2 * CELL_BYTES * new

    def add_all(self, other: "_KindNumbers") -> None:
        self.whole.add_all(other.whole)
        for step, numbers in other.steps.items():
            self.steps.setdefault(step, Numbers()).add_all(numbers)


class Percentiles:
    """The numbers of one kind per step. `others` is how many numbers were of another one."""

    def __init__(self, kind: str, numbers: _KindNumbers, others: int) -> None:
        self._kind = kind
        self._numbers = numbers
        self._others = others

    def whole(self) -> dict[str, object]:
        """All steps together, as `/stats` shows them."""
        return {"kind": self._kind, "others": self._others} | self._numbers.whole.summary(with_counts=True)

    def of_step(self, step: int, edge: bool) -> dict[str, object]:
        """One step; one at the `edge` of an answer goes on in another, so it has its counts."""
        return self._numbers.steps.get(step, Numbers()).summary(with_counts=edge)
