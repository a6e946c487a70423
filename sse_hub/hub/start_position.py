"""
Where a client wants its stream to start, and which position that is.

    http.parameters.start_of(request) --> StartAt --> resolve() --> Position, and gaps to send first
                         Tail, but the rings don't hold that many lines --> tail_in_log() --> Position

No I/O of its own: the log is read through `backend.Log`.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from sse_hub.hub.backend import Log
from sse_hub.hub.position import Position
from sse_hub.hub.ring import Batch, Ring
from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap


@dataclass(frozen=True, slots=True)
class Now:
    """With the lines that come from now on."""


@dataclass(frozen=True, slots=True)
class After:
    """With the lines after `cursor`."""

    cursor: Cursor


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


def resolve(selection: Selection, rings: Mapping[str, Ring], start: StartAt, fence: int) -> tuple[Position, list[Gap]]:
    """
    The position that `start` means in `rings`, and the gaps to send first.

    `rings` are those of the selection's channels and patterns, by name. `fence` has just come back: every id that was
    given before is below it. A replay finds what lies between the position and the rings.
    """
    match start:
        case Tail(lines):
            return _tail(selection, rings, lines, fence), []
        case After(cursor) if _covers_selection(cursor, selection) and (cursor.fence, max(cursor.counts)) <= (fence, 0):
            position = _after(selection, rings, cursor)
            if not any(rings[name].certainly_lacks(position.id_of(name)) for name in selection.channels):
                return position, []
    position = _after(selection, rings, Cursor(fence, (0,)))
    names = (*selection.channels, *selection.patterns)
    return position, [] if start == Now() else [Gap(name, None, f"{fence}-1", None, "unknown-id") for name in names]


def rings_hold_tail(rings: Mapping[str, Ring], lines: int) -> bool:
    """True when the last `lines` lines of all channels together are in `rings`."""
    newest = list(_newest(rings, lines))
    if sum(taken for _, taken in newest) < lines:
        return False
    oldest, _ = newest[-1]
    # Of each other channel all must be there that may be newer than the oldest line.
    others = (ring.start for name, ring in rings.items() if name != oldest.channel)
    return all(start.fence + (start.n > 0) <= oldest.fence for start in others)


async def tail_in_log(
    log: Log,
    records: Callable[[str], bool],
    selection: Selection,
    rings: Mapping[str, Ring],
    lines: int,
    fence: int,
) -> Position:
    """
    The position after which the last `lines` lines before `fence` lie, of all channels together.

    Finds lines of the channels that `log` `records` in the log, those of the others in `rings`. Raises LogUnavailable.
    """
    until = EventId(await log.wait_complete(fence), 0)
    lasts = dict.fromkeys(selection.channels, until)
    if selection.patterns:
        known = await log.last_ids(until.fence)
        lasts |= {name: last for name, last in known.items() if selection.matches(name)}
    newest: list[tuple[EventId, str]] = []
    for name in sorted(lasts, key=lasts.__getitem__, reverse=True):
        if len(newest) == lines and lasts[name] < newest[-1][0]:
            break
        ids = await log.newest_ids(name, until, lines) if records(name) else rings[name].newest_ids(until, lines)
        newest = sorted([*newest, *((id, name) for id in ids)], reverse=True)[:lines]
    # The oldest comes last and stays.
    first = {name: EventId(id.fence, id.n - 1) for id, name in newest}
    fence = newest[-1][0].fence if newest else until.fence
    starts = [first.get(name, until) for name in selection.channels]
    counts = [] if selection.patterns else [id.n if id.fence == fence else 0 for id in starts]
    position = Position(selection, fence, counts)
    # A pattern gets the gaps among these lines.
    position.start_from(first | dict.fromkeys(selection.patterns, min(until, EventId(fence, 0))), until)
    return position


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
        # Gaps don't count as lines, but those among the lines are sent.
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
