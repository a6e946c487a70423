"""
Where a client wants its stream to begin, and where in the rings that is. Pure; no I/O.

    Last-Event-ID, else since=, else tail=, else now --> Origin --> locate() --> Position, and gaps to tell
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from sse_hub.hub.position import Position
from sse_hub.hub.ring import Batch, Ring
from sse_hub.protocol.ids import Cursor
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap


@dataclass(frozen=True, slots=True)
class Now:
    """What comes from now on."""


@dataclass(frozen=True, slots=True)
class After:
    """What comes after `cursor`."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class UnknownId:
    """A `Last-Event-ID` that is no id of ours. An EventSource can't be told so by a status, hence by a gap."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The last `lines` lines first."""

    lines: int


StartAt = Now | After | UnknownId | Tail


def resolve(selection: Selection, rings: Mapping[str, Ring], start: StartAt, fence: int) -> tuple[Position, list[Gap]]:
    """
    The position that `origin` means in `rings` (those of the selection's channels and patterns, by name), and the
    gaps to tell first. `fence` has just come back: every id given out before is below it. What lies between the
    position and the rings is for a replay to find.
    """
    match start:
        case Tail(lines):
            return _tail(selection, rings, lines, fence), []
        case After(cursor) if _covers_selection(cursor, selection) and (cursor.fence, max(cursor.counts)) <= (fence, 0):
            position = _after(selection, rings, cursor)
            if not any(rings[name].certainly_lacks(position.id_of(name)) for name in selection.channels):
                return position, []
    position = _after(selection, rings, Cursor(fence, (0,)))
    asked = (*selection.channels, *selection.patterns)
    return position, [] if start == Now() else [Gap(name, None, f"{fence}-1", None, "unknown-id") for name in asked]


def rings_hold_tail(rings: Mapping[str, Ring], lines: int) -> bool:
    """True when the last `lines` lines of all channels together are in `rings`."""
    newest = list(_newest(rings, lines))
    if sum(taken for _, taken in newest) < lines:
        return False
    oldest, _ = newest[-1]
    # Of each other channel all must be there that may be newer than the oldest line.
    others = (ring.start for name, ring in rings.items() if name != oldest.channel)
    return all(start.fence + (start.n > 0) <= oldest.fence for start in others)


def _covers_selection(cursor: Cursor, selection: Selection) -> bool:
    return cursor.counts == (0,) or bool(selection.patterns) or len(cursor.counts) == len(selection.channels)


def _after(selection: Selection, rings: Mapping[str, Ring], cursor: Cursor) -> Position:
    position = Position(selection, cursor.fence, cursor.counts)
    position.resolve_indexes(rings)
    return position


def _tail(selection: Selection, rings: Mapping[str, Ring], lines: int, fence: int) -> Position:
    position = Position(selection, fence)
    position.indexes = {name: ring.end for name, ring in rings.items()}
    oldest = None
    for oldest, taken in _newest(rings, lines):
        position.indexes[oldest.channel] = oldest.index + oldest.length - taken
    if oldest is None:
        return position
    for name, ring in rings.items():
        # Breaks are no lines, but those among the lines are told.
        newer = [entry.index for entry in takewhile(lambda each: each.seq > oldest.seq, ring.entries_backwards())]
        position.indexes[name] = min(position.indexes[name], *newer[-1:], ring.end)
        position.ids[name] = ring.id_before(position.indexes[name])
        position.move_cursor(name, oldest.fence, ring.count_before(position.indexes[name], oldest.fence))
    return position


def _newest(rings: Mapping[str, Ring], lines: int) -> Iterator[tuple[Batch, int]]:
    """The batches that hold the last `lines` lines, newest first, and how many of the lines each holds."""
    for entry in heapq.merge(*(ring.entries_backwards() for ring in rings.values()), key=lambda entry: -entry.seq):
        if lines <= 0:
            return
        if isinstance(entry, Batch):
            yield entry, min(entry.length, lines)
            lines -= entry.length
