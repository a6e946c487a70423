"""
Where the last lines of several channels begin, when the rings do not hold that many, or only those that pass a filter.

    Tail, a fence --> the newest ids of each channel in the log, of those with the newest lines first --> Position
    Tail, a filter --> backend.FindLast --> position_before(): Position

No I/O of its own: the log is read through `backend.Log`.
"""

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence

from sse_hub.hub.backend import Log
from sse_hub.hub.position import Position
from sse_hub.hub.ring import Ring
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection

# How many channels' newest ids are read at the same time.
CHANNELS_AT_A_TIME = 32


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
        lasts |= await log.matching_ids(selection, until.fence, first=True)
    # The newest ids so far, the oldest of them first.
    newest: list[tuple[EventId, str]] = []

    async def newest_ids(name: str) -> list[EventId]:
        return await log.newest_ids(name, until, lines) if records(name) else rings[name].newest_ids(until, lines)

    names = sorted(lasts, key=lasts.__getitem__, reverse=True)
    for at in range(0, len(names), CHANNELS_AT_A_TIME):
        some = [
            name for name in names[at : at + CHANNELS_AT_A_TIME] if len(newest) < lines or lasts[name] > newest[0][0]
        ]
        if not some:
            break
        for name, ids in zip(some, await asyncio.gather(*map(newest_ids, some)), strict=True):
            for id in ids:
                if len(newest) < lines:
                    heapq.heappush(newest, (id, name))
                elif (id, name) > newest[0]:
                    heapq.heapreplace(newest, (id, name))
    newest.sort(reverse=True)
    return position_before(selection, newest, until)


def position_before(selection: Selection, newest: Sequence[tuple[EventId, str]], until: EventId) -> Position:
    """
    The position after which the lines `newest` come, the newest of them first, and all lines after `until`, a fence.

    A channel that has none of them begins after `until`.
    """
    # The oldest comes last and stays.
    first = {name: EventId(id.fence, id.n - 1) for id, name in newest}
    fence = newest[-1][0].fence if newest else until.fence
    starts = [first.get(name, until) for name in selection.channels]
    counts = [] if selection.patterns else [id.n if id.fence == fence else 0 for id in starts]
    position = Position(selection, fence, counts)
    # A pattern gets the gaps among these lines.
    position.start_from(first | dict.fromkeys(selection.patterns, min(until, EventId(fence, 0))), until)
    return position
