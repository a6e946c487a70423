"""
Several filters, such as those of all streams of a channel: one look at the bytes of a line refuses most of them.

    FilterSet({"u7": filter, "u8": filter, …}).candidates(line) --> ["u8"]: those that may match        .matching(line)

The look is for the rarest text that each filter needs, for all filters at once. It takes 2 to 5 us for a line of 200
bytes, whether there are ten filters or a thousand. Pure: no I/O.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import re2

from sse_hub.filters.compile import Filter, LineTest
from sse_hub.filters.line import FilteredLine
from sse_hub.filters.prefilter import FirstLook

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
        self._always: list[Key] = []
        self._texts: list[tuple[Key, bytes]] = []
        self._hidden: dict[FirstLook, list[Key]] = {}
        for key, filter in self._filters.items():
            rarest = filter.looks[0] if filter.looks and len(self._filters) >= LEAST_FILTERS else None
            texts = {text.lower()[:MAX_TEXT_BYTES] for text in (*rarest.exact, *rarest.folded)} if rarest else set()
            if rarest is None or len(texts) > MAX_TEXTS:
                self._always.append(key)
                continue
            self._texts += [(key, text) for text in sorted(texts)]
            for hides in rarest.hidden:
                self._hidden.setdefault(hides, []).append(key)
        self._cut_texts()
        self._search = _search_for([text for _, text in self._texts]) if self._texts else None
        # What is left to ask of a candidate: not its only look again.
        self._passes = {key: _rest_of(filter, key in self._always) for key, filter in self._filters.items()}

    def _cut_texts(self) -> None:
        length = MAX_TEXT_BYTES
        while length > 1 and sum(len(text) for _, text in self._texts) > MAX_SET_BYTES:
            length //= 2
            self._texts = list(dict.fromkeys((key, text[:length]) for key, text in self._texts))

    def candidates(self, line: FilteredLine) -> Iterable[Key]:
        """The keys of the filters that may match `line`, each once: passes() knows."""
        found = self._search(line.small) if self._search else None
        hidden = [keys for hides, keys in self._hidden.items() if hides(line)]
        if not found and not hidden:
            return self._always
        keys = dict.fromkeys(self._always)
        for at in found or ():
            keys[self._texts[at][0]] = None
        for each in hidden:
            keys.update(dict.fromkeys(each))
        return keys

    def passes(self, key: Key, line: FilteredLine) -> bool:
        """Whether the filter `key`, which is among the candidates for `line`, matches it."""
        return self._passes[key](line)

    def matching(self, line: FilteredLine) -> list[Key]:
        """The keys of the filters that match `line`."""
        return [key for key in self.candidates(line) if self._passes[key](line)]


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
