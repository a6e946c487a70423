"""Lines of several channels as one sequence."""

import asyncio
import random
import time
from collections import deque

from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from sse_hub.broker.keys import LogKeys, Partition
from sse_hub.history.log_range import LogRange
from sse_hub.history.merge import (
    BackwardReader,
    ForwardReader,
    GapReader,
    Item,
    MergeReader,
    OutOfTime,
    ReadOptions,
    RecordedLine,
    clip,
    gap_key,
    merge,
    reverse_key,
)
from sse_hub.history.query import reached_id
from sse_hub.history.reader import LogReader
from sse_hub.hub.backend import NO_LIMIT, LogGap, Page
from sse_hub.hub.fair_lock import FairLock
from sse_hub.hub.ring import Batch
from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.selection import Selection

QUERY_SECONDS = 0.001
Ids = list[EventId]
IDS = st.lists(st.builds(EventId, st.integers(1, 5), st.integers(1, 5)), unique=True).map(sorted)


class Paged(MergeReader):
    """A channel that is read a few lines at a time."""

    def __init__(self, channel: str, ids: Ids, back: bool, start: EventId | None = None) -> None:
        super().__init__(reverse_key(start or EventId(9, 0)) if back else start or (0, 0))
        keys = [reverse_key(id) for id in reversed(ids)] if back else list(ids)
        self._rest: list[Item] = [
            (key, RecordedLine(EventId(abs(key[0]), abs(key[1])), channel, b"{}", 0)) for key in keys
        ]

    async def fill(self) -> None:
        count = random.randint(1, 3)
        self.items = deque(self._rest[:count])
        del self._rest[:count]
        self.ended = not self.items
        if self.items:
            self._key = self.items[-1][0]


class PagesBack(BackwardReader):
    """A channel of `ids`, read from new to old in pages of two lines."""

    ids: Ids

    async def _read(self, bounds: list[tuple[str, EventId]]) -> list[Page]:
        [(_, before)] = bounds
        before_it = [id for id in self.ids if id < before]
        return [page_of(before_it[-2:], before_it[-2:][0] if len(before_it) > 2 else EventId(0, 0), len(before_it) > 2)]


class PagesForward(ForwardReader):
    """The same, from old to new."""

    ids: Ids

    async def _read(self, bounds: list[tuple[str, EventId]]) -> list[Page]:
        [(_, after)] = bounds
        after_it = [id for id in self.ids if id > after]
        return [page_of(after_it[:2], after_it[:2][-1] if len(after_it) > 2 else EventId(9, 0), len(after_it) > 2)]


def page_of(ids: Ids, last: EventId, more: bool) -> Page:
    return Page([(Batch("a", 0, fence, n, [b"{}"], NO_LIMIT, fence), 0, 1) for fence, n in ids], last, more)


async def sequence(readers: list[MergeReader]) -> list[RecordedLine | LogGap]:
    return [item async for run in merge(readers, FairLock()) for _, item in run]


@given(st.lists(IDS, max_size=4))
def test_a_merged_sequence_has_every_line_in_order(channels: list[Ids]) -> None:
    names = [str(number) for number in range(len(channels))]
    lines = sorted((id, name) for name, ids in zip(names, channels, strict=True) for id in ids)

    for back in (False, True):
        readers: list[MergeReader] = [Paged(name, ids, back) for name, ids in zip(names, channels, strict=True)]
        found = asyncio.run(sequence(readers))
        there = [(line.id, line.channel) for line in found if isinstance(line, RecordedLine)]
        # Channels with the same id keep their order in both directions.
        assert there == sorted(lines, key=lambda line: (reverse_key(line[0]) if back else line[0], line[1]))


def test_a_gap_in_a_merged_sequence_stands_between_the_lines_around_it() -> None:
    ids = [EventId(1, 1), EventId(1, 2), EventId(3, 1), EventId(5, 1)]
    holes = [LogGap(None, EventId(1, 0), EventId(3, 0), None, "recorder-down")]

    for back in (False, True):
        found = asyncio.run(sequence([GapReader(holes, back), Paged("a", ids, back)]))
        order = [item if isinstance(item, LogGap) else item.id for item in found]
        assert order[:: -1 if back else 1] == [*ids[:2], *holes, *ids[2:]]


