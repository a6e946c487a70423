"""
Queries of the log: a page of a range in either direction, or all of it.

    selection, after, before --> resolve_range(): a fence, and the log complete up to it --> LogRange
    LogRange --> last_page(), first_page() --> HistoryPage          LogRange --> iterate(), iterate_back() --> runs

Lines with the same id on several channels always are in one page, so that a reader can go on from any line's id.
"""

import heapq
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import NamedTuple

from sse_hub.errors import InvalidId, LogChanged, LogUnavailable
from sse_hub.filters.compile import Filter
from sse_hub.history.filtered_runs import filtered_runs
from sse_hub.history.log_range import BEGINNING, LogRange
from sse_hub.history.merge import (
    BackwardReader,
    ForwardReader,
    GapReader,
    Item,
    MergeReader,
    OutOfTime,
    ReadOptions,
    RecordedLine,
    SortKey,
    merge,
    page_bytes_per_reader,
    reverse_key,
)
from sse_hub.history.reader import LogReader
from sse_hub.hub.backend import LogGap, LogGaps, Source
from sse_hub.hub.fair_lock import SLICE_LINES
from sse_hub.hub.fence_history import FenceHistory
from sse_hub.hub.name_index import NameIndex
from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.line_ids import SeenLineIds
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap

MAX_LINES = 5_000
# How long a page, or a search, may take.
MAX_SECONDS = 5.0
# A page ends with the line that reaches this size, so that its JSON can be made in one go.
MAX_BYTES = 8 * 1024 * 1024
ReserveBytes = Callable[[int], None]
"""Called with the size of an answer so far, in bytes; raises LimitExceeded. See `AdmissionControl.response_memory`."""

# How often in a row a log that changes while it is read is read again.
MAX_TRIES = 4


OpenReaders = tuple[list[MergeReader], Iterable[tuple[SortKey, str]], Callable[[SortKey, str], MergeReader] | None]
"""Arguments of merge(): readers, and those to be made later."""


class HistoryPage(NamedTuple):
    """
    Lines, oldest first, and the gaps among them. `more` says whether lines follow in the direction of reading.

    `reached` is the id up to which, or down to which, it was read, where the time was over: the next page goes on
    there. It may lie behind the last line of a full page, while the reader looked for the first line of the next one.
    """

    lines: list[RecordedLine]
    gaps: list[Gap]
    more: bool
    reached: EventId | None = None


