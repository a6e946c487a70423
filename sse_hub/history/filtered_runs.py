"""
Runs of recorded lines without those that a filter refuses.

    merge() --> runs of items --> filtered_runs() --> the same runs with matching lines, and gaps, only

It works in slices, as the filter may take 60 us for a line. A line that is too long for it is a gap.
"""

from collections.abc import AsyncGenerator, AsyncIterator

from sse_hub.filters.compile import Filter
from sse_hub.filters.line import FilteredLine
from sse_hub.history.merge import Item, RecordedLine
from sse_hub.hub.backend import LogGap
from sse_hub.hub.fair_lock import FairLock, take_in_slices
from sse_hub.protocol.ids import EventId


async def filtered_runs(
    runs: AsyncIterator[list[Item]], filter: Filter, fair_lock: FairLock
) -> AsyncGenerator[list[Item], None]:
    """`runs` without the lines that `filter` refuses; some are empty. Raises what `runs` does."""
    async for run in runs:
        kept: list[Item] = []

        def take(keyed: Item, kept: list[Item] = kept) -> bool:
            key, item = keyed
            passed = item if isinstance(item, LogGap) else sift(filter, item)
            if passed is not None:
                kept.append((key, passed))
            return True

        await take_in_slices(run, take, fair_lock)
        yield kept


def sift(filter: Filter, item: RecordedLine) -> RecordedLine | LogGap | None:
    """The line if it passes `filter`, a gap if it is too long for it, else None."""
    line = FilteredLine(item.text, item.channel, str(item.id), item.moment)
    if filter.is_too_dear(line):
        return gap_for(item)
    return item if filter.matches(line) else None


def gap_for(item: RecordedLine) -> LogGap:
    """The gap that stands for a line which is too long for a filter."""
    id = item.id
    return LogGap(item.channel, EventId(id.fence, id.n - 1), EventId(id.fence, id.n + 1), None, "filter")
