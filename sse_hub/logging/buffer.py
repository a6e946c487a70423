"""
The lines between the app's threads and the one that sends them: bounded; lines that don't fit are counted.

    app: append() --> lines --> take() --> sender --> settle(): gone, or back to the front

A full buffer refuses the newest line: so the report of missing lines stands where they are missing.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple

# Memory of a line in addition to its bytes.
LINE_OVERHEAD_BYTES = 64
REPORT_SECONDS = 1.0


class Counts(NamedTuple):
    """
    The number of lines of this process so far: `sent` to Redis (reports included), `dropped` because they did not fit,
    `unsure`: sent without a reply, so they may or may not have been published, and `waiting` to be sent.
    """

    sent: int
    dropped: int
    unsure: int
    waiting: int


class LossCounts(NamedTuple):
    """The figures of a report: lines dropped and unsure since the last report, and since the process started."""

    dropped: int
    unsure: int
    dropped_total: int
    unsure_total: int


class LossReport(bytes):
    """A report as a line; `reported_before` are the totals reported before it."""

    reported_before: tuple[int, int]


class LineBuffer:
    """Up to `limit_bytes` of lines. `report` makes the line that reports missing lines."""

    def __init__(self, limit_bytes: int, report: Callable[[LossCounts], bytes]) -> None:
        # Reentrant: a signal handler or __del__ may log while its thread is in append().
        self.lock = threading.RLock()
        self._limit_bytes = limit_bytes
        self._make_report = report
        self._lines: deque[bytes] = deque()
        self._taken: Sequence[bytes] = ()
        self._bytes = 0
        self._sent = self._dropped = self._unsure = 0
        self._reported = (0, 0)
        self._reported_at = 0.0
        self._emptied = threading.Condition(self.lock)
        # A queue whose put() never blocks, for the same reason.
        self._wakeups: SimpleQueue[None] = SimpleQueue()
        self._waiting = False

    def append(self, line: bytes) -> None:
        """Add `line`, or count it as dropped."""
        size = len(line) + LINE_OVERHEAD_BYTES
        with self.lock:
            if self._bytes + size > self._limit_bytes:
                self._dropped += 1
                return
            self._bytes += size
            self._lines.append(line)
            if self._waiting:
                self._waiting = False
                self._wakeups.put(None)

    def count_dropped(self) -> None:
        """Count a line that could not be formatted."""
        with self.lock:
            self._dropped += 1

    def wait(self) -> None:
        """Return once there is a line, or after wake()."""
        with self.lock:
            if self._lines:
                return
            self._waiting = True
        self._wakeups.get()

    def wake(self) -> None:
        """Make wait() return."""
        self._wakeups.put(None)

    def take(self, max_lines: int, max_bytes: int) -> list[bytes]:
        """The next lines, at least one if there are any. They count as waiting until settle()."""
        taken: list[bytes] = []
        size = 0
        with suppress(Empty):
            while True:
                self._wakeups.get_nowait()
        with self.lock:
            while self._lines and len(taken) < max_lines and (not taken or size + len(self._lines[0]) <= max_bytes):
                line = self._lines.popleft()
                size += len(line)
                taken.append(line)
            self._taken = taken
        return taken

    def settle(self, retry: Sequence[bytes], unsure: Sequence[bytes] = ()) -> None:
        """Of the lines taken, `retry` go back to the front; `unsure` may or may not have been published."""
        with self.lock:
            self._bytes -= _size(self._taken) - _size(retry)
            self._sent += len(self._taken) - len(retry) - len(unsure)
            self._lines.extendleft(reversed(retry))
            progress = len(retry) < len(self._taken)
            self._taken = ()
            for line in unsure:
                if isinstance(line, LossReport):
                    # The report may not have been published, so its figures are reported again.
                    self._reported = min(self._reported, line.reported_before)
                else:
                    self._unsure += 1
            if progress:
                self._append_report()
            if not self._lines:
                self._emptied.notify_all()

    def wait_empty(self, deadline: float) -> bool:
        """Wait until all lines have been sent; False if not by `deadline`, a time of time.monotonic()."""
        with self._emptied:
            while self._lines or self._taken:
                seconds_left = deadline - time.monotonic()
                if seconds_left <= 0:
                    return False
                self._emptied.wait(seconds_left)
            return True

    @property
    def counts(self) -> Counts:
        with self.lock:
            return Counts(self._sent, self._dropped, self._unsure, len(self._lines) + len(self._taken))

    def _append_report(self) -> None:
        """Append a report if lines are missing; under load once a second."""
        if (self._dropped, self._unsure) == self._reported:
            return
        now = time.monotonic()
        if self._lines and now < self._reported_at + REPORT_SECONDS:
            return
        dropped, unsure = self._dropped - self._reported[0], self._unsure - self._reported[1]
        report = LossReport(self._make_report(LossCounts(dropped, unsure, self._dropped, self._unsure)))
        report.reported_before, self._reported = self._reported, (self._dropped, self._unsure)
        self._reported_at = now
        self._bytes += len(report) + LINE_OVERHEAD_BYTES
        self._lines.append(report)


def _size(lines: Sequence[bytes]) -> int:
    return sum(map(len, lines)) + LINE_OVERHEAD_BYTES * len(lines)