class HistoryQuery:
    """
    Reads ranges of the log.

    `is_recorded` says whether a channel is recorded at all. `fences` are those received. `fair_lock` is held for each
    slice of work.
    """

    def __init__(
        self,
        log: LogReader,
        source: Source,
        is_recorded: Callable[[str], bool],
        names: NameIndex,
        fences: FenceHistory,
    ) -> None:
        self.fair_lock = names.fair_lock
        self._names = names
        self._log = log
        self._source = source
        self._is_recorded = is_recorded
        self._fences = fences

    async def resolve_range(self, selection: Selection, after: Cursor | None, before: Cursor | None) -> LogRange:
        """
        The range between two cursors. Without `after` it starts with the log, without `before` it ends now.

        Raises InvalidId, LogUnavailable, SourceUnavailable.
        """
        valid_counts = {1} if selection.patterns else {1, len(selection.channels)}
        for cursor in (after, before):
            if cursor and len(cursor.counts) not in valid_counts:
                raise InvalidId(
                    f"{str(cursor)[:64]!r} does not fit the channels: it must have one count, or one for each channel."
                )
        awaited_fence = complete_to = self._log.watermark
        if before is None or (before.fence, max(before.counts)) > (complete_to, 0):
            # All that a client has seen must be in the range: it came before a fence that is issued only now. Lines
            # whose ids have the watermark's own fence come after the watermark.
            awaited_fence = await self._source.join(())
            complete_to = min(awaited_fence, await self._log.wait_complete(awaited_fence))
        if not complete_to:
            raise LogUnavailable("Nothing has been recorded yet.")
        end = before or Cursor(awaited_fence, (0,))
        return LogRange(selection, self._living(after) if after else BEGINNING, end, complete_to, awaited_fence)

    def _living(self, after: Cursor) -> Cursor:
        """`after`, or where its dead branch left the living one: no log has what came there since."""
        # A time that somebody has typed is no id, and has no count.
        rejoin = self._fences.rejoin(after.fence, issued=max(after.counts) > 0)
        return Cursor(rejoin.common, (0,)) if rejoin and rejoin.common is not None else after

    async def last_page(
        self, log_range: LogRange, limit: int, reserve: ReserveBytes, filter: Filter | None = None
    ) -> HistoryPage:
        """
        The last lines of the range that pass `filter`, as `_read_page` limits them. Raises LogUnavailable, and what
        `reserve` does.
        """
        page = await self._read_page(log_range, self._backward_readers, limit, reserve, filter)
        return page._replace(gaps=page.gaps + self._late_gaps(log_range))

    async def first_page(
        self, log_range: LogRange, limit: int, reserve: ReserveBytes, filter: Filter | None = None
    ) -> HistoryPage:
        """
        The first lines of the range that pass `filter`, as `_read_page` limits them. Raises LogUnavailable, and what
        `reserve` does.
        """
        page = await self._read_page(log_range, self._forward_readers, limit, reserve, filter)
        return page if page.more else page._replace(gaps=page.gaps + self._late_gaps(log_range))

    async def iterate(
        self, log_range: LogRange, filter: Filter | None = None
    ) -> AsyncGenerator[list[RecordedLine | Gap], None]:
        """
        All gaps of the range, and its lines that pass `filter`, oldest first, in lists of at most a page of the log.

        If the log is replaced meanwhile, what has been read is followed by the rest of the new log. Raises
        LogUnavailable.
        """
        if unrecorded := self._unrecorded_gaps(log_range):
            yield [*unrecorded]
        channels, gap_reader = await self._channel_readers(log_range), GapReader()
        known_gaps: set[LogGap] = set()
        tries, complete = 0, False
        while not complete:
            try:
                await self._switch_log(log_range, channels, gap_reader, known_gaps)
                async with aclosing(merge([gap_reader, *channels], self.fair_lock)) as runs:
                    async for run in self._filtered(runs, filter):
                        items: list[RecordedLine | Gap] = []
                        for _, item in run:
                            items += self._gaps_of(log_range, item) if isinstance(item, LogGap) else (item,)
                        yield items
                        tries = 0
                complete = True
            except LogChanged as error:
                tries += 1
                await self._wait_for_new_log(log_range, error, tries)
        if late := self._late_gaps(log_range):
            yield [*late]

    async def iterate_back(self, log_range: LogRange) -> AsyncGenerator[list[Item], None]:
        """
        The lines and gaps of the range, newest first. Raises LogUnavailable, also when the log changes meanwhile, and
        OutOfTime.
        """
        names = self._recorded_names(log_range)
        starts = {name: log_range.start_of(name) for name in names}
        pattern_start = EventId(log_range.after.fence, 0)
        first = min(starts.values(), default=pattern_start)
        readers, later, make_reader = await self._backward_readers(log_range)
        async with aclosing(merge(readers, self.fair_lock, later, make_reader, MAX_SECONDS)) as runs:
            async for run in runs:
                yield [
                    (key, item)
                    for key, item in run
                    if _reaches_beyond(item, first if item.channel is None else starts.get(item.channel, pattern_start))
                ]
                fence, n = run[-1][0]
                if (-fence, -n) < first:
                    return

    async def gaps_among(self, log_range: LogRange, log_gaps: Iterable[LogGap], more: bool) -> list[Gap]:
        """The gaps to show for `log_gaps` of the range, which was read to its other end unless there is `more`."""
        return await self._shown_gaps(log_range, log_gaps, more) + self._late_gaps(log_range)

    # Pages.

    async def _read_page(
        self,
        log_range: LogRange,
        open_readers: Callable[[LogRange], Awaitable[OpenReaders]],
        limit: int,
        reserve: ReserveBytes,
        filter: Filter | None,
    ) -> HistoryPage:
        """
        A page of one and the same log.

        It has `limit` lines that pass `filter`: fewer if they reach MAX_BYTES, more if several channels have a line
        with the last id. Of lines with the same line id it has the one that is read first. `reserve` gets the page's
        size as it grows.
        """
        tries, more = 0, False
        reached: EventId | None = None
        while True:
            lines: list[RecordedLine] = []
            log_gaps: list[LogGap] = []
            try:
                readers, later, make_reader = await open_readers(log_range)
                async with aclosing(merge(readers, self.fair_lock, later, make_reader, MAX_SECONDS)) as runs:
                    more = await _collect(self._filtered(runs, filter), lines, log_gaps, limit, reserve)
                break
            except OutOfTime as error:
                more, reached = True, reached_id(error.key, log_range)
                break
            except LogChanged as error:
                tries += 1
                await self._wait_for_new_log(log_range, error, tries)
        return HistoryPage(sorted(lines), await self._shown_gaps(log_range, log_gaps, more), more, reached)

    def _filtered(self, runs: AsyncIterator[list[Item]], filter: Filter | None) -> AsyncIterator[list[Item]]:
        return filtered_runs(runs, filter, self.fair_lock) if filter else runs

    async def _wait_for_new_log(self, log_range: LogRange, error: LogChanged, tries: int) -> None:
        """Return when the log that has changed is complete up to the end of the range again; else raise `error`."""
        if tries == MAX_TRIES or await self._log.wait_complete(log_range.complete_to) < log_range.complete_to:
            raise error

    # Readers.

    async def _forward_readers(self, log_range: LogRange) -> OpenReaders:
        channels, gap_reader = await self._channel_readers(log_range), GapReader()
        await self._switch_log(log_range, channels, gap_reader, set())
        return [gap_reader, *channels], (), None

    async def _backward_readers(self, log_range: LogRange) -> OpenReaders:
        """A reader for the gaps, and those of the channels, to be made when their turn comes: the newest first."""
        ends = {name: log_range.end_of(name) for name in self._recorded_channels(log_range)}
        matching = await self._matching_channels(log_range)
        log_id, log_gaps = await self._read_log_gaps(log_range)
        options = self._read_options(log_id, log_range, len(ends) + len(matching))

        def make_reader(key: SortKey, name: str) -> MergeReader:
            return BackwardReader(self._log, name, options, EventId(-key[0], -key[1]))

        # Sorted in parts, and merged when they are used: to sort all takes too long for one step.
        names = [name for name in matching if name not in ends]
        parts = [sorted((reverse_key(end), name) for name, end in ends.items())]
        for at in range(0, len(names), SLICE_LINES):
            async with self.fair_lock:
                part = []
                for name in names[at : at + SLICE_LINES]:
                    fence, n = matching[name]
                    part.append((reverse_key(min(log_range.end_of(name), EventId(fence, n + 1))), name))
                parts.append(sorted(part))
        return [GapReader(log_gaps, backward=True)], heapq.merge(*parts), make_reader

    async def _channel_readers(self, log_range: LogRange) -> list[ForwardReader]:
        """A reader for each channel of the range. They don't read before `_switch_log` has named the log."""
        matching = await self._matching_channels(log_range)
        names = sorted({*self._recorded_channels(log_range), *matching})
        options = self._read_options("", log_range, len(names))
        readers: list[ForwardReader] = []
        for at in range(0, len(names), SLICE_LINES):
            async with self.fair_lock:
                for name in names[at : at + SLICE_LINES]:
                    start = log_range.start_of(name)
                    if name not in matching or matching[name] > start:
                        readers.append(ForwardReader(self._log, name, options, start, log_range.end_of(name)))
        return readers

    def _read_options(self, log_id: str, log_range: LogRange, channels: int) -> ReadOptions:
        until = EventId(log_range.complete_to, 0)
        return ReadOptions(log_id, until, page_bytes_per_reader(channels), self.fair_lock)

    async def _switch_log(
        self, log_range: LogRange, channels: list[ForwardReader], gap_reader: GapReader, known_gaps: set[LogGap]
    ) -> None:
        """
        Have each of `channels` go on in the present log, from where it is.

        Gaps of that log after there go to `gap_reader`, except for `known_gaps`, to which the new ones are added.
        """
        log_id, log_gaps = await self._read_log_gaps(log_range)
        new_gaps = [gap for gap in log_gaps if gap not in known_gaps]
        first = not known_gaps
        known_gaps.update(new_gaps)
        for name in self._recorded_names(log_range):
            start = log_range.start_of(name)
            read_to = start if first else await self._read_to(name, channels, start)
            remainders = [gap.remainder_after(read_to) for gap in new_gaps]
            gap_reader.add([remainder._replace(channel=name) for remainder in remainders if remainder])
        for channel in channels:
            channel.switch_log(log_id)

    async def _read_to(self, name: str, channels: list[ForwardReader], start: EventId) -> EventId:
        """How far the channel, or the pattern, `name` was read: a pattern lacks nothing up to where all of them are."""
        names = {name} if "*" not in name else set(await self._names.matching(Selection((), (name,))))
        return min((channel.read_to for channel in channels if channel.channel in names), default=start)

    def _recorded_channels(self, log_range: LogRange) -> list[str]:
        """The channels that the range names and that are recorded."""
        return [name for name in log_range.selection.channels if self._is_recorded(name)]

    async def _matching_channels(self, log_range: LogRange) -> Mapping[str, EventId]:
        """The recorded channels that match a pattern of the range, with the last id of each."""
        if not log_range.selection.patterns:
            return {}
        return await self._log.matching_ids(log_range.selection, log_range.complete_to)

    # Gaps.

    async def _read_log_gaps(self, log_range: LogRange) -> LogGaps:
        """The gaps of the whole log that reach into the range, cut where it ends."""
        end = EventId(min(log_range.before.fence, log_range.complete_to), 0)
        after = min(log_range.after.fence, log_range.complete_to)
        log_id, gaps = await self._log.gaps(after, log_range.complete_to)
        # Of patterns whose channels were read just now.
        forgotten = [self._log.forgotten_gap(pattern) for pattern in log_range.selection.patterns]
        gaps = [*gaps, *(gap for gap in forgotten if gap and gap.before.fence > after)]
        return LogGaps(log_id, [gap._replace(before=min(gap.before, end)) for gap in gaps if gap.after < end])

    async def _shown_gaps(self, log_range: LogRange, log_gaps: Iterable[LogGap], more: bool) -> list[Gap]:
        """The gaps to show for `log_gaps`, and for channels that are not recorded, unless there is `more` to read."""
        gaps: list[Gap] = []
        for log_gap in sorted(log_gaps, key=lambda each: each.before):
            async with self.fair_lock:
                gaps += self._gaps_of(log_range, log_gap)
        return gaps + ([] if more else self._unrecorded_gaps(log_range))

    def _gaps_of(self, log_range: LogRange, log_gap: LogGap) -> list[Gap]:
        """The gap to show for `log_gap`: if it is one of the whole log, one for each requested name."""
        names = [log_gap.channel] if log_gap.channel else self._recorded_names(log_range)
        return [log_gap.as_gap(name, log_range.start_of(name)) for name in names]

    def _unrecorded_gaps(self, log_range: LogRange) -> list[Gap]:
        """A gap over the whole range for each channel that is not recorded."""
        names = [name for name in log_range.selection.channels if not self._is_recorded(name)]
        return [
            Gap(name, str(log_range.start_of(name)), str(log_range.end_of(name)), None, "recorder-down")
            for name in names
        ]

    def _late_gaps(self, log_range: LogRange) -> list[Gap]:
        """A gap for each requested name over what has not been recorded in time."""
        before = min(log_range.before.fence, log_range.awaited_fence)
        names = self._recorded_names(log_range) if before > log_range.complete_to else []
        return [Gap(name, f"{log_range.complete_to}-0", f"{before}-0", None, "late") for name in names]

    def _recorded_names(self, log_range: LogRange) -> list[str]:
        """The recorded channels, and the patterns, of the range."""
        return [*self._recorded_channels(log_range), *log_range.selection.patterns]


