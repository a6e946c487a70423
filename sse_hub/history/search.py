"""
Search for a text in recorded lines, from the newest back. One search reads a bounded number of lines, for a
bounded time.

    HistoryQuery.iterate_back() --> search() --> SearchResult: the lines found, and the id before which to go on
"""

import json
from collections.abc import AsyncIterator
from typing import NamedTuple

from sse_hub.history.log_range import LogRange
from sse_hub.history.merge import Item, OutOfTime, RecordedLine, SortKey
from sse_hub.history.query import MAX_BYTES, ReserveBytes, reached_id
from sse_hub.protocol.ids import EventId

MAX_SCANNED_LINES = 20_000
MAX_FOUND_LINES = 500


class SearchResult(NamedTuple):
    """
    `lines`, oldest first, are all matches among the newest `scanned` lines.

    `reached` is the id before which the next search goes on: that of the last line scanned, or, where the time was
    over, one before which no line has been scanned. None if there was no line. `more` says whether lines lie before it.
    """

    lines: list[RecordedLine]
    scanned: int
    reached: EventId | None
    more: bool


async def search(
    log_range: LogRange, runs: AsyncIterator[list[Item]], text: str, reserve: ReserveBytes
) -> SearchResult:
    """
    The lines that contain `text` among the first MAX_SCANNED_LINES of `runs`, which are those of `log_range`, from new
    to old.

    It ends early at MAX_FOUND_LINES matches, or MAX_BYTES of them, and when `runs` raises OutOfTime. `reserve` gets the
    size of the matches as it grows. Raises what `runs` and `reserve` raise.
    """
    # As the text is spelled inside a JSON string.
    needle = json.dumps(text, ensure_ascii=False)[1:-1].encode()
    lines: list[RecordedLine] = []
    scanned = size = 0
    reached: EventId | None = None
    last_key: SortKey | None = None
    try:
        async for run in runs:
            for key, item in run:
                if not isinstance(item, RecordedLine):
                    continue
                # Lines with the same id on several channels stay together, as the next search goes on before that id.
                full = scanned >= MAX_SCANNED_LINES or len(lines) >= MAX_FOUND_LINES or size >= MAX_BYTES
                if full and key != last_key:
                    return SearchResult(sorted(lines), scanned, reached, True)
                scanned += 1
                reached, last_key = item.id, key
                if needle in item.text:
                    lines.append(item)
                    size += len(item.text)
            reserve(size)
    except OutOfTime as error:
        return SearchResult(sorted(lines), scanned, reached_id(error.key, log_range), True)
    return SearchResult(sorted(lines), scanned, reached, False)
