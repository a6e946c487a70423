"""
A lock for long work on behalf of single clients, which must not delay the streams of all others.

    slice of one request --> FairLock --> one slice in each iteration of the event loop <-- slice of another request
                                             live delivery runs between any two slices
"""

import asyncio
from types import TracebackType

# About a millisecond of work on recorded lines.
SLICE_LINES = 500


class FairLock:
    """Hold it for one slice of work that awaits nothing: `async with fair_lock:`. First come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Released in the next iteration of the loop: a task already scheduled in this one would take it at once.
        asyncio.get_running_loop().call_soon(self._lock.release)
