"""
Lines between the app's threads and the one that sends them: bounded, and what finds no room is counted.

    app: append() --> lines --> take() --> sender --> settle(): gone, or back to the front

What is full refuses the newest line: so the report of how many are missing stands where they are missing.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple

# What a line takes beside its own bytes.
LINE_OVERHEAD_BYTES = 64
REPORT_SECONDS = 1.0


class Counts(NamedTuple):
    """
    Lines of this process so far: taken by Redis (reports too), refused for want of room, sent without an answer (they
    may have been published or not), and waiting to be sent.
    """

    sent: int
    dropped: int
    unsure: int
    waiting: int


class Loss(NamedTuple):
    """What a report tells: lines dropped and unsure since the last one, and since this process began."""

    dropped: int
    unsure: int
    dropped_total: int
    unsure_total: int


class LossReport(bytes):
    """A line that tells of a loss, and what had been told before it."""

    before: tuple[int, int]


class Buffer:
    """Up to `limit_bytes` of lines. `report` makes the line that tells of a loss."""

    def __init__(self, limit_bytes: int, report: Callable[[Loss], bytes]) -> None:
        # One that may be taken again: a signal handler or __del__ may log while its thread is in append().
        self.lock = threading.RLock()
        self._limit_bytes = limit_bytes
        self._make_report = report
        self._lines: deque[bytes] = deque()
        self._taken: Sequence[bytes] = ()
        self._bytes = 0
        self._sent = self._dropped = self._unsure = 0
        self._told = (0, 0)
        self._report_at = 0.0
        self._settled = threading.Condition(self.lock)
        # A queue whose put() never blocks, for the same reason.
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._listening = False

    def append(self, line: bytes) -> None:
        """Keep `line`, or count it as dropped."""
        size = len(line) + LINE_OVERHEAD_BYTES
        with self.lock:
            if self._bytes + size > self._limit_bytes:
                self._dropped += 1
                return
            self._bytes += size
            self._lines.append(line)
            if self._listening:
                self._listening = False
                self._bell.put(None)

    def drop(self) -> None:
        """Count a line that could not be made."""
        with self.lock:
            self._dropped += 1

    def wait(self) -> None:
        """Return when there is a line, or ring() was called."""
        with self.lock:
            if self._lines:
                return
            self._listening = True
        self._bell.get()

    def ring(self) -> None:
        """Let wait() return."""
        self._bell.put(None)

    def take(self, most_lines: int, most_bytes: int) -> list[bytes]:
        """The next lines, one at least if there are any. They count as kept until settle()."""
        taken: list[bytes] = []
        size = 0
        with suppress(Empty):
            while True:
                self._bell.get_nowait()
        with self.lock:
            while self._lines and len(taken) < most_lines and (not taken or size + len(self._lines[0]) <= most_bytes):
                line = self._lines.popleft()
                size += len(line)
                taken.append(line)
            self._taken = taken
        return taken

    def settle(self, again: Sequence[bytes], unsure: Sequence[bytes] = ()) -> None:
        """Of the lines taken, `again` go back to the front, `unsure` may have been published or not."""
        with self.lock:
            self._bytes -= _size(self._taken) - _size(again)
            self._sent += len(self._taken) - len(again) - len(unsure)
            self._lines.extendleft(reversed(again))
            progress = len(again) < len(self._taken)
            self._taken = ()
            for line in unsure:
                if isinstance(line, LossReport):
                    # Nobody knows whether it was read, so what it told is told again.
                    self._told = min(self._told, line.before)
                else:
                    self._unsure += 1
            if progress:
                self._report()
            if not self._lines:
                self._settled.notify_all()

    def wait_empty(self, deadline: float) -> bool:
        """True when all has been sent; False when it has not by `deadline`, in the time of time.monotonic()."""
        with self._settled:
            while self._lines or self._taken:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._settled.wait(left)
            return True

    @property
    def counts(self) -> Counts:
        with self.lock:
            return Counts(self._sent, self._dropped, self._unsure, len(self._lines) + len(self._taken))

    # The rest.

    def _report(self) -> None:
        """Append a report where lines are missing; under load once a second."""
        if (self._dropped, self._unsure) == self._told:
            return
        now = time.monotonic()
        if self._lines and now < self._report_at + REPORT_SECONDS:
            return
        dropped, unsure = self._dropped - self._told[0], self._unsure - self._told[1]
        report = LossReport(self._make_report(Loss(dropped, unsure, self._dropped, self._unsure)))
        report.before, self._told = self._told, (self._dropped, self._unsure)
        self._report_at = now
        self._bytes += len(report) + LINE_OVERHEAD_BYTES
        self._lines.append(report)


def _size(lines: Sequence[bytes]) -> int:
    return sum(map(len, lines)) + LINE_OVERHEAD_BYTES * len(lines)
