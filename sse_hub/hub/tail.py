"""
Where the last lines of some channels begin, found in the log.

    Tail(n) that the rings don't hold --> tail_position() --> the position before the n-th line from the end
"""

from collections.abc import Mapping

from sse_hub.hub.backend import Log
from sse_hub.hub.position import Position
from sse_hub.hub.replay import RecordedLog
from sse_hub.hub.ring import Ring
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection


async def tail_position(
    recorded_log: RecordedLog, log: Log, selection: Selection, rings: Mapping[str, Ring], lines: int, fence: int
) -> Position:
    """
    The position after which the last `lines` lines before `fence` lie, of all channels together: recorded ones out of
    the log, others out of `rings`.

    Raises LogUnavailable.
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
        recorded = recorded_log.records(name)
        ids = await log.newest_ids(name, until, lines) if recorded else rings[name].newest_ids(until, lines)
        newest = sorted([*newest, *((id, name) for id in ids)], reverse=True)[:lines]
    # The oldest comes last and stays.
    first = {name: EventId(id.fence, id.n - 1) for id, name in newest}
    fence = newest[-1][0].fence if newest else until.fence
    begun = [first.get(name, until) for name in selection.channels]
    counts = [] if selection.patterns else [id.n if id.fence == fence else 0 for id in begun]
    position = Position(selection, fence, counts)
    # A pattern is told of the breaks among these lines.
    position.start_from(first | dict.fromkeys(selection.patterns, min(until, EventId(fence, 0))), until)
    return position
