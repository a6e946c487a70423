"""
The engine's log of a container as messages. Pure; no I/O.

    without a terminal: 8 bytes (stream, length), "2026-11-21T15:16:17.259321181Z one\\n" --> Message
    with one:                                     "2026-11-21T15:16:17.259321181Z one\\r\\n"

A message is a line, or a part of one: `ends` says whether it is the last. How fine its time is depends on the engine.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

from sse_hub.commands.shipping.records import LINE_BYTES
from sse_hub.errors import EngineUnavailable

STDOUT, STDERR = 1, 2
NAMES = {STDOUT: "stdout", STDERR: "stderr"}
HEAD_BYTES = 8
# A message is a few kilobytes; what claims to be more than this is no message.
MESSAGE_BYTES = 32 * 1_048_576
NANOSECONDS = 1_000_000_000

STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ", re.ASCII)
# Digits of a second that an engine's stamp has, and hardly any other.
FINE_DIGITS = 7
# Where an app's own stamp stands within its line.
AFTER_WHICH_TEXT_GOES_ON = b" \t\"'([{<=:,;|"


class LogMessage(NamedTuple):
    """`time` is in ns since the epoch; `text` is without the end of the line."""

    stream: int
    time: int
    text: bytes
    ends: bool


class LogDecoder(Protocol):
    """What an engine sends, in pieces as they come, as messages."""

    def feed(self, data: bytes) -> list[LogMessage]:
        """The messages that are complete now. Raises EngineUnavailable where that is no log."""

    def end(self) -> list[LogMessage]:
        """What is left, when nothing will follow."""


class MultiplexedDecoder:
    """A container without a terminal: each message says which stream it is of."""

    def __init__(self) -> None:
        self._buffer = b""
        self._time = 0

    def feed(self, data: bytes) -> list[LogMessage]:
        buffer, at = self._buffer + data, 0
        messages = []
        while len(buffer) - at >= HEAD_BYTES:
            stream, size = buffer[at], int.from_bytes(buffer[at + 4 : at + 8], "big")
            # 0 is the standard input's, which some engines give where they don't know.
            if stream > STDERR or any(buffer[at + 1 : at + 4]) or size > MESSAGE_BYTES:
                raise EngineUnavailable("it sent something that is no log of a container")
            end = at + HEAD_BYTES + size
            if len(buffer) < end:
                break
            messages.append(self._message(stream or STDOUT, buffer[at + HEAD_BYTES : end]))
            at = end
        self._buffer = buffer[at:]
        return messages

    def end(self) -> list[LogMessage]:
        # Half a message is none: it will be sent again.
        return []

    def _message(self, stream: int, body: bytes) -> LogMessage:
        start = 0
        if found := STAMP.match(body):
            self._time, start = time_of(found), found.end()
        ends = body.endswith(b"\n")
        return LogMessage(stream, self._time, body[start : len(body) - ends], ends)


class TerminalDecoder:
    """
    A container with a terminal: its lines as they are, each with a stamp before it, and before each part of it.

    What is longer than `line_bytes` is cut.
    """

    def __init__(self, line_bytes: int = LINE_BYTES) -> None:
        self._line_bytes = line_bytes
        self._buffer = b""
        self._time = 0
        self._within = False

    def feed(self, data: bytes) -> list[LogMessage]:
        *lines, rest = (self._buffer + data).split(b"\n")
        messages = [message for line in lines for message in self._messages(line, True)]
        # Cut at the same places however the pieces come: messages are counted.
        whole = max(0, len(rest) - 1) // self._line_bytes * self._line_bytes
        self._buffer = rest[whole:]
        return messages + self._messages(rest[:whole], False) if whole else messages

    def end(self) -> list[LogMessage]:
        rest, self._buffer = self._buffer, b""
        return self._messages(rest, False) if rest else []

    def _messages(self, line: bytes, ends: bool) -> list[LogMessage]:
        size = self._line_bytes
        cuts = range(0, max(1, len(line)), size)
        return [self._message(line[at : at + size], ends and at == cuts[-1]) for at in cuts]

    def _message(self, text: bytes, ends: bool) -> LogMessage:
        # Only what begins a line is the engine's for certain: an app can print what looks like a stamp.
        if not self._within and (found := STAMP.match(text)):
            self._time = time_of(found)
            text = text[found.end() :]
        self._within = not ends
        return LogMessage(STDOUT, self._time, joined(text, self._time), ends)


def joined(line: bytes, time: int) -> bytes:
    """
    `line`, which began at `time`, without the stamps that an engine puts before each of its parts.

    Nothing tells them from those that an app prints: so one that stands where an app's would, in an app's precision,
    is left where it is.
    """
    kept, at = [], 0
    for found in STAMP.finditer(line, 1):
        fine = len(found[2] or b"") >= FINE_DIGITS
        apps = line[found.start() - 1] in AFTER_WHICH_TEXT_GOES_ON
        if time_of(found) >= time and (fine or not apps):
            kept.append(line[at : found.start()])
            at = found.end()
    return b"".join([*kept, line[at:]]) if kept else line


def time_of(stamp: "re.Match[bytes]") -> int:
    """The time of a match of STAMP, in ns since the epoch; 0 where there is no such day."""
    second = _second(stamp[1], stamp[3])
    return second * NANOSECONDS + int((stamp[2] or b"0").ljust(9, b"0")) if second else 0


@lru_cache(maxsize=1024)
def _second(text: bytes, zone: bytes) -> int:
    try:
        return int(datetime.fromisoformat((text + zone).decode()).timestamp())
    except (ValueError, OverflowError):
        return 0
