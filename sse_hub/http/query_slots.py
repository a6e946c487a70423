"""
Slots for queries of the log: pages of history, searches and exports.

    sender --> slot(): waits until a query of its own, and one of all, may run --> query --> the next one

Each query takes its share of this process and of Redis. So few run at a time, and the others wait for them: those of
one sender for one another, not for those of others.
"""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sse_hub.errors import LimitExceeded

RUNNING = 6
RUNNING_PER_SENDER = 2
# How many more of one sender may wait, and how long.
WAITING_PER_SENDER = 32
WAIT_SECONDS = 20.0
# An export runs for as long as its client reads, so it takes no slot from others, and none waits.
EXPORTS_PER_SENDER = 4


class QuerySlots:
    """
    The slots of one process.

    A sender is named by a text. One that is `one` is a person or a program, and has limits of its own; others may be
    many, behind a proxy.
    """

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(RUNNING)
        self._running: dict[str, asyncio.Semaphore] = {}
        self._queries: Counter[str] = Counter()
        self._exports: Counter[str] = Counter()

    @asynccontextmanager
    async def slot(self, sender: str, one: bool) -> AsyncIterator[None]:
        """Hold a slot for a page or a search within the block. Raises LimitExceeded."""
        running, waiting = (RUNNING_PER_SENDER, WAITING_PER_SENDER) if one else (RUNNING, math.inf)
        if self._queries[sender] >= running + waiting:
            raise LimitExceeded("queries", f"{self._queries[sender]} queries of yours run or wait, the maximum.")
        self._queries[sender] += 1
        own = self._running.setdefault(sender, asyncio.Semaphore(running))
        try:
            await self._acquire(own)
            try:
                yield
            finally:
                self._all.release()
                own.release()
        finally:
            self._queries[sender] -= 1
            if not self._queries[sender]:
                del self._queries[sender], self._running[sender]

    @asynccontextmanager
    async def export_slot(self, sender: str, one: bool) -> AsyncIterator[None]:
        """Hold a slot for an export within the block. Raises LimitExceeded."""
        if one and self._exports[sender] >= EXPORTS_PER_SENDER:
            raise LimitExceeded("queries", f"{EXPORTS_PER_SENDER} exports of yours run, the maximum.")
        self._exports[sender] += 1
        try:
            yield
        finally:
            self._exports[sender] -= 1
            if not self._exports[sender]:
                del self._exports[sender]

    async def _acquire(self, own: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await own.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError:
            raise LimitExceeded("queries", "This hub is busy with other queries of the log.") from None
