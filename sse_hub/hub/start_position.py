"""
Where a client wants its stream to start, and which position that is.

    http.parameters.start_of(request) --> StartAt --> resolve() --> Position, and gaps to send first
                         Tail, but the rings don't hold that many lines --> tail_in_log.py

Pure; no I/O.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from sse_hub.hub.fence_history import FenceHistory, Rejoin
from sse_hub.hub.position import Position
from sse_hub.hub.ring import Batch, Ring
from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap

# More rings than this are not merged in one step.
MERGED_RINGS = 500
# How much later one hub may find lines missing on the bus than another, in ms. All look twice a second.
OTHERS_MS = 5_000


@dataclass(frozen=True, slots=True)
class Now:
    """With the lines that come from now on."""


@dataclass(frozen=True, slots=True)
class After:
    """With the lines after `cursor`. `issued` is True if it is an id that a hub has sent, as far as anybody knows."""

    cursor: Cursor
    issued: bool = True


@dataclass(frozen=True, slots=True)
class UnknownId:
    """
    After a `Last-Event-ID` that is no id of this hub: now, after a gap. `id` is its text.

    Not an error status: on that an EventSource gives up for good.
    """

    id: str


@dataclass(frozen=True, slots=True)
class Tail:
    """With the last `lines` lines of all channels together."""

    lines: int


StartAt = Now | After | UnknownId | Tail


def id_of(start: StartAt, fence: int) -> bytes:
    """
    The id with which a client that gets no line now will ask for the same start later. `fence` is the last fence, or 0.

    Empty if only the client's own query can say it.
    """
    match start:
        case After(cursor):
            return str(cursor).encode()
        case UnknownId(id):
            return id.encode()
        case Now() if fence:
            return b"%d-0" % fence
    return b""


def forked_gaps(selection: Selection, rejoin: Rejoin) -> list[Gap]:
    """The gaps of a client that comes from a dead branch: one for each channel and pattern."""
    after = None if rejoin.common is None else f"{rejoin.common}-0"
    names = (*selection.channels, *selection.patterns)
    return [Gap(name, after, f"{rejoin.fence}-0", None, "forked") for name in names]


def _doubtful_gaps(selection: Selection, since: int, position: Position) -> list[Gap]:
    """
    The gaps of a client that may come from a dead branch, one for each channel and pattern: up to the lines it has.

    It goes on there, so that it misses nothing if it does not.
    """
    names = (*selection.channels, *selection.patterns)
    ids = [position.id_of(name) for name in names]
    befores = [str(EventId(id.fence, id.n + 1)) for id in ids]
    return [Gap(name, f"{since}-0", before, None, "forked") for name, before in zip(names, befores, strict=True)]


def _gaps_of_others(selection: Selection, rings: Mapping[str, Ring], position: Position) -> list[Gap]:
    """
    The gaps that overlap lines which this hub has found shortly before `position`.

    Each hub finds such a gap at a moment of its own, and tells it there. A client that comes from another hub may have
    left that one before its moment, and come to this one after its own.
    """
    since = position.fence - OTHERS_MS
    names = (*selection.channels, *selection.patterns)
    return [gap for name in names for gap in rings[name].overlaps_before(position.id_of(name), since)]


def resolve(
    selection: Selection, rings: Mapping[str, Ring], start: StartAt, fence: int, fences: FenceHistory
) -> tuple[Position, list[Gap]]:
    """
    The position that `start` means in `rings`, and the gaps to send first. Its indexes are not resolved yet.

    `rings` are those of the selection's channels and patterns, by name. `fence` has just come back: every id that was
    given before is below it. `fences` are those received. A replay finds what lies between the position and the rings.
    """
    match start:
        case Tail(lines):
            return _tail(selection, _newest_rings(rings), lines, fence), []
        case After(cursor) if _covers_selection(cursor, selection) and (cursor.fence, max(cursor.counts)) <= (fence, 0):
            if rejoin := fences.rejoin(cursor.fence, start.issued):
                return Position(selection, rejoin.fence), forked_gaps(selection, rejoin)
            position = Position(selection, cursor.fence, cursor.counts)
            if not any(rings[name].certainly_lacks(position.id_of(name)) for name in selection.channels):
                if not start.issued:
                    return position, []
                told = _gaps_of_others(selection, rings, position)
                since = fences.doubtful_since(cursor.fence)
                return position, told if since is None else told + _doubtful_gaps(selection, since, position)
    position = Position(selection, fence)
    names = (*selection.channels, *selection.patterns)
    return position, [] if start == Now() else [Gap(name, None, f"{fence}-1", None, "unknown-id") for name in names]


def rings_hold_tail(rings: Mapping[str, Ring], lines: int) -> bool:
    """True when the last `lines` lines of all channels together are in `rings`; False when that takes long to say."""
    if len(rings) > MERGED_RINGS:
        return False
    newest = list(_newest(rings, lines))
    if sum(taken for _, taken in newest) < lines:
        return False
    oldest, _ = newest[-1]
    # Of each other channel all must be there that may be newer than the oldest line.
    others = (ring.start for name, ring in rings.items() if name != oldest.channel)
    return all(start.fence + (start.n > 0) <= oldest.fence for start in others)


def _covers_selection(cursor: Cursor, selection: Selection) -> bool:
    return cursor.counts == (0,) or bool(selection.patterns) or len(cursor.counts) == len(selection.channels)


def _tail(selection: Selection, rings: Mapping[str, Ring], lines: int, fence: int) -> Position:
    position = Position(selection, fence)
    position.indexes = {name: ring.end for name, ring in rings.items()}
    oldest = None
    for oldest, taken in _newest(rings, lines):
        position.indexes[oldest.channel] = oldest.index + oldest.length - taken
    if oldest is None:
        return position
    for name, ring in rings.items():
        # Gaps don't count as lines, but those among the lines are sent.
        newer = [entry.index for entry in takewhile(lambda each: each.seq > oldest.seq, ring.entries_backwards())]
        position.indexes[name] = min(position.indexes[name], *newer[-1:], ring.end)
        position.ids[name] = ring.id_before(position.indexes[name])
        position.move_cursor(name, oldest.fence, ring.count_before(position.indexes[name], oldest.fence))
    return position


def _newest_rings(rings: Mapping[str, Ring]) -> Mapping[str, Ring]:
    if len(rings) <= MERGED_RINGS:
        return rings
    return dict(heapq.nlargest(MERGED_RINGS, rings.items(), key=lambda each: each[1].last))


def _newest(rings: Mapping[str, Ring], lines: int) -> Iterator[tuple[Batch, int]]:
    """The batches that hold the last `lines` lines, newest first, and how many of the lines each holds."""
    for entry in heapq.merge(*(ring.entries_backwards() for ring in rings.values()), key=lambda entry: -entry.seq):
        if lines <= 0:
            return
        if isinstance(entry, Batch):
            yield entry, min(entry.length, lines)
            lines -= entry.length
