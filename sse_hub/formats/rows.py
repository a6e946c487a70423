"""
The rows of the table as regular expressions, and the first one that fits a text. Pure: no I/O.

    Rows(TABLE["lines"]).matches(text) --> (row, match, first group) for each row that fits, in order
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from sse_hub.formats.beginnings import beginnings, first_of
from sse_hub.formats.levels import NONE, level_of_word
from sse_hub.formats.table import expand

NOTHING = re.compile(r"(?!)")
TIME_PARTS = frozenset({"year", "month", "monthOrDay", "hour", "epoch"})


@dataclass
class TableRow:
    """A row of the table. `time_group` is the group that is a time, counted from 0; None without one."""

    format: str
    source: str
    roles: tuple[str, ...]
    rest: str
    after: tuple[str, ...]
    keep: bool
    level: int
    time_group: int | None
    timed: bool

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The expression alone."""
        return re.compile(self.source)


class Fit(NamedTuple):
    """A row that fits a text. Its groups in `match` begin with number `first`."""

    row: TableRow
    match: re.Match[str]
    first: int


def parse_row(row: Mapping[str, Any]) -> TableRow:
    """A row of `lines` or `heads`."""
    source, roles = expand(row["pattern"])
    return TableRow(
        format=row["fmt"],
        source=source,
        roles=roles,
        rest=row.get("rest", "message"),
        after=tuple(row.get("after", ())),
        keep=row.get("keep", False),
        level=level_of_word(row["level"]) if "level" in row else NONE,
        time_group=roles.index("time") if "time" in roles else None,
        timed=any(role in TIME_PARTS for role in roles),
    )


class Rows:
    """Rows in order. Those whose beginning is another than that of a text are not tried on it."""

    def __init__(self, rows: list[TableRow]) -> None:
        self._rows = rows
        self._candidates: dict[str, _Candidates] = {}

    @cached_property
    def _beginnings(self) -> list[frozenset[str]]:
        return [beginnings(row.source) for row in self._rows]

    def fits(self, text: str) -> Iterator[Fit]:
        """The rows that fit the beginning of `text`."""
        first = first_of(text)
        candidates = self._candidates.get(first)
        if candidates is None:
            rows = [row for row, kinds in zip(self._rows, self._beginnings, strict=True) if first in kinds]
            candidates = self._candidates[first] = _Candidates(rows)
        return candidates.fits(text)


class _Candidates:
    """Rows in order. One expression finds the first that fits; trying one after the other takes ten times as long."""

    def __init__(self, rows: list[TableRow]) -> None:
        self._rows = rows
        self._pattern = re.compile("|".join(f"(?:{row.source})()" for row in rows)) if rows else NOTHING
        # By the number of the empty group that ends each alternative: the place of its row, and its first group.
        self._places: dict[int, tuple[int, int]] = {}
        number = 1
        for place, row in enumerate(rows):
            end = number + len(row.roles)
            self._places[end] = place, number
            number = end + 1

    def fits(self, text: str) -> Iterator[Fit]:
        match = self._pattern.match(text)
        if match is None or match.lastindex is None:
            return
        place, first = self._places[match.lastindex]
        yield Fit(self._rows[place], match, first)
        for row in self._rows[place + 1 :]:
            if found := row.pattern.match(text):
                yield Fit(row, found, 1)