@given(IDS, st.builds(EventId, st.integers(1, 6), st.integers(0, 6)))
def test_a_merged_sequence_is_cut_at_an_id(ids: Ids, end: EventId) -> None:
    batches = [(Batch("a", 0, fence, n, [b"{}"], NO_LIMIT, fence), 0, 1) for fence, n in ids]
    kept, whole = clip(batches, end)

    assert [part[0].last for part in kept if not isinstance(part, LogGap)] == [id for id in ids if id < end]
    assert whole == (len(kept) == len(ids))


def test_a_batch_and_a_gap_can_be_cut_in_the_middle() -> None:
    batch = (Batch("a", 0, 7, 3, [b"1", b"2", b"3"], NO_LIMIT, 7), 0, 3)
    hole = LogGap("a", EventId(7, 5), EventId(9, 1), 8, "trimmed")

    assert clip([batch, hole], EventId(7, 5)) == ([(batch[0], 0, 2)], False)
    assert clip([batch, hole], EventId(7, 6)) == ([batch], False)
    assert clip([batch, hole], EventId(8, 0)) == ([batch, hole._replace(before=EventId(8, 0), lost=None)], False)
    assert clip([batch, hole], EventId(9, 1)) == ([batch, hole], True)
    assert gap_key(hole) == EventId(9, 0)


def use_up_the_time() -> None:
    """A run takes longer than all of the query may."""
    time.sleep(2 * QUERY_SECONDS)


def test_a_query_whose_time_is_over_goes_on_where_it_was_also_between_two_pages() -> None:
    ids = [EventId(fence, n) for fence in range(1, 5) for n in range(1, 4)]

    async def answer(back: bool, bound: EventId | None, gaps: list[LogGap]) -> tuple[Ids, EventId | None]:
        log = LogReader(Redis(), LogKeys.of(Partition(), ("*",)), 1_000)
        options = ReadOptions("", EventId(9, 0), 1_000, FairLock())
        after, before = (None, bound) if back else (bound, None)
        begin, end = after or EventId(0, 0), before or EventId(9, 0)
        reader = PagesBack(log, "a", options, end) if back else PagesForward(log, "a", options, begin, end)
        reader.ids = ids
        log_range = LogRange(Selection(("a",), ()), Cursor(begin.fence, (begin.n,)), Cursor(end.fence, (end.n,)), 9, 9)
        found: Ids = []
        try:
            async for run in merge([GapReader(gaps, back), reader], FairLock(), seconds=QUERY_SECONDS):
                found += [item.id for _, item in run if isinstance(item, RecordedLine)]
                use_up_the_time()
        except OutOfTime as error:
            return found, reached_id(error.key, log_range)
        return found, None

    for back in (False, True):
        for gaps in ([], [LogGap(None, EventId(2, 0), EventId(3, 0), None, "recorder-down")]):
            seen, bound = asyncio.run(answer(back, None, gaps))
            while bound is not None:
                more, bound = asyncio.run(answer(back, bound, []))
                seen += more
            assert seen == (ids[::-1] if back else ids)


@given(channels=st.lists(IDS, min_size=1, max_size=4), back=st.booleans(), with_gap=st.booleans())
def test_pages_without_any_time_lead_to_the_end(channels: list[Ids], back: bool, with_gap: bool) -> None:
    gap = LogGap("", EventId(0, 0), EventId(1, 1), None, "trimmed")

    async def pages() -> list[EventId]:
        found: list[EventId] = []
        at = EventId(9, 0) if back else EventId(0, 0)
        for _ in range(200):
            left = [[id for id in ids if (id < at if back else id > at)] for ids in channels]
            readers: list[MergeReader] = [Paged(str(n), ids, back, at) for n, ids in enumerate(left)]
            readers.append(GapReader([gap] if with_gap and (back or gap.before > at) else [], backward=back))
            try:
                async for run in merge(readers, FairLock(), seconds=-1):
                    found += [item.id for _, item in run if isinstance(item, RecordedLine)]
            except OutOfTime as error:
                fence, n = error.key
                at = EventId(-fence, 1 - n) if back else EventId(fence, n - 1)
                continue
            return found
        raise AssertionError("it never comes to the end")

    assert asyncio.run(pages()) == sorted((id for ids in channels for id in ids), reverse=back)
