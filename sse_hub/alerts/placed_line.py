"""
Lines in the order of the log, out of the rings or out of the log itself. Pure: no I/O.

    channels with new lines, after a position, up to a fence --> lines_in_rings() --> PlacedLine, PlacedLine, …
"""

from collections.abc import Iterable, Iterator
from heapq import merge
from typing import NamedTuple

from sse_hub.alerts.log_position import LogPosition
from sse_hub.hub.backend import BatchSlice
from sse_hub.hub.channel import Channel
from sse_hub.hub.ring import Batch


class PlacedLine(NamedTuple):
    """A line with its place, by which it sorts; `moment_ms` is when it came."""

    fence: int
    n: int
    channel: str
    payload: bytes
    moment_ms: int


def lines_in_rings(channels: Iterable[Channel], after: LogPosition, until: int) -> Iterator[PlacedLine] | None:
    """
    The lines of `channels` after a position and before the fence `until`, in the order of the log; None if a ring does
    not have all of them any more.

    Rings may change while they are read: what they hold now is kept.
    """
    lines = []
    for channel in channels:
        start = after.id_on(channel.name)
        if not channel.ring.covers(start):
            return None
        index = channel.ring.index_after(start)
        slices: list[BatchSlice] = []
        for entry in channel.ring.entries_from(index):
            if entry.fence >= until:
                break
            if isinstance(entry, Batch):
                slices.append((entry, max(0, index - entry.index), entry.length))
        if slices:
            lines.append(_lines_of(slices))
    return merge(*lines) if len(lines) > 1 else iter(lines[0] if lines else ())


def _lines_of(slices: Iterable[BatchSlice]) -> Iterator[PlacedLine]:
    for batch, start, stop in slices:
        fence, channel, lines = batch.fence, batch.channel, batch.lines
        for offset, moment in enumerate(batch.moments(start, stop), start):
            yield PlacedLine(fence, batch.first + offset, channel, lines[offset], moment)
