"""
A lock for long work on behalf of single clients, which must not delay the streams of all others.

    slice of one request --> FairLock --> one slice in each iteration of the event loop <-- slice of another request
                                             live delivery runs between any two slices
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")

# About a millisecond of work on recorded lines.
SLICE_LINES = 500
# How long a slice lasts that is bounded by the clock.
SLICE_SECONDS = 0.001


class FairLock:
    """
    Hold it for one slice of work that awaits nothing: `async with fair_lock:`. First come, first served.

    Those who wait for `fair_lock.first` come before all others: a client that resumes its stream waits for nobody's
    search.
    """

    def __init__(self) -> None:
        self.first: AbstractAsyncContextManager[None] = _Turn(self, 0)
        self._other: AbstractAsyncContextManager[None] = _Turn(self, 1)
        self._held = False
        self._waiting: tuple[deque[asyncio.Future[None]], deque[asyncio.Future[None]]] = (deque(), deque())

    async def __aenter__(self) -> None:
        await self._other.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._other.__aexit__(kind, error, trace)

    async def acquire(self, rank: int) -> None:
        """Wait for the lock among those of `rank`: 0 comes before 1. For `_Turn` alone."""
        if not self._held:
            self._held = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[rank].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Pass the lock on in the next iteration of the loop: a task already scheduled in this one would take it."""
        asyncio.get_running_loop().call_soon(self._pass_on)

    def _pass_on(self) -> None:
        for waiting in self._waiting:
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._held = False


class _Turn:
    def __init__(self, lock: FairLock, rank: int) -> None:
        self._lock = lock
        self._rank = rank

    async def __aenter__(self) -> None:
        await self._lock.acquire(self._rank)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def slice_end() -> float:
    """When a slice that begins now is over, by `time.perf_counter()`."""
    return perf_counter() + SLICE_SECONDS


async def take_in_slices(items: Sequence[Item], take: Callable[[Item], bool], fair_lock: FairLock) -> bool:
    """Call `take` with each of `items`, a slice at a time, until it returns False. Whether all were taken."""
    at = 0
    while at < len(items):
        async with fair_lock:
            until = slice_end()
            while at < len(items) and perf_counter() < until:
                if not take(items[at]):
                    return False
                at += 1
    return True
