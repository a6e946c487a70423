"""
Search for a text in recorded lines, or for those that pass a filter, from the newest back. One search reads a bounded
number of lines, for a bounded time.

    HistoryQuery.iterate_back() --> search() --> SearchResult: the lines found, and the id before which to go on
"""

import json
from collections.abc import AsyncIterator
from time import perf_counter
from typing import NamedTuple

from sse_hub.filters.compile import Filter
from sse_hub.history.filtered_runs import sift
from sse_hub.history.log_range import LogRange
from sse_hub.history.merge import Item, OutOfTime, RecordedLine, SortKey
from sse_hub.history.query import MAX_BYTES, ReserveBytes, reached_id
from sse_hub.hub.backend import LogGap
from sse_hub.hub.fair_lock import FairLock, slice_end
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
    # As the text is spelled inside a JSON string.
    needle = json.dumps(text, ensure_ascii=False)[1:-1].encode()
    lines: list[RecordedLine] = []
    gaps: list[Gap] = []
    scanned = size = 0
    reached: EventId | None = None
    last_key: SortKey | None = None
    try:
        async for run in runs:
            at = 0
            while at < len(run):
                async with fair_lock:
                    until = slice_end()
                    while at < len(run) and perf_counter() < until:
                        key, item = run[at]
                        at += 1
                        if not isinstance(item, RecordedLine):
                            continue
                        # Lines with the same id on several channels stay together, as the next search goes on before
                        # that id.
                        full = scanned >= MAX_SCANNED_LINES or len(lines) >= MAX_FOUND_LINES or size >= MAX_BYTES
                        if full and key != last_key:
                            return SearchResult(sorted(lines), gaps, scanned, reached, True)
                        scanned += 1
                        reached, last_key = item.id, key
                        found = _found(item, needle, filter)
                        if isinstance(found, RecordedLine):
                            lines.append(found)
                            size += len(found.text)
                        elif found:
                            gaps.append(found.as_gap(found.channel or "", log_range.start_of(item.channel)))
            reserve(size)
    except OutOfTime as error:
        return SearchResult(sorted(lines), gaps, scanned, reached_id(error.key, log_range), True)
    return SearchResult(sorted(lines), gaps, scanned, reached, False)


def _found(item: RecordedLine, needle: bytes, filter: Filter | None) -> RecordedLine | LogGap | None:
    if needle not in item.text:
        return None
    return sift(filter, item) if filter else item
