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

from sse_hub.history.fair_lock import Turns
from sse_hub.history.reader import RedisLog
from sse_hub.hub.backend import Hole, Piece
from sse_hub.protocol.ids import EventId

# What all the readers of one request may hold, and what each may at least.
READ_AHEAD_BYTES = 8 * 1024 * 1024
MOST_BYTES = 64 * 1024
LEAST_BYTES = 4 * 1024


class Line(NamedTuple):
    """A recorded line: what a stream would send as `data`."""

    id: EventId
    channel: str
    text: bytes


Key = tuple[int, int]
"""By what a sequence is in order: the id, or for one that goes back, the id with its signs turned."""

Item = tuple[Key, Line | Hole]


def share_of(channels: int) -> int:
    """How many bytes each reader may read at a time."""
    return max(LEAST_BYTES, min(MOST_BYTES, READ_AHEAD_BYTES // max(1, channels)))


class Reader:
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

    which: str
    until: EventId
    size: int
    turns: Turns


class Onward(Reader):
    """`channel` from after `place` on, which is how far it has been read, to before `end`. Raises LogChanged."""

    def __init__(self, log: RedisLog, channel: str, bounds: Bounds, after: EventId, end: EventId) -> None:
        super().__init__(after)
        self.channel, self.place = channel, after
        self._log, self._bounds, self._end = log, bounds, end
        self._more = after < end

    def go_on_in(self, which: str) -> None:
        """What has not been read yet is that of log `which`."""
        self._bounds = self._bounds._replace(which=which)

    async def fill(self) -> None:
        while not self.items and self._more:
            which, until, size, turns = self._bounds
            page = (await self._log.page(self.channel, self.place, until, size)).of(which)
            async with turns:
                parts, whole = upto(page.parts, self._end)
                self.items += [item for part in parts for item in _items_of(part)]
            self.place = page.last
            self._more = page.more and whole
        self.ended = not self.items


class Backward(Reader):
    """A channel back from before `before`. Raises LogChanged."""

    def __init__(self, log: RedisLog, channel: str, bounds: Bounds, before: EventId) -> None:
        super().__init__(turned(before))
        self._log, self._channel, self._bounds, self._before = log, channel, bounds, before
        # Redis has no word for what is before the least id.
        self._more = before > EventId(0, 0)

    async def fill(self) -> None:
        while not self.items and self._more:
            which, until, size, turns = self._bounds
            page = (await self._log.page_before(self._channel, self._before, until, size)).of(which)
            async with turns:
                items = [item for part in page.parts for item in _items_of(part)]
                self.items += [(turned(key), item) for key, item in reversed(items)]
            self._before = page.last
            self._more = page.more
        self.ended = not self.items


class BreaksReader(Reader):
    """Breaks of the log among the lines."""

    def __init__(self, holes: Sequence[Hole] = (), back: bool = False) -> None:
        super().__init__((0, 0))
        self._back = back
        self.add(holes)

    def add(self, holes: Sequence[Hole]) -> None:
        """Tell of `holes` too."""
        more: list[Item] = [(turned(place_of(hole)) if self._back else place_of(hole), hole) for hole in holes]
        self.items = deque(sorted([*self.items, *more], key=itemgetter(0)))
        self.ended = False


async def merged(readers: Iterable[Reader]) -> AsyncGenerator[list[Item], None]:
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


def upto(parts: Sequence[Piece | Hole], end: EventId) -> tuple[list[Piece | Hole], bool]:
    """What of `parts` lies before `end`, a hole cut there; and whether that is all of them."""
    kept: list[Piece | Hole] = []
    for part in parts:
        if isinstance(part, Hole):
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


def place_of(hole: Hole) -> EventId:
    """Where among the lines a hole is told: right after the last id it may have."""
    return EventId(hole.before.fence, max(hole.before.n - 1, 0))


def turned(id: Key) -> Key:
    """The key of `id` in a sequence that goes back."""
    return -id[0], -id[1]


def _items_of(part: Piece | Hole) -> list[Item]:
    if isinstance(part, Hole):
        return [(place_of(part), part)]
    batch, start, stop = part
    return [
        ((batch.fence, n), Line(EventId(batch.fence, n), batch.channel, text))
        for n, text in enumerate(batch.lines[start:stop], batch.first + start)
    ]
