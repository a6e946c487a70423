"""
Whether a hub records in the database of a shipper: then the watermark moves, about once a second. Pure.

    the watermark, now and then --> note() --> True once: nobody records here
"""

import time
from collections.abc import Callable

LOOK_SECONDS = 1.0
# A watermark may be left from a hub that is gone.
MAX_LOOKS = 3


class RecordingCheck:
    """`clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due_at: float | None = clock() + LOOK_SECONDS
        self._first: bytes | None = None
        self._looks = 0

    @property
    def seconds_left(self) -> float | None:
        """How long until it is `due`; None once the answer is known."""
        return None if self._due_at is None else max(0.0, self._due_at - self._clock())

    @property
    def due(self) -> bool:
        """Whether to look at the watermark now."""
        return self._due_at is not None and self._clock() >= self._due_at

    def note(self, watermark: bytes | None) -> bool:
        """`watermark` is its value now, empty or None if there is none. True, once, if nobody records."""
        if self._due_at is None:
            return False
        if watermark and self._first and watermark != self._first:
            self._due_at = None
            return False
        self._first = self._first or watermark or None
        if not self.due:
            return False
        self._looks += 1
        if self._first and self._looks < MAX_LOOKS:
            self._due_at = self._clock() + LOOK_SECONDS
            return False
        self._due_at = None
        return True
