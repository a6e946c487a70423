"""
Filters that need a level: it is found out once, and those are looked up that want it. Pure: no I/O.

    LevelGroup with "a" for level>=error and "b" for level=info .candidates(line of level info) --> {"b": None}
"""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from sse_hub.filters.level_look import LOUD
from sse_hub.filters.line import FilteredLine
from sse_hub.formats.levels import NAMES

Key = TypeVar("Key", bound=Hashable)


class LevelGroup(Generic[Key]):
    """Filters, each with the levels that its matches have."""

    def __init__(self) -> None:
        self._all: dict[Key, None] = {}
        self._by_level: list[dict[Key, None]] = [{} for _ in NAMES]
        # Those that want a level below LOUD.
        self._quiet: dict[Key, None] = {}

    def add(self, key: Key, levels: frozenset[int]) -> None:
        """Add a filter."""
        self._all[key] = None
        for level in levels:
            self._by_level[level][key] = None
        if any(level < LOUD for level in levels):
            self._quiet[key] = None

    def __bool__(self) -> bool:
        return bool(self._all)

    def candidates(self, line: FilteredLine) -> Mapping[Key, None]:
        """Those that want the level of the line, or may do so where the whole record has to be read for it."""
        level = line.quick_level
        if level is not None:
            return self._by_level[level]
        return self._all if line.may_be_loud() else self._quiet
