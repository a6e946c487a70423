"""
Lines of the log that hold a text, looked for from the newest back, a bounded number of lines at a time.

    Stretch, text --> found() --> Found: the lines, and how far it has looked, from where the next search goes on
"""

import json
from collections.abc import AsyncIterator
from typing import NamedTuple

from sse_hub.history.merge import Item, Key, RecordedLine
from sse_hub.history.query import MAX_BYTES, ReserveBytes
from sse_hub.protocol.ids import EventId

MAX_SCANNED_LINES = 20_000
MAX_FOUND_LINES = 500


class SearchResult(NamedTuple):
    """`lines`, oldest first, among the last `looked_at`; before `reached` lie `more`. None was looked at: no id."""

    lines: list[RecordedLine]
    scanned: int
    reached: EventId | None
    more: bool


async def search(runs: AsyncIterator[list[Item]], text: str, hold: ReserveBytes) -> SearchResult:
    """
    The lines with `text` among the first MOST_LOOKED_AT of `runs`, which go back. `hold` is told how many bytes they
    have. Raises what `runs` and `hold` raise.
    """
    needle = json.dumps(text, ensure_ascii=False)[1:-1].encode()
    lines: list[RecordedLine] = []
    looked_at = size = 0
    reached: EventId | None = None
    last: Key | None = None
    async for run in runs:
        for key, item in run:
            if not isinstance(item, RecordedLine):
                continue
            # Lines with one id on several channels stay together: that id is where the next search goes on.
            full = looked_at >= MAX_SCANNED_LINES or len(lines) >= MAX_FOUND_LINES or size >= MAX_BYTES
            if full and key != last:
                return SearchResult(sorted(lines), looked_at, reached, True)
            looked_at += 1
            reached, last = item.id, key
            if needle in item.text:
                lines.append(item)
                size += len(item.text)
        hold(size)
    return SearchResult(sorted(lines), looked_at, reached, False)
