"""
The feeds of one channel that have a filter: each line is looked at once for all of them.

    entry --> offer() --> FilterSet: which filters may match --> the matching lines --> Feed.offer_slice()
                                     └──► no time left in this second --> a gap with reason `filter`
"""

from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING

from sse_hub.filters.compile import Filter, FilterKey
from sse_hub.filters.filter_set import FilterSet
from sse_hub.filters.line import FilteredLine
from sse_hub.hub.filter_budget import FilterBudget
from sse_hub.hub.ring import Batch, Entry
from sse_hub.hub.sieve import filtered_lines, skipped

if TYPE_CHECKING:
    from sse_hub.hub.feed import Feed

# More different sets than this are made again when their channel gets a line, which takes a millisecond.
MAX_SETS = 256
# A look at more bytes counts as the work of a filter of its own.
LONG_BYTES = 16_384
LOOK = "look"


class FilterSets:
    """Makes sets of filters, and keeps the last ones: all channels of a pattern have the same set."""

    def __init__(self) -> None:
        self._made: dict[frozenset[FilterKey], FilterSet[FilterKey]] = {}

    def of(self, filters: dict[FilterKey, Filter]) -> FilterSet[FilterKey]:
        """The set of `filters`."""
        keys = frozenset(filters)
        if keys not in self._made:
            if len(self._made) >= MAX_SETS:
                del self._made[next(iter(self._made))]
            self._made[keys] = FilterSet(filters)
        return self._made[keys]


class FilteredFeeds:
    """The feeds with filters that carry one channel. `budget` and `sets` are those of the process."""

    def __init__(self, budget: FilterBudget, sets: FilterSets) -> None:
        self._budget = budget
        self._sets = sets
        self._feeds: dict[FilterKey, list[Feed]] = {}
        self._filters: dict[FilterKey, Filter] = {}
        self._set: FilterSet[FilterKey] | None = None

    def __bool__(self) -> bool:
        return bool(self._feeds)

    def add(self, feed: "Feed") -> None:
        """Offer `feed`, which has a filter, the matching lines from now on."""
        assert feed.filter, "it has a filter"
        self._feeds.setdefault(feed.filter.key, []).append(feed)
        self._filters[feed.filter.key] = feed.filter
        self._set = None

    def remove(self, feed: "Feed") -> None:
        """Offer `feed` nothing more."""
        assert feed.filter, "it has a filter"
        key = feed.filter.key
        self._feeds[key].remove(feed)
        if not self._feeds[key]:
            del self._feeds[key], self._filters[key]
        self._set = None

    def offer(self, entry: Entry) -> Iterable["Feed"]:
        """Offer the feeds what they get of `entry`, the newest of the channel; those that are to be flushed."""
        if not isinstance(entry, Batch):
            feeds = [feed for each in self._feeds.values() for feed in each]
            for feed in feeds:
                feed.offer(entry)
            return feeds
        self._set = self._set or self._sets.of(self._filters)
        runs: dict[FilterKey, _Runs] = {}
        self._budget.begin(perf_counter())
        for offset, line in enumerate(filtered_lines(entry, 0, entry.length)):
            for key in self._candidates(self._set, line):
                filter = self._filters[key]
                if filter.is_too_dear(line) or not self._budget.allows(key):
                    runs.setdefault(key, _Runs()).add(offset, judged=False)
                    continue
                started = perf_counter()
                matches = self._set.passes(key, line)
                self._budget.spend(key, perf_counter() - started)
                if matches:
                    runs.setdefault(key, _Runs()).add(offset, judged=True)
        touched: dict[Feed, None] = {}
        for key, found in runs.items():
            for feed in self._feeds[key]:
                for start, stop, judged in found.items:
                    if judged:
                        feed.offer_slice(entry, start, stop)
                        touched[feed] = None
                    else:
                        feed.offer_later(skipped(entry, start, stop))
        return touched

    def _candidates(self, filters: FilterSet[FilterKey], line: FilteredLine) -> Iterable[FilterKey]:
        if len(line.payload) < LONG_BYTES:
            return filters.candidates(line)
        # The look at a long line may be most of the work for it, and is done for all filters.
        if not self._budget.allows(LOOK):
            return self._filters
        started = perf_counter()
        keys = filters.candidates(line)
        self._budget.spend(LOOK, perf_counter() - started)
        return keys


class _Runs:
    """Offsets of lines in a row: the first, the one after the last, and whether they were judged."""

    def __init__(self) -> None:
        self.items: list[tuple[int, int, bool]] = []

    def add(self, offset: int, judged: bool) -> None:
        """Add `offset`, which is greater than those before."""
        if self.items and self.items[-1][1:] == (offset, judged):
            self.items[-1] = (self.items[-1][0], offset + 1, judged)
        else:
            self.items.append((offset, offset + 1, judged))
