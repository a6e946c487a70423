"""
The lines that wait to be published. They are read in a thread of their own, so that the app that writes them waits for
nobody but the reader of our standard output.

    read(): stdin --> stdout --> lines --> Intake.take()          full: wait while they go on, else leave lines out
"""

import asyncio
import os
import select
import threading
from collections import deque

# What waits while Redis is away.
HELD_BYTES = 32_000_000
READ_BYTES = 65_536
# A line that is longer is published in pieces: what has no line ends must not fill the memory.
LINE_BYTES = 1_048_576


class InputBuffer:
    """
    `ended` is true after the last line; `left_out` counts those there was no room for. `flowing` is set by whoever
    publishes: while it is true a full intake makes the app wait, else it leaves lines out.
    """

    def __init__(self) -> None:
        self.ended = False
        self.flowing = True
        self.left_out = 0
        self.arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._room = threading.Condition()

    def __len__(self) -> int:
        return len(self._lines)

    def put(self, lines: list[bytes]) -> None:
        """Add `lines`, from any thread. Empty ones are nothing."""
        lines = [line for text in lines if (line := text.removesuffix(b"\r"))]
        with self._room:
            for line in lines:
                while self._bytes > HELD_BYTES and self.flowing and not self.ended:
                    self._tell()
                    self._room.wait(0.1)
                if self._bytes > HELD_BYTES:
                    self.left_out += 1
                else:
                    self._lines.append(line)
                    self._bytes += len(line)
        self._tell()

    def end(self) -> None:
        """There will be no more, from any thread."""
        with self._room:
            self.ended = True
            self._room.notify_all()
        self._tell()

    def take(self, lines: int, size: int) -> list[bytes]:
        """Up to `lines` lines and about `size` bytes, in order."""
        taken: list[bytes] = []
        with self._room:
            while self._lines and len(taken) < lines and size > 0:
                line = self._lines.popleft()
                self._bytes -= len(line)
                size -= len(line)
                taken.append(line)
            self._room.notify_all()
        return taken

    def _tell(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.arrived.set)


def read(intake: InputBuffer, source: int, tee: int | None) -> None:
    """Read the file descriptor `source` to its end into `intake`, and write all of it to `tee` first, if not None."""
    rest = b""
    try:
        while data := os.read(source, READ_BYTES):
            if tee is not None and not _written(tee, data):
                # Its reader has gone. The app must not: what it writes is still published.
                tee = None
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) >= LINE_BYTES:
                lines, rest = [*lines, rest], b""
            intake.put(lines)
        intake.put([rest])
    except OSError:
        # A terminal that was hung up.
        intake.put([rest])
    finally:
        intake.end()


def _written(descriptor: int, data: bytes) -> bool:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select((), (descriptor,), ())
        except OSError:
            return False
    return True
