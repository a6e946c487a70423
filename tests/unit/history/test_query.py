"""A page of the log: what it has when the time is over."""

from collections.abc import AsyncIterator

import pytest

from sse_hub.history.merge import Item, OutOfTime, RecordedLine
from sse_hub.history.query import _collect
from sse_hub.hub.backend import LogGap
from sse_hub.protocol.ids import EventId


async def test_a_full_page_whose_time_is_over_has_the_gaps_behind_its_last_line() -> None:
    line = RecordedLine(EventId(7, 1), "log", b"{}", 0)
    gap = LogGap("log", EventId(7, 4), EventId(7, 6), None, "filter")

    async def runs() -> AsyncIterator[list[Item]]:
        yield [(line.id, line), (EventId(7, 5), gap)]
        raise OutOfTime(EventId(7, 9))

    lines: list[RecordedLine] = []
    gaps: list[LogGap] = []
    with pytest.raises(OutOfTime):
        await _collect(runs(), lines, gaps, 1, lambda _bytes: None)

    assert (lines, gaps) == ([line], [gap])