def _reaches_beyond(item: RecordedLine | LogGap, start: EventId) -> bool:
    """Whether a line, or a part of a gap, lies after `start`."""
    return item.id > start if isinstance(item, RecordedLine) else item.remainder_after(start) is not None


def reached_id(key: SortKey, log_range: LogRange) -> EventId:
    """The id at which a reader of `log_range` goes on whose time was over at `key`: on this side of it all was read."""
    fence, n = key
    if fence < 0:
        # Backward. What has the id itself has not been read yet.
        return min(EventId(-fence, 1 - n), EventId(log_range.before.fence, max(1, *log_range.before.counts)))
    return max(EventId(fence, max(0, n - 1)), EventId(log_range.after.fence, min(log_range.after.counts)))


async def _collect(
    runs: AsyncIterator[list[Item]],
    lines: list[RecordedLine],
    log_gaps: list[LogGap],
    limit: int,
    reserve: ReserveBytes,
) -> bool:
    """
    Fill `lines` and `log_gaps` with one page out of `runs`. True when there are more lines. Raises OutOfTime, after
    which they have all that was read.
    """
    size = 0
    last_key: SortKey | None = None
    # Gaps behind the last line of a full page belong to it only if no line follows.
    trailing_gaps: list[LogGap] = []
    seen = SeenLineIds()
    try:
        async for run in runs:
            for key, item in run:
                full = len(lines) >= limit or size >= MAX_BYTES
                if isinstance(item, LogGap):
                    (trailing_gaps if full and key != last_key else log_gaps).append(item)
                elif full and key != last_key:
                    return True
                elif not seen.is_repeat(item.channel, item.text):
                    lines.append(item)
                    size += len(item.text)
                    last_key = key
            reserve(size)
    except OutOfTime:
        # The next page goes on behind them.
        log_gaps += trailing_gaps
        raise
    log_gaps += trailing_gaps
    return False
