"""
Decodes the engine's log of a container into messages. Pure; no I/O.

    without a terminal: 8 bytes (stream, length), "2026-11-21T15:16:17.259321181Z one\\n" --> LogMessage
    with one:                                     "2026-11-21T15:16:17.259321181Z one\\r\\n"

A message is a line or a part of one; `ends_line` is true for the last part. The precision of times depends on the
engine.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

from sse_hub.commands.shipping.records import LINE_BYTES
from sse_hub.errors import EngineUnavailable

STDOUT, STDERR = 1, 2
STREAM_NAMES = {STDOUT: "stdout", STDERR: "stderr"}
HEADER_BYTES = 8
# A message has a few kilobytes; a header with more than this is not a header.
MAX_MESSAGE_BYTES = 32 * 1_048_576
NANOSECONDS = 1_000_000_000

STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ", re.ASCII)
# An engine's timestamp has at least this many digits after the second, and hardly any other has.
MIN_ENGINE_DIGITS = 7
# Bytes that come before a timestamp an app prints within a line.
BEFORE_APP_STAMP = b" \t\"'([{<=:,;|"


class LogMessage(NamedTuple):
    """`time` is in ns since the epoch; `text` is without the line ending."""

    stream: int
    time: int
    text: bytes
    ends_line: bool


class LogDecoder(Protocol):
    """Decodes what an engine sends, in any pieces."""

    def feed(self, data: bytes) -> list[LogMessage]:
        """The messages that are complete now. Raises EngineUnavailable if this is not a log."""

    def end(self) -> list[LogMessage]:
        """The remaining messages, when nothing will follow."""


class MultiplexedDecoder:
    """A container without a terminal: each message names its stream."""

    def __init__(self) -> None:
        self._buffer = b""
        self._time = 0

    def feed(self, data: bytes) -> list[LogMessage]:
        buffer, at = self._buffer + data, 0
        messages = []
        while len(buffer) - at >= HEADER_BYTES:
            stream, size = buffer[at], int.from_bytes(buffer[at + 4 : at + 8], "big")
            # 0 means standard input, which some engines send if they don't know the stream.
            if stream > STDERR or any(buffer[at + 1 : at + 4]) or size > MAX_MESSAGE_BYTES:
                raise EngineUnavailable("its answer is not the log of a container")
            end = at + HEADER_BYTES + size
            if len(buffer) < end:
                break
            messages.append(self._message(stream or STDOUT, buffer[at + HEADER_BYTES : end]))
            at = end
        self._buffer = buffer[at:]
        return messages

    def end(self) -> list[LogMessage]:
        # Half a message is dropped: it will be sent again.
        return []

    def _message(self, stream: int, body: bytes) -> LogMessage:
        start = 0
        if found := STAMP.match(body):
            self._time, start = stamp_time(found), found.end()
        ends = body.endswith(b"\n")
        return LogMessage(stream, self._time, body[start : len(body) - ends], ends)


class TerminalDecoder:
    """
    A container with a terminal: its lines as they are, each with a timestamp before it and before each of its parts.

    Lines longer than `line_bytes` are split.
    """

    def __init__(self, line_bytes: int = LINE_BYTES) -> None:
        self._line_bytes = line_bytes
        self._buffer = b""
        self._time = 0
        self._mid_line = False

    def feed(self, data: bytes) -> list[LogMessage]:
        *lines, rest = (self._buffer + data).split(b"\n")
        messages = [message for line in lines for message in self._messages(line, True)]
        # Split at the same offsets whatever the pieces are: messages are counted.
        whole = max(0, len(rest) - 1) // self._line_bytes * self._line_bytes
        self._buffer = rest[whole:]
        return messages + self._messages(rest[:whole], False) if whole else messages

    def end(self) -> list[LogMessage]:
        rest, self._buffer = self._buffer, b""
        return self._messages(rest, False) if rest else []

    def _messages(self, line: bytes, ends_line: bool) -> list[LogMessage]:
        size = self._line_bytes
        cuts = range(0, max(1, len(line)), size)
        return [self._message(line[at : at + size], ends_line and at == cuts[-1]) for at in cuts]

    def _message(self, text: bytes, ends_line: bool) -> LogMessage:
        # Only a timestamp at the start of a line is certainly the engine's: an app can print one too.
        if not self._mid_line and (found := STAMP.match(text)):
            self._time = stamp_time(found)
            text = text[found.end() :]
        self._mid_line = not ends_line
        return LogMessage(STDOUT, self._time, strip_part_stamps(text, self._time), ends_line)


def strip_part_stamps(line: bytes, time: int) -> bytes:
    """
    `line`, which began at `time`, without the timestamps that an engine puts before each of its parts.

    They can't always be distinguished from timestamps an app prints: so one in a place and a precision that are usual
    usual for apps is kept.
    """
    kept, at = [], 0
    for found in STAMP.finditer(line, 1):
        fine = len(found[2] or b"") >= MIN_ENGINE_DIGITS
        apps = line[found.start() - 1] in BEFORE_APP_STAMP
        if stamp_time(found) >= time and (fine or not apps):
            kept.append(line[at : found.start()])
            at = found.end()
    return b"".join([*kept, line[at:]]) if kept else line


def stamp_time(stamp: "re.Match[bytes]") -> int:
    """The time of a match of STAMP, in ns since the epoch; 0 if there is no such date."""
    second = _second(stamp[1], stamp[3])
    return second * NANOSECONDS + int((stamp[2] or b"0").ljust(9, b"0")) if second else 0


@lru_cache(maxsize=1024)
def _second(text: bytes, zone: bytes) -> int:
    try:
        return int(datetime.fromisoformat((text + zone).decode()).timestamp())
    except (ValueError, OverflowError):
        return 0
