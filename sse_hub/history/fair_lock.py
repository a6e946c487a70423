"""
Work for one client that must not hold up the streams of all others: cut into slices, which take turns.

    reader of the log, slice --> turns --> one slice an iteration of the event loop <-- slice, another reader
                                              between any two of them: what is live
"""

import asyncio
from types import TracebackType

# About a millisecond of work on lines of the log.
SLICE_LINES = 500


class FairLock:
    """`async with turns:` is around a slice, in which nothing is waited for. First come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not at once: who is to go on in this iteration already, would find it free.
        asyncio.get_running_loop().call_soon(self._lock.release)
