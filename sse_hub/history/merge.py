"""
Recorded lines of several channels as one sequence in the order of their ids, forward or backward.

    pages of each channel --> ForwardReader, BackwardReader ──┐
    gaps of the log       --> GapReader                     ──┴──► merge() --> runs of lines and gaps

A channel is read page by page, each only when its turn comes, so that memory holds one page of each.

`hub/replay.read_merged` merges the same pages for streams, forward only and by whole batches. The two stay separate,
because that one takes 1.2 µs a line, and this one, which makes an item of each line, 3.4 µs.
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
from sse_hub.protocol.sse import Row

# The most that all readers of one request hold, and the bounds for each of them.
READ_AHEAD_BYTES = 8 * 1024 * 1024
MAX_BYTES = 64 * 1024
MIN_BYTES = 4 * 1024


class RecordedLine(NamedTuple):
    """
    A recorded line. `text` is what a stream would send as `data`; `moment` is when it came, in ms since the epoch.
    """

    id: EventId
    channel: str
    text: bytes
    moment: int

    @property
    def row(self) -> Row:
        """The line as `/history` and `/search` return it."""
        return str(self.id), self.channel, self.text.decode(), self.moment


SortKey = tuple[int, int]
"""What a sequence is sorted by: the id going forward, the id with both signs reversed going backward."""

Item = tuple[SortKey, RecordedLine | LogGap]


def page_bytes_per_reader(channels: int) -> int:
    """How many bytes each reader of a request over this many channels may read into one page."""
    return max(MIN_BYTES, min(MAX_BYTES, READ_AHEAD_BYTES // max(1, channels)))


class MergeReader:
    """
    One channel's part of a sequence.

    `items` are read but not yet taken; `ended` is true when there are no more. `key` is the key of the next item, or a
    key that is not after it while none has been read.
    """

    def __init__(self, key: SortKey, items: Iterable[Item] = ()) -> None:
        self.items = deque(items)
        self.ended = False
        self._key = key

    @property
    def key(self) -> SortKey:
        return self.items[0][0] if self.items else self._key

    async def fill(self) -> None:
        """Read until there is an item, or the end."""
        self.ended = not self.items

    def take(self, last: tuple[SortKey, int] | None, index: int) -> list[Item]:
        """The items not after `last`, the key and index of the reader that comes next; all items if that is None."""
        run: list[Item] = []
        while self.items and (last is None or (self.items[0][0], index) <= last):
            run.append(self.items.popleft())
        return run


class ReadOptions(NamedTuple):
    """
    What the readers of one request share.

    They read the log called `log_id` (see `LogGaps`), which is complete up to `until`, in pages of `page_bytes`, and
    turn pages into lines while they hold `fair_lock`.
    """

    log_id: str
    until: EventId
    page_bytes: int
    fair_lock: FairLock


class ForwardReader(MergeReader):
    """The lines of `channel` after `after` and before `end`. `read_to` is the id up to which they have been read."""

    def __init__(self, log: LogReader, channel: str, options: ReadOptions, after: EventId, end: EventId) -> None:
        super().__init__(after)
        self.channel, self.read_to = channel, after
        self._log, self._options, self._end = log, options, end
        self._has_more = after < end

    def switch_log(self, log_id: str) -> None:
        """Read the rest from the log `log_id`, which has replaced the one read so far."""
        self._options = self._options._replace(log_id=log_id)

    async def fill(self) -> None:
        """See MergeReader. Raises LogChanged, LogUnavailable."""
        while not self.items and self._has_more:
            log_id, until, page_bytes, fair_lock = self._options
            page = (await self._log.page(self.channel, self.read_to, until, page_bytes)).require_log(log_id)
            async with fair_lock:
                parts, complete = clip(page.parts, self._end)
                self.items += [item for part in parts for item in _items_of(part)]
            self.read_to = page.last
            self._has_more = page.more and complete
        self.ended = not self.items


class BackwardReader(MergeReader):
    """The lines of `channel` before `before`, newest first."""

    def __init__(self, log: LogReader, channel: str, options: ReadOptions, before: EventId) -> None:
        super().__init__(reverse_key(before))
        self._log, self._channel, self._options, self._before = log, channel, options, before
        # Redis can't express "before the lowest id".
        self._has_more = before > EventId(0, 0)

    async def fill(self) -> None:
        """See MergeReader. Raises LogChanged, LogUnavailable."""
        while not self.items and self._has_more:
            log_id, until, page_bytes, fair_lock = self._options
            page = await self._log.page_before(self._channel, self._before, until, page_bytes)
            page = page.require_log(log_id)
            async with fair_lock:
                items = [item for part in page.parts for item in _items_of(part)]
                self.items += [(reverse_key(key), item) for key, item in reversed(items)]
            self._before = page.last
            self._has_more = page.more
        self.ended = not self.items


class GapReader(MergeReader):
    """Gaps of the log among the lines, in a sequence that goes forward or `backward`."""

    def __init__(self, gaps: Sequence[LogGap] = (), backward: bool = False) -> None:
        super().__init__((0, 0))
        self._backward = backward
        self.add(gaps)

    def add(self, gaps: Sequence[LogGap]) -> None:
        """Add `gaps` to those not yet taken."""
        added: list[Item] = [(reverse_key(gap_key(gap)) if self._backward else gap_key(gap), gap) for gap in gaps]
        self.items = deque(sorted([*self.items, *added], key=itemgetter(0)))
        self.ended = False


async def merge(readers: Iterable[MergeReader]) -> AsyncGenerator[list[Item], None]:
    """
    All items of `readers`, sorted by key, in runs from one reader each. Items with the same key keep the order of
    their readers. Raises LogUnavailable.
    """
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
    """What of `parts` lies before `end`, and whether that is all of them. A gap across `end` is cut there."""
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


def gap_key(gap: LogGap) -> EventId:
    """Where a gap stands among the lines: at the last id that it may cover."""
    return EventId(gap.before.fence, max(gap.before.n - 1, 0))


def reverse_key(id: SortKey) -> SortKey:
    """The key of `id` in a sequence that goes backward."""
    return -id[0], -id[1]


def _items_of(part: BatchSlice | LogGap) -> list[Item]:
    if isinstance(part, LogGap):
        return [(gap_key(part), part)]
    batch, start, stop = part
    return [
        ((batch.fence, n), RecordedLine(EventId(batch.fence, n), batch.channel, text, moment))
        for n, (text, moment) in enumerate(
            zip(batch.lines[start:stop], batch.moments(start, stop), strict=True), batch.first + start
        )
    ]
