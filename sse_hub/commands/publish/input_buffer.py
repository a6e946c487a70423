"""
The lines waiting to be published. A separate thread reads them, so that the app that writes them waits for nothing but
the reader of standard output.

    read_input(): stdin --> stdout --> lines --> InputBuffer.take()     full: wait while lines flow, else drop lines
"""

import asyncio
import codecs
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

from sse_hub.commands.shipping.encodings import MARK_BYTES, MARKS, TextEncoding, encoding_of_mark

# The limit of lines that wait while Redis is unreachable.
MAX_BYTES = 32_000_000
READ_BYTES = 65_536
# A longer line is published in pieces, so that input without line endings does not fill the memory.
LINE_BYTES = 1_048_576
# What a program has drawn over and over in one line is published after so long.
DRAWN_SECONDS = 1.0


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


def read_input(input: InputBuffer, source: int, tee: int | None, encoding: TextEncoding | None = None) -> None:
    """
    Read the file descriptor `source`, in `encoding` or UTF-8, to its end into `input`, and write all of it to `tee`
    first, if not None.
    """
    lines = LineReader(encoding)
    try:
        while data := os.read(source, READ_BYTES):
            if tee is not None and not _write_all(tee, data):
                # The reader of our output is gone, but the app must not end: its lines are still published.
                tee = None
            input.put(lines.feed(data))
        input.put(lines.end())
    except OSError:
        # A terminal that hung up.
        input.put(lines.end())
    finally:
        input.end()


class LineReader:
    """
    Makes lines of data in `encoding`, or in the one that a byte order mark names. `clock` returns seconds.

    A program that draws a progress bar ends no line for as long as it runs: what it has drawn becomes a line now and
    then.
    """

    def __init__(self, encoding: TextEncoding | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._encoding = encoding
        self._clock = clock
        # Until it is known whether there is a mark.
        self._beginning: bytes | None = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._unfinished = b""
        self._ended_at = clock()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete with `data`."""
        *lines, self._unfinished = (self._unfinished + self._decode(data)).split(b"\n")
        if len(self._unfinished) >= LINE_BYTES:
            lines, self._unfinished = [*lines, self._unfinished], b""
        now = self._clock()
        if lines:
            self._ended_at = now
        drawn, separator, drawing = self._unfinished.rpartition(b"\r")
        if separator and drawn.strip(b"\r") and now >= self._ended_at + DRAWN_SECONDS:
            lines, self._unfinished, self._ended_at = [*lines, drawn], drawing, now
        return lines

    def end(self) -> list[bytes]:
        """The rest, which has no end."""
        data = b""
        if self._beginning is not None:
            data, self._beginning = self._choose(self._beginning), None
        return (self._unfinished + self._decode(data, final=True)).split(b"\n")

    def _decode(self, data: bytes, final: bool = False) -> bytes:
        if self._beginning is not None:
            self._beginning += data
            if len(self._beginning) < MARK_BYTES and any(mark.startswith(self._beginning) for mark, _ in MARKS):
                return b""
            data, self._beginning = self._beginning, None
            data = self._choose(data)
        if self._decoder is None:
            return data
        return self._decoder.decode(data, final).encode(errors="replace")

    def _choose(self, beginning: bytes) -> bytes:
        """Choose the decoder by `beginning`; what is behind its mark."""
        encoding, mark_bytes = encoding_of_mark(beginning) or (self._encoding, 0)
        if encoding is not None:
            self._decoder = codecs.getincrementaldecoder(encoding.name)("replace")
        return beginning[mark_bytes:]


def _write_all(descriptor: int, data: bytes) -> bool:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select((), (descriptor,), ())
        except OSError:
            return False
    return True
