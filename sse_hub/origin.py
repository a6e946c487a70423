"""
Where a client wants its stream to begin, and where in the rings that is. Pure; no I/O.

    Last-Event-ID, else since=, else tail=, else now --> Origin --> locate() --> Position, and gaps to tell
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from sse_hub.events import Cursor, EventId
from sse_hub.frames import Gap
from sse_hub.position import Position
from sse_hub.ring import Batch, Ring
from sse_hub.selection import Selection, matches


@dataclass(frozen=True, slots=True)
class Now:
    """What comes from now on."""


@dataclass(frozen=True, slots=True)
class After:
    """What comes after `cursor`."""

    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Unknown:
    """A `Last-Event-ID` that is no id of ours. An EventSource can't be told so by a status, hence by a gap."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The last `lines` lines first."""

    lines: int


Origin = Now | After | Unknown | Tail


def locate(selection: Selection, rings: Mapping[str, Ring], origin: Origin, fence: int) -> tuple[Position, list[Gap]]:
    """
    The position that `origin` means in `rings` (those of the selection's channels and patterns, by name), and the
    gaps between it and what the rings hold. `fence` has just come back: every id given out before is below it.
    """
    match origin:
        case Tail(lines):
            return _tail(selection, rings, lines, fence), []
        case After(cursor) if _fits(cursor, selection) and (cursor.fence, max(cursor.counts)) <= (fence, 0):
            return _after(selection, rings, cursor)
        case Now():
            return _after(selection, rings, Cursor(fence, (0,)))
    position, gaps = _after(selection, rings, Cursor(fence, (0,)))
    asked = (*selection.channels, *selection.patterns)
    return position, gaps or [Gap(name, None, f"{fence}-1", None, "unknown-id") for name in asked]


def _fits(cursor: Cursor, selection: Selection) -> bool:
    return cursor.counts == (0,) or bool(selection.patterns) or len(cursor.counts) == len(selection.channels)


def _after(selection: Selection, rings: Mapping[str, Ring], cursor: Cursor) -> tuple[Position, list[Gap]]:
    position = Position(selection, cursor.fence, cursor.counts)
    gaps = []
    for name, ring in rings.items():
        id = EventId(cursor.fence, position.count_of(name))
        position.indexes[name] = ring.index_after(id)
        if ring.covers(id):
            continue
        # The gap of a pattern tells of all its channels up to where this process began to listen; what a channel of
        # it has lost after that has a gap of its own.
        by_pattern = [rings[pattern].start for pattern in selection.patterns if matches(pattern, name)]
        if name in position.names or all(ring.start > start for start in by_pattern):
            gaps.append(_beyond(name, ring, id))
    return position, gaps


def _beyond(name: str, ring: Ring, id: EventId) -> Gap:
    lost = ring.start.n - id.n if ring.start.fence == id.fence else None
    before = EventId(ring.start.fence, ring.start.n + 1)
    return Gap(name, str(id), str(before), lost, "trimmed" if ring.trimmed else "recorder-down")


def _tail(selection: Selection, rings: Mapping[str, Ring], lines: int, fence: int) -> Position:
    position = Position(selection, fence)
    position.indexes = {name: ring.end for name, ring in rings.items()}
    oldest = None
    for entry in heapq.merge(*(ring.entries_backwards() for ring in rings.values()), key=lambda entry: -entry.seq):
        if lines <= 0:
            break
        if isinstance(entry, Batch):
            oldest, taken = entry, min(entry.length, lines)
            lines -= taken
            position.indexes[entry.channel] = entry.index + entry.length - taken
    if oldest is None:
        return position
    for name, ring in rings.items():
        # Breaks are no lines, but those among the lines are told.
        newer = [entry.index for entry in takewhile(lambda each: each.seq > oldest.seq, ring.entries_backwards())]
        position.indexes[name] = min(position.indexes[name], *newer[-1:], ring.end)
        position.move_cursor(name, oldest.fence, ring.count_before(position.indexes[name], oldest.fence))
    return position
