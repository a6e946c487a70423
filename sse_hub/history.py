"""
Stretches of the log: a page of one in either direction, or all of it.

    channels, after, before --> a fence, and the log complete up to it --> Stretch --> HistoryPage, or lists of lines

Lines with one id on several channels are never parted by the end of a page, so any line's id is a place to go on from.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from sse_hub.errors import InvalidId, LogUnavailable
from sse_hub.events import Cursor, EventId
from sse_hub.frames import Gap
from sse_hub.hub import Source
from sse_hub.log import RedisLog
from sse_hub.merge import Backward, Item, Key, Line, Onward, Reader, breaks_reader, merged, share_of
from sse_hub.pages import Hole, parse_id
from sse_hub.repeats import Repeats
from sse_hub.selection import Selection
from sse_hub.turns import Turns

MAX_LINES = 5_000
# A page ends with the line that reaches this size, so that its JSON stays small enough to be made at once.
MAX_BYTES = 8 * 1024 * 1024
# The highest number that Redis takes in an id.
MAX_NUMBER = 2**64 - 1
BEGINNING = Cursor(0, (0,))


class HistoryPage(NamedTuple):
    """Lines, oldest first, and the gaps among them; `more` lie beyond it in the direction it was read."""

    lines: list[Line]
    gaps: list[Gap]
    more: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """
    What lies after `after` and before `before`. The log is complete up to fence `until`; `asked` is the one that was
    waited for, and greater where it was not in time.
    """

    selection: Selection
    after: Cursor
    before: Cursor
    until: int
    asked: int

    def begin(self, name: str) -> EventId:
        """The id after which lines of `name` are wanted."""
        return self._id_at(self.after, name)

    def end(self, name: str) -> EventId:
        """The id before which lines of `name` are wanted."""
        return min(self._id_at(self.before, name), EventId(self.until, 0))

    def _id_at(self, cursor: Cursor, name: str) -> EventId:
        slot = self.selection.channels.index(name) if len(cursor.counts) > 1 else 0
        return EventId(min(cursor.fence, MAX_NUMBER), min(cursor.counts[slot], MAX_NUMBER))


class History:
    """
    Reads stretches of the log. `records` tells of a channel whether it is in the log at all.

    What is done with many lines of it takes `turns`.
    """

    def __init__(self, log: RedisLog, source: Source, records: Callable[[str], bool]) -> None:
        self.turns = Turns()
        self._log = log
        self._source = source
        self._records = records

    async def stretch(self, selection: Selection, after: Cursor | None, before: Cursor | None) -> Stretch:
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
            until = min(asked, await self._log.complete_to(asked))
        if not until:
            raise LogUnavailable("Nothing has been recorded yet.")
        return Stretch(selection, after or BEGINNING, before or Cursor(asked, (0,)), until, asked)

    async def newest(self, stretch: Stretch, limit: int) -> HistoryPage:
        """The last lines of `stretch`, see _page(). Raises LogUnavailable."""
        readers = await self._backward(stretch)
        page = await self._page(stretch, [breaks_reader(await self._breaks(stretch), back=True), *readers], limit)
        return page._replace(gaps=page.gaps + self._late(stretch))

    async def oldest(self, stretch: Stretch, limit: int) -> HistoryPage:
        """The first lines of `stretch`, see _page(). Raises LogUnavailable."""
        page = await self._page(stretch, await self._onward(stretch), limit)
        return page if page.more else page._replace(gaps=page.gaps + self._late(stretch))

    async def all(self, stretch: Stretch) -> AsyncGenerator[list[Line | Gap], None]:
        """All of `stretch`, oldest first, in lists of a page of the log at most. Raises LogUnavailable."""
        if unrecorded := self._unrecorded(stretch):
            yield [*unrecorded]
        async with aclosing(merged(await self._onward(stretch))) as runs:
            async for run in runs:
                found: list[Line | Gap] = []
                for _, item in run:
                    found += self._gaps(stretch, item) if isinstance(item, Hole) else (item,)
                yield found
        if late := self._late(stretch):
            yield [*late]

    async def back(self, stretch: Stretch) -> AsyncGenerator[list[Item], None]:
        """The lines of `stretch`, newest first. Raises LogUnavailable."""
        begin = {name: stretch.begin(name) for name in stretch.selection.channels}
        bare = EventId(stretch.after.fence, 0)
        async with aclosing(merged(await self._backward(stretch))) as runs:
            async for run in runs:
                kept = [
                    each for each in run if isinstance(each[1], Line) and each[1].id > begin.get(each[1].channel, bare)
                ]
                yield kept
                if len(kept) < len(run) and all(isinstance(item, Line) for _, item in run):
                    return

    # The rest.

    async def _page(self, stretch: Stretch, readers: list[Reader], limit: int) -> HistoryPage:
        """
        `limit` lines, or fewer where they are large, or more where several channels have a line with the last id.
        Of lines with the same line id it has the one that is read first.
        """
        lines: list[Line] = []
        holes: list[Hole] = []
        async with aclosing(merged(readers)) as runs:
            more = await _gather(runs, lines, holes, limit)
        gaps = [gap for hole in holes for gap in self._gaps(stretch, hole)]
        gaps += [] if more else self._unrecorded(stretch)
        return HistoryPage(sorted(lines), sorted(gaps, key=lambda gap: parse_id(gap.before.encode())), more)

    async def _backward(self, stretch: Stretch) -> list[Reader]:
        ends = {name: stretch.end(name) for name in self._recorded(stretch)}
        for name, last in (await self._found(stretch)).items():
            ends[name] = min(stretch.end(name), EventId(last.fence, last.n + 1))
        size = share_of(len(ends))
        return [Backward(self._log, self.turns, name, ends[name], size) for name in sorted(ends)]

    async def _onward(self, stretch: Stretch) -> list[Reader]:
        names = dict.fromkeys(self._recorded(stretch))
        names |= {name: None for name, last in (await self._found(stretch)).items() if last > stretch.begin(name)}
        size = share_of(len(names))
        readers = [
            Onward(self._log, self.turns, name, stretch.begin(name), stretch.end(name), stretch.until, size)
            for name in sorted(names)
        ]
        return [breaks_reader(await self._breaks(stretch)), *readers]

    async def _found(self, stretch: Stretch) -> Mapping[str, EventId]:
        """The recorded channels that a pattern finds, with the last id of each."""
        if not stretch.selection.patterns:
            return {}
        return {
            name: last
            for name, last in (await self._log.last_ids(stretch.until)).items()
            if stretch.selection.matches(name)
        }

    async def _breaks(self, stretch: Stretch) -> list[Hole]:
        """The breaks of the log that reach into the stretch, cut where it ends."""
        end = EventId(min(stretch.before.fence, stretch.until), 0)
        _, holes = await self._log.breaks(min(stretch.after.fence, stretch.until), stretch.until)
        return [hole._replace(before=min(hole.before, end)) for hole in holes if hole.after < end]

    def _recorded(self, stretch: Stretch) -> list[str]:
        return [name for name in stretch.selection.channels if self._records(name)]

    def _gaps(self, stretch: Stretch, hole: Hole) -> list[Gap]:
        # A break of the log is told once for each name that was asked for.
        names = [hole.channel] if hole.channel else [*self._recorded(stretch), *stretch.selection.patterns]
        return [hole.gap(name, stretch.begin(name)) for name in names]

    def _unrecorded(self, stretch: Stretch) -> list[Gap]:
        """Channels that nobody records are one gap."""
        names = [name for name in stretch.selection.channels if not self._records(name)]
        return [Gap(name, str(stretch.begin(name)), str(stretch.end(name)), None, "recorder-down") for name in names]

    def _late(self, stretch: Stretch) -> list[Gap]:
        """What was asked for, and has not been recorded in time."""
        before = min(stretch.before.fence, stretch.asked)
        names = [*self._recorded(stretch), *stretch.selection.patterns] if before > stretch.until else []
        return [Gap(name, f"{stretch.until}-0", f"{before}-0", None, "late") for name in names]


async def _gather(runs: AsyncIterator[list[Item]], lines: list[Line], holes: list[Hole], limit: int) -> bool:
    """Fill `lines` and `holes` with a page. True when there are more lines."""
    size = 0
    last: Key | None = None
    # What is missing beyond the last line of a full page is told there only if no line follows.
    beyond: list[Hole] = []
    known = Repeats()
    async for run in runs:
        for key, item in run:
            full = len(lines) >= limit or size >= MAX_BYTES
            if isinstance(item, Hole):
                (beyond if full and key != last else holes).append(item)
            elif full and key != last:
                return True
            elif not known.repeats(item.channel, item.text):
                lines.append(item)
                size += len(item.text)
                last = key
    holes += beyond
    return False
