"""
How many lines may be in flight: no more than a hub can hold until they are recorded. Pure; no I/O.

    add() --> published, some with a fence after them --> the watermark has passed it: recorded --> room for more

A hub has the last 50,000 lines of a channel in memory, and Redis disconnects a hub that is 32 MB behind.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from sse_hub.commands.shipping.batch import SourceBatch

MAX_LINES = 20_000
MAX_BYTES = 8_000_000
# A fence after so many lines or bytes: several per window.
FENCE_LINES = 4_000
FENCE_BYTES = 1_500_000
# What a line costs in memory in addition to its bytes.
LINE_COST_BYTES = 64
# If nothing is recorded, lines count as in flight for this long.
UNRECORDED_SECONDS = 1.0


class _Amount(NamedTuple):
    lines: int = 0
    bytes: int = 0

    def plus(self, batch: SourceBatch) -> "_Amount":
        lines = len(batch.lines)
        return _Amount(self.lines + lines, self.bytes + batch.size + LINE_COST_BYTES * lines)


class FlowControl:
    """Counts the lines in flight. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._in_flight = _Amount()
        self._since_fence_sent = _Amount()
        self._since_fence_published = _Amount()
        self._fenced: deque[tuple[int, float, _Amount]] = deque()

    @property
    def has_room(self) -> bool:
        """Whether another batch may be added."""
        return self._in_flight.lines < MAX_LINES and self._in_flight.bytes < MAX_BYTES

    def add(self, batch: SourceBatch) -> None:
        """`batch` is in flight from now on."""
        self._in_flight = self._in_flight.plus(batch)

    def fence_due(self, batch: SourceBatch) -> bool:
        """Whether a fence must follow `batch`, which is being sent."""
        self._since_fence_sent = self._since_fence_sent.plus(batch)
        if self._since_fence_sent.lines < FENCE_LINES and self._since_fence_sent.bytes < FENCE_BYTES:
            return False
        self._since_fence_sent = _Amount()
        return True

    def mark_published(self, batch: SourceBatch, fence: int | None) -> None:
        """`batch` has been published, with `fence` after it, if not None."""
        self._since_fence_published = self._since_fence_published.plus(batch)
        if fence is not None:
            self._fenced.append((fence, self._clock(), self._since_fence_published))
            self._since_fence_published = _Amount()

    def mark_recorded(self, watermark: int | None) -> None:
        """The log is complete up to the fence `watermark`; None if there is no log."""
        while self._fenced:
            fence, published_at, size = self._fenced[0]
            if watermark < fence if watermark is not None else self._clock() < published_at + UNRECORDED_SECONDS:
                return
            self._fenced.popleft()
            self._in_flight = _Amount(self._in_flight.lines - size.lines, self._in_flight.bytes - size.bytes)
