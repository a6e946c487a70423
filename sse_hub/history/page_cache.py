"""
Pages of recorded lines that many want at about the same time, as after a restart: each is read once.

    page(channel, after, until) --> a page that reaches beyond `after`, here or on its way? --> else read() --> Page

Reads begin at round numbers of lines after a fence, so that readers whose positions differ meet on the same pages.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from sse_hub.hub.backend import Page
from sse_hub.protocol.ids import EventId
from sse_hub.tasks import cancel_and_wait

# What is kept of pages that have been read.
CACHED_BYTES = 8_000_000

Key = tuple[str, EventId]
Value = TypeVar("Value")


class PageCache:
    """
    The pages read last. `read(channel, after, until)` reads one; about `lines_wanted(channel)` lines are in it, which
    is None as long as none has been read.
    """

    def __init__(
        self,
        read: Callable[[str, EventId, EventId], Coroutine[Any, Any, Page]],
        lines_wanted: Callable[[str], int | None],
    ) -> None:
        self._read = read
        self._lines_wanted = lines_wanted
        self._reading: dict[Key, asyncio.Task[Page]] = {}
        self._kept: OrderedDict[Key, Page] = OrderedDict()
        self._bytes = 0

    async def page(self, channel: str, after: EventId, until: EventId) -> Page:
        """The next recorded lines of `channel` with `after` < id <= `until`, a fence. Raises LogUnavailable."""
        if after >= until:
            return Page([], until, False)
        if self._lines_wanted(channel) is None:
            await self._first(channel)
        page = self._find(channel, after)
        # Where something is missing, what begins at a round number may not reach so far.
        for start in () if page else (self._round(channel, after), after):
            page = await self._once(channel, start, until)
            if page.last > after:
                break
        assert page, "one of the two was read"
        return page.remainder_after(after).up_to(until)

    def clear(self) -> None:
        """Give away no page that was read so far, or is being read."""
        self._reading.clear()
        self._kept.clear()
        self._bytes = 0

    async def close(self) -> None:
        """End what is under way."""
        await cancel_and_wait(list(self._reading.values()))

    async def _first(self, channel: str) -> None:
        # It is small, for lines may be large; the others wait until it is known how many make a page.
        first = [task for (name, _), task in self._reading.items() if name == channel]
        if first:
            await asyncio.wait(first)

    def _round(self, channel: str, after: EventId) -> EventId:
        return EventId(after.fence, after.n - after.n % (self._lines_wanted(channel) or 1))

    def _find(self, channel: str, after: EventId) -> Page | None:
        for key in ((channel, self._round(channel, after)), *reversed(self._kept)):
            page = self._kept.get(key)
            if page and key[0] == channel and key[1] <= after < page.last:
                self._kept.move_to_end(key)
                return page
        return None

    async def _once(self, channel: str, start: EventId, until: EventId) -> Page:
        key = (channel, start)
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self._read(channel, start, until))
            task.add_done_callback(lambda done: self._done(key, done))
        # Shielded: others may wait for the same page, and who goes must not take it from them.
        return await asyncio.shield(task)

    def _done(self, key: Key, task: asyncio.Task[Page]) -> None:
        # A page that nobody waits for any more may fail like any other.
        failed = _failed(task)
        if self._reading.get(key) is not task:
            return
        del self._reading[key]
        if failed:
            return
        self._evict(key)
        self._kept[key] = task.result()
        self._bytes += task.result().size
        while self._bytes > CACHED_BYTES:
            self._evict(next(iter(self._kept)))

    def _evict(self, key: Key) -> None:
        page = self._kept.pop(key, None)
        self._bytes -= page.size if page else 0


class SingleFlight(Generic[Value]):
    """Something else of the log that many ask for. `read(until)` tells it, if the log is complete up to `until`."""

    def __init__(self, read: Callable[[int], Coroutine[Any, Any, Value]]) -> None:
        self._read = read
        self._known: tuple[int, asyncio.Task[Value]] | None = None

    async def get(self, until: int) -> Value:
        """As it was when the log was complete up to fence `until`, or later. Raises LogUnavailable."""
        if self._known is None or self._known[0] < until or _failed(self._known[1]):
            task = asyncio.create_task(self._read(until))
            task.add_done_callback(_failed)
            self._known = (until, task)
        return await asyncio.shield(self._known[1])

    def clear(self) -> None:
        """Give away nothing that was read so far, or is being read."""
        self._known = None

    async def close(self) -> None:
        """End what is under way."""
        await cancel_and_wait([self._known[1]] if self._known else [])


def _failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
