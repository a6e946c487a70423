"""
Pages of recorded lines that many readers want at about the same time, as after a restart: each is read once.

    page(channel, after, until) --> a page around `after`, cached or being read --> else read() --> Page

Reads start at multiples of a page's lines after a fence, so that readers at different ids share the same pages.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from sse_hub.hub.backend import Page
from sse_hub.protocol.ids import EventId
from sse_hub.tasks import cancel_and_wait

CACHED_BYTES = 8_000_000

PageKey = tuple[str, EventId]
"""The channel of a page, and the id after which it starts."""
Value = TypeVar("Value")


class PageCache:
    """
    The pages read last, up to CACHED_BYTES.

    `read(channel, after, until)` reads a page; `lines_per_page(channel)` is about how many lines it has, None until
    the channel's first page has been read.
    """

    def __init__(
        self,
        read: Callable[[str, EventId, EventId], Coroutine[Any, Any, Page]],
        lines_per_page: Callable[[str], int | None],
    ) -> None:
        self._read = read
        self._lines_per_page = lines_per_page
        self._reading: dict[PageKey, asyncio.Task[Page]] = {}
        self._cached: OrderedDict[PageKey, Page] = OrderedDict()
        self._bytes = 0

    async def page(self, channel: str, after: EventId, until: EventId) -> Page:
        """The next recorded lines of `channel` with `after` < id <= `until`, a fence. Raises LogUnavailable."""
        if after >= until:
            return Page([], until, False)
        if self._lines_per_page(channel) is None:
            await self._wait_for_first_page(channel)
        page = self._find(channel, after)
        # Where lines are missing, a page that starts at a multiple may end before `after`.
        for start in () if page else (self._page_start(channel, after), after):
            page = await self._read_once(channel, start, until)
            if page.last > after:
                break
        assert page, "one of the two was read"
        return page.remainder_after(after).up_to(until)

    def clear(self) -> None:
        """Drop all pages, also those being read: a reader that waits for one still gets it."""
        self._reading.clear()
        self._cached.clear()
        self._bytes = 0

    async def close(self) -> None:
        """Cancel all reads."""
        await cancel_and_wait(list(self._reading.values()))

    async def _wait_for_first_page(self, channel: str) -> None:
        # The first read is short, because lines may be large. The others wait until it is known how many make a page.
        first_reads = [task for (name, _), task in self._reading.items() if name == channel]
        if first_reads:
            await asyncio.wait(first_reads)

    def _page_start(self, channel: str, after: EventId) -> EventId:
        return EventId(after.fence, after.n - after.n % (self._lines_per_page(channel) or 1))

    def _find(self, channel: str, after: EventId) -> Page | None:
        for key in ((channel, self._page_start(channel, after)), *reversed(self._cached)):
            page = self._cached.get(key)
            if page and key[0] == channel and key[1] <= after < page.last:
                self._cached.move_to_end(key)
                return page
        return None

    async def _read_once(self, channel: str, start: EventId, until: EventId) -> Page:
        key = (channel, start)
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self._read(channel, start, until))
            task.add_done_callback(lambda done: self._finish_read(key, done))
        # Shielded: a reader that is cancelled must not take the page from the others that wait for it.
        return await asyncio.shield(task)

    def _finish_read(self, key: PageKey, task: asyncio.Task[Page]) -> None:
        # Before anything else: it retrieves the exception of a read that nobody waits for any more.
        failed = _has_failed(task)
        if self._reading.get(key) is not task:
            return
        del self._reading[key]
        if failed:
            return
        self._evict(key)
        self._cached[key] = task.result()
        self._bytes += task.result().size
        while self._bytes > CACHED_BYTES:
            self._evict(next(iter(self._cached)))

    def _evict(self, key: PageKey) -> None:
        page = self._cached.pop(key, None)
        self._bytes -= page.size if page else 0


class SingleFlight(Generic[Value]):
    """
    A value of the log that is read once for all who request it.

    `read(until)` reads it; it raises an error if the log is not complete up to fence `until`.
    """

    def __init__(self, read: Callable[[int], Coroutine[Any, Any, Value]]) -> None:
        self._read = read
        self._latest: tuple[int, asyncio.Task[Value]] | None = None

    async def get(self, until: int) -> Value:
        """The value as of when the log was complete up to fence `until`, or later. Raises LogUnavailable."""
        if self._latest is None or self._latest[0] < until or _has_failed(self._latest[1]):
            task = asyncio.create_task(self._read(until))
            task.add_done_callback(_has_failed)
            self._latest = (until, task)
        return await asyncio.shield(self._latest[1])

    def clear(self) -> None:
        """Drop the value, also one being read: a reader that waits for it still gets it."""
        self._latest = None

    async def close(self) -> None:
        """Cancel the read."""
        await cancel_and_wait([self._latest[1]] if self._latest else [])


def _has_failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
