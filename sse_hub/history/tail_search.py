"""
Where the last lines are that pass a filter, for streams that begin with them.

    selection, filter, lines --> TailSearch --> HistoryQuery.iterate_back(), bounded --> LastMatches --> hub/tail_in_log

Streams that ask for the same at the same time share one search.
"""

import asyncio
from contextlib import aclosing
from time import monotonic

from sse_hub.filters.compile import Filter, FilterKey
from sse_hub.history.filtered_runs import sift
from sse_hub.history.merge import Item, OutOfTime, RecordedLine, SortKey
from sse_hub.history.query import HistoryQuery, reached_id
from sse_hub.history.reader import LogReader
from sse_hub.hub.backend import LastMatches
from sse_hub.hub.fair_lock import take_in_slices
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection
from sse_hub.tasks import cancel_and_wait

# One search looks at so many lines, about, for so long: its client waits for the stream meanwhile.
MAX_LOOKED_AT = 20_000
MAX_SECONDS = 2.0

SearchKey = tuple[Selection, FilterKey, int, int]
"""What is searched for, and the branch of the log."""


class TailSearch:
    """The searches of one process, in the log that `history` and `log` read."""

    def __init__(self, history: HistoryQuery, log: LogReader) -> None:
        self._history = history
        self._log = log
        self._running: dict[SearchKey, asyncio.Task[LastMatches]] = {}

    async def find(self, selection: Selection, filter: Filter, lines: int) -> LastMatches:
        """The last `lines` lines of `selection` that pass `filter`. Raises LogUnavailable, SourceUnavailable."""
        key = (selection, filter.key, lines, self._log.branch)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._search(selection, filter, lines), name="tail-search")
            task.add_done_callback(lambda done: self._finish(key, done))
        # Shielded: a client that leaves must not take the answer from the others that wait for it.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel all searches."""
        await cancel_and_wait(list(self._running.values()))

    def _finish(self, key: SearchKey, task: "asyncio.Task[LastMatches]") -> None:
        del self._running[key]
        # Retrieves the exception of a search that nobody waits for any more.
        _ = task.cancelled() or task.exception()

    async def _search(self, selection: Selection, filter: Filter, lines: int) -> LastMatches:
        log_range = await self._history.resolve_range(selection, None, None)
        found = _Matches(filter, lines)
        reached: EventId | None = None
        try:
            async with aclosing(self._history.iterate_back(log_range)) as runs:
                async for run in runs:
                    if not await take_in_slices(run, found.take, self._history.fair_lock):
                        reached = found.reached
                        break
        except OutOfTime as error:
            reached = reached_id(error.key, log_range)
        return LastMatches(found.lines, EventId(log_range.complete_to, 0), reached)


class _Matches:
    """What a search has found so far. `reached` is None until it has to end before it has found all."""

    def __init__(self, filter: Filter, wanted: int) -> None:
        self.lines: list[tuple[EventId, str]] = []
        self.reached: EventId | None = None
        self._filter = filter
        self._wanted = wanted
        self._looked_at = 0
        self._deadline = monotonic() + MAX_SECONDS
        self._last: tuple[SortKey, EventId] | None = None

    def take(self, keyed: Item) -> bool:
        """Look at the next item. False if enough was found, or looked at."""
        key, item = keyed
        if not isinstance(item, RecordedLine):
            return True
        if len(self.lines) == self._wanted:
            return False
        # Lines with the same id on several channels stay together: whoever goes on does so before that id.
        if self._last and key != self._last[0] and self._is_over():
            self.reached = self._last[1]
            return False
        self._looked_at += 1
        self._last = key, item.id
        if isinstance(sift(self._filter, item), RecordedLine):
            self.lines.append((item.id, item.channel))
        return True

    def _is_over(self) -> bool:
        return self._looked_at >= MAX_LOOKED_AT or monotonic() > self._deadline
