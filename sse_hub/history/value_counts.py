"""
How many lines have each value of a field, per step of time. Pure: no I/O.

    FilteredLine, step --> ValueCounts("service").add() --> top(10) --> TopValues: the most frequent, and the rest

The values of `level` are the names of levels, and `none`; those of `channel` are channels. Any other field is that of
the filter language, so that the count of a value is the number of lines that `field=value` finds.
"""

from collections.abc import Callable, Sequence
from heapq import nlargest

from sse_hub.filters.compare import plain_text
from sse_hub.filters.fields import value_of
from sse_hub.filters.line import FilteredLine
from sse_hub.formats.levels import NAMES
from sse_hub.formats.names import MISSING

# Longer values are cut, and counted as one if they begin alike.
MAX_VALUE_CHARACTERS = 256
# Of a list, each item counts: at most so many of them.
MAX_ITEMS = 100
# About what Python needs for a value, and for a number of it in one step.
VALUE_BYTES = 400
CELL_BYTES = 100

PerStep = dict[int, int]
"""A number for each step, by the time at which it begins, in ms since the epoch."""


class ValueCounts:
    """The values of the field `by` of the lines that are added. `size` is about how many bytes they take."""

    def __init__(self, by: str) -> None:
        self.size = 0
        self._read = _reader_of(by)
        self._counts: dict[str, PerStep] = {}
        self._totals: dict[str, int] = {}
        self._all: PerStep = {}
        self._without: PerStep = {}

    def add(self, line: FilteredLine, step: int) -> None:
        """Count a line of the step that begins at `step`."""
        values = self._read(line)
        if not values:
            self._without[step] = self._without.get(step, 0) + 1
        for value in values:
            counts = self._counts.get(value)
            if counts is None:
                counts = self._counts[value] = {}
                self.size += VALUE_BYTES + len(value)
            if step not in counts:
                counts[step] = 0
                self.size += CELL_BYTES
            counts[step] += 1
            self._totals[value] = self._totals.get(value, 0) + 1
            self._all[step] = self._all.get(step, 0) + 1

    def top(self, limit: int) -> "TopValues":
        """The `limit` most frequent values; of two that are equally frequent, the first in the alphabet."""
        best = nlargest(limit, self._totals.items(), key=lambda item: item[1])
        # What is as frequent as the last of them is chosen by name, so that an answer does not depend on the order.
        least = best[-1][1] if best else 0
        equal = sorted(value for value, count in self._totals.items() if count == least)
        sure = sorted(((count, value) for value, count in best if count > least), key=lambda item: (-item[0], item[1]))
        values = [value for _, value in sure] + equal[: limit - len(sure)]
        return TopValues([(value, self._totals[value], self._counts[value]) for value in values], self)

    def totals(self) -> tuple[int, int, int]:
        """How many values were counted, how many different ones, and the number of lines without any."""
        return sum(self._all.values()), len(self._totals), sum(self._without.values())

    def totals_of(self, step: int) -> tuple[int, int]:
        """How many values were counted in a step, and the number of lines without any."""
        return self._all.get(step, 0), self._without.get(step, 0)


class TopValues:
    """The most frequent values of ValueCounts: each with its number in all, and in each step."""

    def __init__(self, values: Sequence[tuple[str, int, PerStep]], counts: ValueCounts) -> None:
        self._values = values
        self._counts = counts

    def whole(self) -> dict[str, object]:
        """All steps together, as `/stats` shows them."""
        counted, distinct, without = self._counts.totals()
        return {
            "values": [{"value": value, "count": count} for value, count, _ in self._values],
            "others": counted - sum(count for _, count, _ in self._values),
            "distinct": distinct,
            "without": without,
        }

    def of_step(self, step: int, edge: bool) -> dict[str, object]:
        """One step, with the counts of the values in the order of `whole()`."""
        counted, without = self._counts.totals_of(step)
        values = [counts.get(step, 0) for _, _, counts in self._values]
        return {"values": values, "others": counted - sum(values), "without": without}


def _reader_of(by: str) -> Callable[[FilteredLine], Sequence[str]]:
    if by == "level":
        return lambda line: (NAMES[line.record.level],)
    if by == "channel":
        return lambda line: (line.channel,)
    return lambda line: _values_of(value_of(line, by))


def _values_of(value: object) -> Sequence[str]:
    if value is MISSING or value is None:
        return ()
    if isinstance(value, list):
        return list(dict.fromkeys(_cut(plain_text(item)) for item in value[:MAX_ITEMS] if item is not None))
    return (_cut(plain_text(value)),)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[: MAX_VALUE_CHARACTERS - 1] + "…"
