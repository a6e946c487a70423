"""
Several filters, such as those of all streams of a channel: one look at the bytes of a line refuses most of them.

    FilterSet({"u7": filter, "u8": filter, …}).candidates(line) --> ["u8"]: those that may match        .matching(line)

The look is for the rarest text that each filter needs, for all filters at once. It takes 2 to 5 us for a line of 200
bytes, whether there are ten filters or a thousand. Filters that need a level, or a number under the same name, are
looked up by the one that the line has. Pure: no I/O.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import re2

from sse_hub.filters.bounds import Bound, BoundGroup
from sse_hub.filters.compile import Filter
from sse_hub.filters.level_group import LevelGroup
from sse_hub.filters.line import FilteredLine
from sse_hub.filters.prefilter import FirstLook
from sse_hub.filters.terms import LineTest

# With fewer filters, to ask each of them is faster.
LEAST_FILTERS = 4
# Texts beyond the first so many of a filter, and bytes beyond the first so many of a text, say little more.
MAX_TEXTS = 32
MAX_TEXT_BYTES = 32
# With more bytes in all texts of a set, they are cut shorter. RE2 takes 350,000 in SEARCH_BYTES.
MAX_SET_BYTES = 150_000
# For the search of all texts. It makes states as lines need them, and drops them when there is no more room.
SEARCH_BYTES = 32 * 1024 * 1024

Key = TypeVar("Key", bound=Hashable)


class FilterSet(Generic[Key]):
    """The filters by key. They can't be changed: make another set."""

    def __init__(self, filters: Mapping[Key, Filter]) -> None:
        self._filters = dict(filters)
        # Those that need nothing, and so may match any line.
        self._always: dict[Key, None] = {}
        # By text, and by what hides one: the filters to ask, and the groups to ask for theirs.
        self._texts: dict[bytes, _Targets[Key]] = {}
        self._hidden: dict[FirstLook, _Targets[Key]] = {}
        self._levels = LevelGroup[Key]()
        bounds: dict[str, dict[Key, Bound]] = {}
        for key, filter in self._filters.items():
            rarest = filter.looks[0] if filter.looks and len(self._filters) >= LEAST_FILTERS else None
            bound = next((bound for bound in filter.bounds if bound.need == rarest), None)
            texts = {text.lower()[:MAX_TEXT_BYTES] for text in (*rarest.exact, *rarest.folded)} if rarest else set()
            if bound:
                bounds.setdefault(bound.name, {})[key] = bound
            elif filter.levels is not None and not texts and len(self._filters) >= LEAST_FILTERS:
                self._levels.add(key, filter.levels)
            elif rarest is None or len(texts) > MAX_TEXTS:
                self._always[key] = None
            else:
                for targets in self._targets(texts, rarest.hidden):
                    targets.keys[key] = None
        for name, of_name in bounds.items():
            group = BoundGroup(name, of_name)
            texts = {text.lower()[:MAX_TEXT_BYTES] for bound in of_name.values() for text in bound.need.exact}
            for targets in self._targets(texts, group.hidden):
                targets.groups[group] = None
        self._cut_texts()
        self._search = _search_for(self._texts) if self._texts else None
        self._found = list(self._texts.values())
        # What is left to ask of a candidate: not its only look again.
        self._passes = {key: _rest_of(filter, key in self._always) for key, filter in self._filters.items()}

    def _targets(self, texts: Iterable[bytes], hidden: Iterable[FirstLook]) -> "Iterator[_Targets[Key]]":
        for text in sorted(texts):
            yield self._texts.setdefault(text, _Targets())
        for hides in hidden:
            yield self._hidden.setdefault(hides, _Targets())

    def _cut_texts(self) -> None:
        length = MAX_TEXT_BYTES
        while length > 1 and sum(map(len, self._texts)) > MAX_SET_BYTES:
            length //= 2
            texts: dict[bytes, _Targets[Key]] = {}
            for text, targets in self._texts.items():
                texts.setdefault(text[:length], _Targets()).add(targets)
            self._texts = texts

    def candidates(self, line: FilteredLine) -> Iterable[Key]:
        """The keys of the filters that may match `line`, each once: passes() knows."""
        keys: dict[Key, None] = {}
        groups: dict[BoundGroup[Key], None] = {}
        found = self._search(line.small) if self._search else None
        if found:
            for at in found:
                targets = self._found[at]
                keys |= targets.keys
                groups |= targets.groups
        for hides, targets in self._hidden.items():
            # A group that is asked anyway needs no look.
            if (targets.keys or not groups.keys() >= targets.groups.keys()) and hides(line):
                keys |= targets.keys
                groups |= targets.groups
        if groups:
            members = line.members
            for group in groups:
                keys |= group.candidates(line, members)
        if self._levels:
            keys |= self._levels.candidates(line)
        if self._always:
            keys |= self._always
        return keys

    def passes(self, key: Key, line: FilteredLine) -> bool:
        """Whether the filter `key`, which is among the candidates for `line`, matches it."""
        return self._passes[key](line)

    def matching(self, line: FilteredLine) -> list[Key]:
        """The keys of the filters that match `line`."""
        return [key for key in self.candidates(line) if self._passes[key](line)]


class _Targets(Generic[Key]):
    """The filters, and the groups of them, that a text or a sign in a line is about."""

    __slots__ = ("groups", "keys")

    def __init__(self) -> None:
        self.keys: dict[Key, None] = {}
        self.groups: dict[BoundGroup[Key], None] = {}

    def add(self, other: "_Targets[Key]") -> None:
        """Have those of another one, too."""
        self.keys.update(other.keys)
        self.groups.update(other.groups)


def _rest_of(filter: Filter, is_always_asked: bool) -> LineTest:
    if len(filter.looks) > 1 or (is_always_asked and filter.looks):
        return filter.matches
    return filter.test or (lambda _line: True)


def _search_for(texts: Iterable[bytes]) -> Callable[[bytes], list[int] | None]:
    """Finds which of `texts` are in some bytes, by their numbers."""
    texts_set: Any = re2.Set.SearchSet(_options())
    for text in texts:
        texts_set.Add(b"".join(b"\\x%02x" % byte for byte in text))
    texts_set.Compile()
    search: Callable[[bytes], list[int] | None] = texts_set.Match
    return search


def _options() -> Any:
    options = re2.Options()
    # Bytes that are no text may be in a line, and part of a character in a need is none either.
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = SEARCH_BYTES
    return options
