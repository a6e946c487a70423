"""
All channel names that a process has seen, and which of them each selection matches.

    names, as they are seen --> NameIndex <-- matching(selection): a slice at a time, and only names not compared before

A name matches a pattern for good, so no request compares it with the same patterns again. That bounds what requests
cost: the time of one does not depend on how many come, nor that of live lines on what they ask for.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from itertools import chain
from time import perf_counter

from sse_hub.hub.fair_lock import FairLock, slice_end
from sse_hub.protocol.patterns import matcher_of
from sse_hub.protocol.selection import Selection

# The names that are kept for selections, 8 bytes each, and the selections.
MAX_FOUND = 1_000_000
MAX_SELECTIONS = 256
# Names compared between two readings of the clock, divided by the number of patterns: about a tenth of a millisecond.
COMPARISONS = 1_000
# Names of the past that stay, besides as many as there are.
OLD_NAMES = 20_000

Key = tuple[tuple[str, ...], tuple[str, ...] | None]
"""The patterns of a selection, and those of what is visible."""


class _Found:
    """The names found so far, and how many of all names have been compared."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.compared = 0


class NameIndex:
    """The names of one process. `fair_lock` is held for each slice of comparisons."""

    def __init__(self) -> None:
        self.fair_lock = FairLock()
        self._names: dict[str, None] = {}
        # The same in a list, which slices go on in.
        self._order: list[str] = []
        self._found: OrderedDict[Key, _Found] = OrderedDict()
        self._total_found = 0
        self._keepers: list[Callable[[], Collection[str]]] = []

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str) -> None:
        """`name` was seen."""
        if name not in self._names:
            self._names[name] = None
            self._order.append(name)

    def keep(self, names: Callable[[], Collection[str]]) -> None:
        """Keep what `names` returns when many names of the past are dropped."""
        self._keepers.append(names)

    def drop_old(self) -> None:
        """Drop names that nobody keeps any more, if they are most of all."""
        kept = [names() for names in self._keepers]
        if len(self._names) > 2 * sum(map(len, kept)) + OLD_NAMES:
            self._names = dict.fromkeys(chain.from_iterable(kept))
            self._order = list(self._names)
            self._found.clear()
            self._total_found = 0

    async def matching(self, selection: Selection, first: bool = False) -> list[str]:
        """
        The names seen so far that a pattern of `selection` matches, and that are visible in it.

        With `first` its slices come before all others. The list is the index's own: names may be added at its end.
        """
        turn = self.fair_lock.first if first else self.fair_lock
        await self._compile(selection, turn)
        key = (selection.patterns, selection.visible)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = _Found()
        self._found.move_to_end(key)
        # Several requests with the same selection share one pass: each goes on where another has stopped.
        while found.compared < len(self._order):
            async with turn:
                if self._found.get(key) is not found:
                    # Forgotten meanwhile: its names are of an index that was rebuilt, or the memory is full.
                    found = self._found.setdefault(key, _Found())
                self._compare(selection, found)
        self._forget_selections(key)
        return found.names

    async def _compile(self, selection: Selection, turn: AbstractAsyncContextManager[None]) -> None:
        for patterns in (selection.patterns, selection.visible or ()):
            more = True
            while more:
                async with turn:
                    more = matcher_of(patterns).compile_some()

    def _compare(self, selection: Selection, found: _Found) -> None:
        in_patterns = matcher_of(selection.patterns)
        visible = None if selection.visible is None else matcher_of(selection.visible)
        step = max(1, COMPARISONS // (len(selection.patterns) + len(selection.visible or ())))
        before = len(found.names)
        until = slice_end()
        while found.compared < len(self._order) and perf_counter() < until:
            some = self._order[found.compared : found.compared + step]
            matched = [name for name in some if in_patterns(name)]
            found.names += matched if visible is None else [name for name in matched if visible(name)]
            found.compared += len(some)
        self._total_found += len(found.names) - before

    def _forget_selections(self, key: Key) -> None:
        while len(self._found) > MAX_SELECTIONS or (self._total_found > MAX_FOUND and len(self._found) > 1):
            oldest = next(iter(self._found))
            if oldest == key:
                return
            self._total_found -= len(self._found.pop(oldest).names)
