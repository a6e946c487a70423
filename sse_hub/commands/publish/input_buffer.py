"""
The lines waiting to be published. A separate thread reads them, so that the app that writes them waits for nothing but
the reader of standard output.

    read_input(): stdin --> stdout --> lines --> InputBuffer.take()     full: wait while lines flow, else drop lines
"""

import asyncio
import os
import select
import threading
from collections import deque

# The limit of lines that wait while Redis is unreachable.
MAX_BYTES = 32_000_000
READ_BYTES = 65_536
# A longer line is published in pieces, so that input without line endings does not fill the memory.
LINE_BYTES = 1_048_576


class InputBuffer:
    """
    Lines in memory. `ended` is true after the last one; `dropped` counts those that did not fit. The publisher sets
    `flowing`: while it is true, a full buffer makes the app wait; else lines are dropped.
    """

    def __init__(self) -> None:
        self.ended = False
        self.flowing = True
        self.dropped = 0
        self.arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._room = threading.Condition()

    def __len__(self) -> int:
        return len(self._lines)

    def put(self, lines: list[bytes]) -> None:
        """Add `lines`, from any thread. Empty lines are left out."""
        lines = [line for text in lines if (line := text.removesuffix(b"\r"))]
        with self._room:
            for line in lines:
                while self._bytes > MAX_BYTES and self.flowing and not self.ended:
                    self._notify()
                    self._room.wait(0.1)
                if self._bytes > MAX_BYTES:
                    self.dropped += 1
                else:
                    self._lines.append(line)
                    self._bytes += len(line)
        self._notify()

    def end(self) -> None:
        """No more lines will follow. Callable from any thread."""
        with self._room:
            self.ended = True
            self._room.notify_all()
        self._notify()

    def take(self, lines: int, size: int) -> list[bytes]:
        """Remove and return up to `lines` lines of about `size` bytes in all, in order."""
        taken: list[bytes] = []
        with self._room:
            while self._lines and len(taken) < lines and size > 0:
                line = self._lines.popleft()
                self._bytes -= len(line)
                size -= len(line)
                taken.append(line)
            self._room.notify_all()
        return taken

    def _notify(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.arrived.set)


def read_input(input: InputBuffer, source: int, tee: int | None) -> None:
    """Read the file descriptor `source` to its end into `input`, and write all of it to `tee` first, if not None."""
    unfinished = b""
    try:
        while data := os.read(source, READ_BYTES):
            if tee is not None and not _write_all(tee, data):
                # The reader of our output is gone, but the app must not end: its lines are still published.
                tee = None
            *lines, unfinished = (unfinished + data).split(b"\n")
            if len(unfinished) >= LINE_BYTES:
                lines, unfinished = [*lines, unfinished], b""
            input.put(lines)
        input.put([unfinished])
    except OSError:
        # A terminal that hung up.
        input.put([unfinished])
    finally:
        input.end()


def _write_all(descriptor: int, data: bytes) -> bool:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select((), (descriptor,), ())
        except OSError:
            return False
    return True
