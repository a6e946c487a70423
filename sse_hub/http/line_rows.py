"""
Recorded lines as JSON, made a slice at a time: that of a page of 8 MiB in one go would delay live lines.

    lines --> json_rows() --> b'[id, channel, line, moment],[id, channel, line, moment]'
"""

from collections.abc import Iterator, Sequence

import orjson

from sse_hub.history.merge import RecordedLine
from sse_hub.hub.fair_lock import SLICE_LINES, FairLock

SLICE_BYTES = 256 * 1024


async def json_rows(lines: Sequence[RecordedLine], fair_lock: FairLock) -> bytes:
    """`lines` as the items of a JSON array, without its brackets."""
    pieces: list[bytes] = []
    for some in _slices(lines):
        async with fair_lock:
            pieces.append(orjson.dumps([line.row for line in some])[1:-1])
    return b",".join(pieces)


def _slices(lines: Sequence[RecordedLine]) -> Iterator[list[RecordedLine]]:
    some: list[RecordedLine] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line.text)
        if len(some) == SLICE_LINES or size >= SLICE_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
