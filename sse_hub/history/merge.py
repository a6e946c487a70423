"""
Recorded lines of several channels as one sequence in the order of their ids, onward or back.

    pages of each channel --> Onward, Backward --> merged() --> runs of lines and holes

A channel is read page by page and only when its turn comes, so what is held is a page of each.
"""

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from heapq import heapify, heappop, heappush
from operator import itemgetter
from typing import NamedTuple

from sse_hub.history.fair_lock import FairLock
from sse_hub.history.reader import LogReader
from sse_hub.hub.backend import BatchSlice, LogGap
from sse_hub.protocol.ids import EventId

# What all the readers of one request may hold, and what each may at least.
READ_AHEAD_BYTES = 8 * 1024 * 1024
MAX_BYTES = 64 * 1024
MIN_BYTES = 4 * 1024


class RecordedLine(NamedTuple):
    """A recorded line: what a stream would send as `data`."""

    id: EventId
    channel: str
    text: bytes


Key = tuple[int, int]
"""By what a sequence is in order: the id, or for one that goes back, the id with its signs turned."""

Item = tuple[Key, RecordedLine | LogGap]


def page_share(channels: int) -> int:
    """How many bytes each reader may read at a time."""
    return max(MIN_BYTES, min(MAX_BYTES, READ_AHEAD_BYTES // max(1, channels)))


class MergeReader:
    """One channel's part of a sequence. `key` is that of the next item, or, if none has been read, one not after it."""

    def __init__(self, key: Key, items: Iterable[Item] = ()) -> None:
        self.items = deque(items)
        self.ended = False
        self._key = key

    @property
    def key(self) -> Key:
        return self.items[0][0] if self.items else self._key

    async def fill(self) -> None:
        """Read until there is an item, or the end."""
        self.ended = not self.items

    def take(self, last: tuple[Key, int] | None, index: int) -> list[Item]:
        """The items that are not after `last`, the place of another reader's next one; all if that is None."""
        run: list[Item] = []
        while self.items and (last is None or (self.items[0][0], index) <= last):
            run.append(self.items.popleft())
        return run


class Bounds(NamedTuple):
    """
    What readers of one request share: log `which`, as Breaks names it, complete up to `until`. They read `size` bytes
    at a time, see share_of(), and make lines of them in `turns`.
    """

    log: str
    until: EventId
    size: int
    turns: FairLock


class ForwardReader(MergeReader):
    """`channel` from after `place` on, which is how far it has been read, to before `end`. Raises LogChanged."""

    def __init__(self, log: LogReader, channel: str, bounds: Bounds, after: EventId, end: EventId) -> None:
        super().__init__(after)
        self.channel, self.place = channel, after
        self._log, self._bounds, self._end = log, bounds, end
        self._more = after < end

    def switch_log(self, which: str) -> None:
        """What has not been read yet is that of log `which`."""
        self._bounds = self._bounds._replace(log=which)

    async def fill(self) -> None:
        while not self.items and self._more:
            which, until, size, turns = self._bounds
            page = (await self._log.page(self.channel, self.place, until, size)).require_log(which)
            async with turns:
                parts, whole = clip(page.parts, self._end)
                self.items += [item for part in parts for item in _items_of(part)]
            self.place = page.last
            self._more = page.more and whole
        self.ended = not self.items


class BackwardReader(MergeReader):
    """A channel back from before `before`. Raises LogChanged."""

    def __init__(self, log: LogReader, channel: str, bounds: Bounds, before: EventId) -> None:
        super().__init__(reverse_key(before))
        self._log, self._channel, self._bounds, self._before = log, channel, bounds, before
        # Redis has no word for what is before the least id.
        self._more = before > EventId(0, 0)

    async def fill(self) -> None:
        while not self.items and self._more:
            which, until, size, turns = self._bounds
            page = (await self._log.page_before(self._channel, self._before, until, size)).require_log(which)
            async with turns:
                items = [item for part in page.parts for item in _items_of(part)]
                self.items += [(reverse_key(key), item) for key, item in reversed(items)]
            self._before = page.last
            self._more = page.more
        self.ended = not self.items


class GapReader(MergeReader):
    """Breaks of the log among the lines."""

    def __init__(self, holes: Sequence[LogGap] = (), back: bool = False) -> None:
        super().__init__((0, 0))
        self._back = back
        self.add(holes)

    def add(self, gaps: Sequence[LogGap]) -> None:
        """Tell of `holes` too."""
        more: list[Item] = [(reverse_key(gap_key(hole)) if self._back else gap_key(hole), hole) for hole in gaps]
        self.items = deque(sorted([*self.items, *more], key=itemgetter(0)))
        self.ended = False


async def merge(readers: Iterable[MergeReader]) -> AsyncGenerator[list[Item], None]:
    """All items of `readers` in order; those with the same key in the order of the readers. Raises LogUnavailable."""
    heap = [(reader.key, index, reader) for index, reader in enumerate(readers)]
    heapify(heap)
    while heap:
        _, index, reader = heappop(heap)
        if not reader.items:
            await reader.fill()
        elif run := reader.take(heap[0][:2] if heap else None, index):
            yield run
        if not reader.ended:
            heappush(heap, (reader.key, index, reader))


def clip(parts: Sequence[BatchSlice | LogGap], end: EventId) -> tuple[list[BatchSlice | LogGap], bool]:
    """What of `parts` lies before `end`, a hole cut there; and whether that is all of them."""
    kept: list[BatchSlice | LogGap] = []
    for part in parts:
        if isinstance(part, LogGap):
            if (part.after.fence, part.after.n + 1) < end:
                kept.append(part._replace(before=min(part.before, end), lost=part.lost if part.before <= end else None))
            if part.before > end:
                return kept, False
            continue
        batch, start, stop = part
        if batch.fence >= end.fence:
            stop = min(stop, end.n - batch.first if batch.fence == end.fence else 0)
        if start < stop:
            kept.append((batch, start, stop))
        if stop < part[2]:
            return kept, False
    return kept, True


def gap_key(hole: LogGap) -> EventId:
    """Where among the lines a hole is told: right after the last id it may have."""
    return EventId(hole.before.fence, max(hole.before.n - 1, 0))


def reverse_key(id: Key) -> Key:
    """The key of `id` in a sequence that goes back."""
    return -id[0], -id[1]


def _items_of(part: BatchSlice | LogGap) -> list[Item]:
    if isinstance(part, LogGap):
        return [(gap_key(part), part)]
    batch, start, stop = part
    return [
        ((batch.fence, n), RecordedLine(EventId(batch.fence, n), batch.channel, text))
        for n, text in enumerate(batch.lines[start:stop], batch.first + start)
    ]
