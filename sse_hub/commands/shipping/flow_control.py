"""
How many lines may be on their way: no more than a hub can hold until they are recorded. Pure; no I/O.

    put() --> published, after some a fence --> the watermark has passed it: recorded --> room for more

A hub has the last 50,000 lines of a channel in memory, and Redis cuts it off where it is 32 MB behind.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from sse_hub.commands.ship.reader import SourceBatch

LINES = 20_000
BYTES = 8_000_000
# A fence after so many lines: a few of them for each window.
FENCE_LINES = 4_000
FENCE_BYTES = 1_500_000
# What a line costs beside its own bytes.
LINE_COST_BYTES = 64
# Where nothing is recorded, this is how long lines count as on their way.
UNRECORDED_SECONDS = 1.0


class _Amount(NamedTuple):
    lines: int = 0
    bytes: int = 0

    def plus(self, batch: SourceBatch) -> "_Amount":
        lines = len(batch.lines)
        return _Amount(self.lines + lines, self.bytes + batch.size + LINE_COST_BYTES * lines)


class FlowControl:
    """The lines on their way. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = _Amount()
        self._sent = _Amount()
        self._published = _Amount()
        self._fenced: deque[tuple[int, float, _Amount]] = deque()

    @property
    def room(self) -> bool:
        """Whether another batch may be put."""
        return self._all.lines < LINES and self._all.bytes < BYTES

    def put(self, batch: SourceBatch) -> None:
        """It is on its way."""
        self._all = self._all.plus(batch)

    def fence_due(self, batch: SourceBatch) -> bool:
        """Whether there is to be a fence after `batch`, which is being sent."""
        self._sent = self._sent.plus(batch)
        if self._sent.lines < FENCE_LINES and self._sent.bytes < FENCE_BYTES:
            return False
        self._sent = _Amount()
        return True

    def published(self, batch: SourceBatch, fence: int | None) -> None:
        """It has been published, with `fence` after it."""
        self._published = self._published.plus(batch)
        if fence is not None:
            self._fenced.append((fence, self._clock(), self._published))
            self._published = _Amount()

    def recorded(self, watermark: int | None) -> None:
        """All before the fence `watermark` is in the log; None where there is no log."""
        while self._fenced:
            fence, at, size = self._fenced[0]
            if watermark < fence if watermark is not None else self._clock() < at + UNRECORDED_SECONDS:
                return
            self._fenced.popleft()
            self._all = _Amount(self._all.lines - size.lines, self._all.bytes - size.bytes)
