"""
Search for a text in recorded lines, or for those that pass a filter, from the newest back. One search reads a bounded
number of lines, for a bounded time.

    HistoryQuery.iterate_back() --> search() --> SearchResult: the lines found, and the id before which to go on
"""

import json
from collections.abc import AsyncIterator
from typing import NamedTuple

from sse_hub.filters.compile import Filter
from sse_hub.history.filtered_runs import sift
from sse_hub.history.log_range import LogRange
from sse_hub.history.merge import Item, OutOfTime, RecordedLine, SortKey
from sse_hub.history.query import MAX_BYTES, ReserveBytes, reached_id
from sse_hub.hub.backend import LogGap
from sse_hub.hub.fair_lock import FairLock, take_in_slices
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.sse import Gap

MAX_SCANNED_LINES = 20_000
MAX_FOUND_LINES = 500


class SearchResult(NamedTuple):
    """
    `lines`, oldest first, are all matches among the newest `scanned` lines; `gaps` stand for lines that the filter
    could not judge.

    `reached` is the id before which the next search goes on: that of the last line scanned, or, where the time was
    over, one before which no line has been scanned. None if there was no line. `more` says whether lines lie before it.
    """

    lines: list[RecordedLine]
    gaps: list[Gap]
    scanned: int
    reached: EventId | None
    more: bool


async def search(
    log_range: LogRange,
    runs: AsyncIterator[list[Item]],
    text: str,
    filter: Filter | None,
    reserve: ReserveBytes,
    fair_lock: FairLock,
) -> SearchResult:
    """
    The lines that contain `text` and pass `filter` among the first MAX_SCANNED_LINES of `runs`, which are those of
    `log_range`, from new to old.

    It ends early at MAX_FOUND_LINES matches, or MAX_BYTES of them, and when `runs` raises OutOfTime. `reserve` gets the
    size of the matches as it grows. Holds `fair_lock` for each slice of work. Raises what `runs` and `reserve` raise.
    """
    found = _FoundLines(log_range, text, filter)
    try:
        async for run in runs:
            if not await take_in_slices(run, found.take, fair_lock):
                return found.result(found.reached, more=True)
            reserve(found.size)
    except OutOfTime as error:
        return found.result(reached_id(error.key, log_range), more=True)
    return found.result(found.reached, more=False)


class _FoundLines:
    """What a search has found so far. `reached` is the id of the last line looked at."""

    def __init__(self, log_range: LogRange, text: str, filter: Filter | None) -> None:
        self.size = 0
        self.reached: EventId | None = None
        self._log_range = log_range
        # As the text is spelled inside a JSON string.
        self._needle = json.dumps(text, ensure_ascii=False)[1:-1].encode()
        self._filter = filter
        self._lines: list[RecordedLine] = []
        self._gaps: list[Gap] = []
        self._scanned = 0
        self._last_key: SortKey | None = None

    def take(self, keyed: Item) -> bool:
        """Look at the next item. False if enough was found, and the item belongs to the next search."""
        key, item = keyed
        if not isinstance(item, RecordedLine):
            return True
        # Lines with the same id on several channels stay together, as the next search goes on before that id.
        if key != self._last_key and self._is_full():
            return False
        self._scanned += 1
        self.reached, self._last_key = item.id, key
        if self._needle in item.text:
            self._keep(sift(self._filter, item) if self._filter else item)
        return True

    def result(self, reached: EventId | None, more: bool) -> SearchResult:
        """What was found; the next search goes on before `reached`."""
        return SearchResult(sorted(self._lines), self._gaps, self._scanned, reached, more)

    def _keep(self, found: RecordedLine | LogGap | None) -> None:
        if isinstance(found, RecordedLine):
            self._lines.append(found)
            self.size += len(found.text)
        elif found:
            name = found.channel or ""
            self._gaps.append(found.as_gap(name, self._log_range.start_of(name)))

    def _is_full(self) -> bool:
        return self._scanned >= MAX_SCANNED_LINES or len(self._lines) >= MAX_FOUND_LINES or self.size >= MAX_BYTES
