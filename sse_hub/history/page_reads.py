"""
Reads of pages: those that are requested at the same time share a script.

    read(channel, …) --> until the end of this turn of the loop --> lua/pages.lua, for several channels --> RawPage each

A round trip takes longer than to read a small page, and a search, or a resume of a pattern, reads thousands of them.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import LogUnavailable, error_text
from sse_hub.history.stream_entries import LogSnapshot, RawPage, entries_of, entry_id, parse_channel_state
from sse_hub.hub.new_names import group_of
from sse_hub.tasks import cancel_and_wait

# About what one script reads at most: Redis serves nobody else while it runs, and its reply is parsed in one go.
SCRIPT_BYTES = 64 * 1024
SCRIPT_PAGES = 64

Requested = list[tuple["ReadRequest", "asyncio.Future[RawPage]"]]


class ReadRequest(NamedTuple):
    """A page of `channel`: see lua/pages.lua."""

    channel: str
    command: str
    start: str
    end: str
    max_entries: int
    max_bytes: int


class PageReads:
    """Reads pages with `commands`."""

    def __init__(self, commands: redis.asyncio.Redis, log_keys: LogKeys) -> None:
        self._keys = log_keys
        self._script: Any = commands.register_script(script("pages"))
        self._requested: Requested = []
        self._running: set[asyncio.Task[None]] = set()

    async def read(self, request: ReadRequest) -> RawPage:
        """The page. Raises LogUnavailable."""
        loop = asyncio.get_running_loop()
        page: asyncio.Future[RawPage] = loop.create_future()
        if not self._requested:
            loop.call_soon(self._start)
        self._requested.append((request, page))
        return await page

    async def read_all(self, requests: Sequence[ReadRequest]) -> list[RawPage]:
        """All the pages. Raises LogUnavailable."""
        pages: list[RawPage] = []
        while len(pages) < len(requests):
            # A script may have read only some of them: together they were too large.
            pages += await self._run_script(requests[len(pages) : len(pages) + SCRIPT_PAGES])
        return pages

    async def close(self) -> None:
        """Cancel all reads."""
        await cancel_and_wait(list(self._running))

    def _start(self) -> None:
        requested, self._requested = self._requested, []
        for at in range(0, len(requested), SCRIPT_PAGES):
            task = asyncio.get_running_loop().create_task(self._read(requested[at : at + SCRIPT_PAGES]), name="pages")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _read(self, requested: Requested) -> None:
        try:
            while requested:
                # Those who gave up meanwhile need no page.
                requested = [each for each in requested if not each[1].done()]
                pages = await self._run_script([request for request, _ in requested]) if requested else []
                for (_, page), raw in zip(requested, pages, strict=False):
                    if not page.done():
                        page.set_result(raw)
                # What was too much for one script.
                requested = requested[len(pages) :]
        except LogUnavailable as error:
            for _, page in requested:
                if not page.done():
                    page.set_exception(LogUnavailable(str(error)))
        finally:
            # Nobody must wait for a task that has failed, or was cancelled.
            for _, page in requested:
                page.cancel()

    async def _run_script(self, requests: Sequence[ReadRequest]) -> list[RawPage]:
        partition = self._keys.partition
        names = [
            partition.channels,
            self._keys.watermark,
            self._keys.gaps,
            partition.forgotten,
            *(partition.log(each.channel) for each in requests),
        ]
        args = [SCRIPT_BYTES, *(arg for channel, *rest in requests for arg in (*rest, channel, group_of(channel)))]
        try:
            watermark, first_gap, last_gap, *pages = await self._script(keys=names, args=args)
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"The log can't be read: {error_text(error)}.") from None
        snapshot = LogSnapshot.parse(watermark, first_gap, last_gap)
        return [_parse_page(page, snapshot) for page in pages]


def _parse_page(page: Any, snapshot: LogSnapshot) -> RawPage:
    entries, more, length, deleted, state, forgotten = page
    return RawPage(
        entries_of(entries),
        bool(more),
        length if length >= 0 else None,
        entry_id(deleted) if deleted else None,
        *parse_channel_state(state or b"0-0 0"),
        int(forgotten or 0),
        snapshot,
    )
