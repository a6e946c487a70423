"""
Stretches of the log: a page of one in either direction, or all of it.

    channels, after, before --> a fence, and the log complete up to it --> Stretch --> HistoryPage, or lists of lines

Lines with one id on several channels are never parted by the end of a page, so any line's id is a place to go on from.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import NamedTuple

from sse_hub.errors import InvalidId, LogChanged, LogUnavailable
from sse_hub.history.fair_lock import FairLock
from sse_hub.history.log_range import BEGINNING, LogRange
from sse_hub.history.merge import (
    BackwardReader,
    Bounds,
    ForwardReader,
    GapReader,
    Item,
    Key,
    MergeReader,
    RecordedLine,
    merge,
    page_share,
)
from sse_hub.history.reader import LogReader
from sse_hub.history.stream_entries import entry_id
from sse_hub.hub.backend import LogGap, LogGaps, Source
from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.line_ids import SeenLineIds
from sse_hub.protocol.selection import Selection, matches
from sse_hub.protocol.sse import Gap

MAX_LINES = 5_000
# A page ends with the line that reaches this size, so that its JSON stays small enough to be made at once.
MAX_BYTES = 8 * 1024 * 1024
ReserveBytes = Callable[[int], None]
"""Is told how many bytes an answer has so far, and may object; see Limits.answering()."""

# How often a log that changes while it is read is read again, with nothing new in between.
MAX_TRIES = 4


class HistoryPage(NamedTuple):
    """Lines, oldest first, and the gaps among them; `more` lie beyond it in the direction it was read."""

    lines: list[RecordedLine]
    gaps: list[Gap]
    more: bool


class HistoryQuery:
    """
    Reads stretches of the log. `records` tells of a channel whether it is in the log at all.

    What is done with many lines of it takes `turns`.
    """

    def __init__(self, log: LogReader, source: Source, records: Callable[[str], bool]) -> None:
        self.turns = FairLock()
        self._log = log
        self._source = source
        self._records = records

    async def resolve_range(self, selection: Selection, after: Cursor | None, before: Cursor | None) -> LogRange:
        """
        The stretch between two cursors; where there is none, it begins with the log, or ends now.

        Raises InvalidId, LogUnavailable, SourceUnavailable.
        """
        fitting = {1} if selection.patterns else {1, len(selection.channels)}
        for cursor in (after, before):
            if cursor and len(cursor.counts) not in fitting:
                raise InvalidId(f"{str(cursor)[:64]!r} does not fit: one count is wanted, or one for each channel.")
        asked = until = self._log.watermark
        if before is None or (before.fence, max(before.counts)) > (until, 0):
            # What a client has seen must be in it: all that came before a fence which is issued only now. Lines that
            # count from the watermark's own fence come after it.
            asked = await self._source.join(())
            until = min(asked, await self._log.wait_complete(asked))
        if not until:
            raise LogUnavailable("Nothing has been recorded yet.")
        return LogRange(selection, after or BEGINNING, before or Cursor(asked, (0,)), until, asked)

    async def last_page(self, stretch: LogRange, limit: int, hold: ReserveBytes) -> HistoryPage:
        """The last lines of `stretch`, see _page(). Raises LogUnavailable, and what `hold` does."""
        page = await self._page(stretch, self._backward, limit, hold)
        return page._replace(gaps=page.gaps + self._late(stretch))

    async def first_page(self, stretch: LogRange, limit: int, hold: ReserveBytes) -> HistoryPage:
        """The first lines of `stretch`, see _page(). Raises LogUnavailable, and what `hold` does."""
        page = await self._page(stretch, self._onward, limit, hold)
        return page if page.more else page._replace(gaps=page.gaps + self._late(stretch))

    async def iterate(self, stretch: LogRange) -> AsyncGenerator[list[RecordedLine | Gap], None]:
        """
        All of `stretch`, oldest first, in lists of a page of the log at most. Where the log changes, what has been read
        of it is followed by what the new one has beyond that. Raises LogUnavailable.
        """
        if unrecorded := self._unrecorded(stretch):
            yield [*unrecorded]
        channels, breaks = await self._channels(stretch), GapReader()
        told: set[LogGap] = set()
        tries, whole = 0, False
        while not whole:
            try:
                await self._go_on(stretch, channels, breaks, told)
                async with aclosing(merge([breaks, *channels])) as runs:
                    async for run in runs:
                        found: list[RecordedLine | Gap] = []
                        for _, item in run:
                            found += self._gaps(stretch, item) if isinstance(item, LogGap) else (item,)
                        yield found
                        tries = 0
                whole = True
            except LogChanged as error:
                tries += 1
                await self._retry(stretch, error, tries)
        if late := self._late(stretch):
            yield [*late]

    async def iterate_back(self, stretch: LogRange) -> AsyncGenerator[list[Item], None]:
        """The lines of `stretch`, newest first. Raises LogUnavailable, also where the log changes."""
        begin = {name: stretch.start_of(name) for name in stretch.selection.channels}
        bare = EventId(stretch.after.fence, 0)
        async with aclosing(merge(await self._backward(stretch))) as runs:
            async for run in runs:
                kept = [
                    each
                    for each in run
                    if isinstance(each[1], RecordedLine) and each[1].id > begin.get(each[1].channel, bare)
                ]
                yield kept
                if len(kept) < len(run) and all(isinstance(item, RecordedLine) for _, item in run):
                    return

    # The rest.

    async def _page(
        self,
        stretch: LogRange,
        readers: Callable[[LogRange], Awaitable[list[MergeReader]]],
        limit: int,
        hold: ReserveBytes,
    ) -> HistoryPage:
        """
        `limit` lines, or fewer where they are large, or more where several channels have a line with the last id.
        Of lines with the same line id it has the one that is read first. All of it is of one log. `hold` is told how
        many bytes it has, as they become more.
        """
        tries, more = 0, False
        while True:
            lines: list[RecordedLine] = []
            holes: list[LogGap] = []
            try:
                async with aclosing(merge(await readers(stretch))) as runs:
                    more = await _gather(runs, lines, holes, limit, hold)
                break
            except LogChanged as error:
                tries += 1
                await self._retry(stretch, error, tries)
        gaps = [gap for hole in holes for gap in self._gaps(stretch, hole)]
        gaps += [] if more else self._unrecorded(stretch)
        return HistoryPage(sorted(lines), sorted(gaps, key=lambda gap: entry_id(gap.before.encode())), more)

    async def _retry(self, stretch: LogRange, error: LogChanged, tries: int) -> None:
        """Return when a log that has changed is complete again up to the end of `stretch`; else raise `error`."""
        if tries == MAX_TRIES or await self._log.wait_complete(stretch.until) < stretch.until:
            raise error

    async def _backward(self, stretch: LogRange) -> list[MergeReader]:
        ends = {name: stretch.end_of(name) for name in self._recorded(stretch)}
        for name, last in (await self._found(stretch)).items():
            ends[name] = min(stretch.end_of(name), EventId(last.fence, last.n + 1))
        which, holes = await self._read_gaps(stretch)
        bounds = Bounds(which, EventId(stretch.until, 0), page_share(len(ends)), self.turns)
        channels = [BackwardReader(self._log, name, bounds, ends[name]) for name in sorted(ends)]
        return [GapReader(holes, back=True), *channels]

    async def _onward(self, stretch: LogRange) -> list[MergeReader]:
        channels, breaks = await self._channels(stretch), GapReader()
        await self._go_on(stretch, channels, breaks, set())
        return [breaks, *channels]

    async def _channels(self, stretch: LogRange) -> list[ForwardReader]:
        names = dict.fromkeys(self._recorded(stretch))
        names |= {name: None for name, last in (await self._found(stretch)).items() if last > stretch.start_of(name)}
        bounds = Bounds("", EventId(stretch.until, 0), page_share(len(names)), self.turns)
        return [
            ForwardReader(self._log, name, bounds, stretch.start_of(name), stretch.end_of(name))
            for name in sorted(names)
        ]

    async def _go_on(
        self, stretch: LogRange, channels: list[ForwardReader], breaks: GapReader, told: set[LogGap]
    ) -> None:
        """
        Have `channels` go on, from where each is, in the log that is there now, and add to `breaks` what that one lacks
        beyond there. Those in `told` are known already.
        """
        which, holes = await self._read_gaps(stretch)
        new = [hole for hole in holes if hole not in told]
        told.update(new)
        for name in (*self._recorded(stretch), *stretch.selection.patterns):
            # Of a pattern nothing is missing up to where all its channels have been read.
            read = [each.place for each in channels if matches(name, each.channel)]
            place = min(read, default=stretch.start_of(name))
            breaks.add([left._replace(channel=name) for hole in new if (left := hole.remainder_after(place))])
        for each in channels:
            each.switch_log(which)

    async def _found(self, stretch: LogRange) -> Mapping[str, EventId]:
        """The recorded channels that a pattern finds, with the last id of each."""
        if not stretch.selection.patterns:
            return {}
        return {
            name: last
            for name, last in (await self._log.last_ids(stretch.until)).items()
            if stretch.selection.matches(name)
        }

    async def _read_gaps(self, stretch: LogRange) -> LogGaps:
        """The breaks of the log that reach into the stretch, cut where it ends."""
        end = EventId(min(stretch.before.fence, stretch.until), 0)
        which, holes = await self._log.gaps(min(stretch.after.fence, stretch.until), stretch.until)
        return LogGaps(which, [hole._replace(before=min(hole.before, end)) for hole in holes if hole.after < end])

    def _recorded(self, stretch: LogRange) -> list[str]:
        return [name for name in stretch.selection.channels if self._records(name)]

    def _gaps(self, stretch: LogRange, hole: LogGap) -> list[Gap]:
        # A break of the log is told once for each name that was asked for.
        names = [hole.channel] if hole.channel else [*self._recorded(stretch), *stretch.selection.patterns]
        return [hole.as_gap(name, stretch.start_of(name)) for name in names]

    def _unrecorded(self, stretch: LogRange) -> list[Gap]:
        """Channels that nobody records are one gap."""
        names = [name for name in stretch.selection.channels if not self._records(name)]
        return [
            Gap(name, str(stretch.start_of(name)), str(stretch.end_of(name)), None, "recorder-down") for name in names
        ]

    def _late(self, stretch: LogRange) -> list[Gap]:
        """What was asked for, and has not been recorded in time."""
        before = min(stretch.before.fence, stretch.asked)
        names = [*self._recorded(stretch), *stretch.selection.patterns] if before > stretch.until else []
        return [Gap(name, f"{stretch.until}-0", f"{before}-0", None, "late") for name in names]


async def _gather(
    runs: AsyncIterator[list[Item]], lines: list[RecordedLine], holes: list[LogGap], limit: int, hold: ReserveBytes
) -> bool:
    """Fill `lines` and `holes` with a page. True when there are more lines."""
    size = 0
    last: Key | None = None
    # What is missing beyond the last line of a full page is told there only if no line follows.
    beyond: list[LogGap] = []
    known = SeenLineIds()
    async for run in runs:
        for key, item in run:
            full = len(lines) >= limit or size >= MAX_BYTES
            if isinstance(item, LogGap):
                (beyond if full and key != last else holes).append(item)
            elif full and key != last:
                return True
            elif not known.is_repeat(item.channel, item.text):
                lines.append(item)
                size += len(item.text)
                last = key
        hold(size)
    holes += beyond
    return False
