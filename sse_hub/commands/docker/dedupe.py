"""
The new lines of one stream of a container, whose log is read again and again. Pure; no I/O.

    LogMessage --> messages already published are left out --> lines --> (joined) --> (position, lines)
"""

from typing import NamedTuple

from sse_hub.commands.docker.log_frames import LogMessage
from sse_hub.commands.docker.positions import MESSAGES_PER_TIME, position, position_time
from sse_hub.commands.shipping.records import LINE_BYTES, RECORD_BYTES, split
from sse_hub.formats.joining import NewJoiner

Lines = tuple[int, list[bytes]]


class Deduplicator:
    """
    One stream of a container. Positions: `read_to` is after the last message added, `sent_to` after the last line sent
    on. With `new_joiner`, lines that belong together are one.
    """

    def __init__(self, offset: int, new_joiner: NewJoiner | None = None) -> None:
        self.read_to = self.sent_to = offset
        self._records = _Records(new_joiner) if new_joiner else None
        self._partial_from: int | None = None
        self._at = 0
        self._text = b""

    @property
    def partial_from(self) -> int | None:
        """The position before an unfinished line or record between `sent_to` and `read_to`, None if there is none."""
        if self._records is not None and (start := self._records.start) is not None:
            return start
        return self._partial_from

    @property
    def record_waits(self) -> bool:
        """Whether there is a record that the next line may continue."""
        return self._records is not None and self._records.start is not None

    def rewind(self) -> None:
        """The log is read again, from a position before `read_to`."""
        self._at = 0

    def add(self, message: LogMessage) -> Lines | None:
        """The position after `message` and the lines it completes; None if it is old or completes none."""
        time = max(message.time, position_time(self._at))
        count = self._at % MESSAGES_PER_TIME if time == position_time(self._at) else 0
        self._at = position(time, count + 1)
        if self._at <= self.read_to:
            return None
        self.read_to = self._at
        before = b""
        if len(self._text) + len(message.text) > LINE_BYTES:
            before, self._text = self._text, b""
        if not self._text:
            self._partial_from = position(time, count)
        self._text += message.text
        if not message.ends_line:
            # A line without an end is published in pieces. The next piece begins with this message.
            return self._join(position(time, count), before) if before else None
        text, self._text = self._text, b""
        found = self._join(self._at, text, before)
        self._partial_from = None
        return found

    def end_record(self) -> Lines | None:
        """The record that waits for its next line, with its position: no more lines belong to it."""
        return self._records.end() if self._records is not None else None

    def flush(self) -> Lines | None:
        """The rest of a line and of a record that will get no end, with their position; None if there is none."""
        text, self._text = self._text, b""
        found = self._join(self.read_to, text) if text else None
        self._partial_from = None
        last = self.end_record()
        if found is None or last is None:
            return last or found
        return last[0], found[1] + last[1]

    def _join(self, after: int, text: bytes, before: bytes = b"") -> Lines | None:
        lines = _lines(before) + _lines(text)
        if self._records is None:
            return after, lines
        start = self._partial_from if self._partial_from is not None else after
        return self._records.add(start, after, lines or [b""])


class _Line(NamedTuple):
    before: int
    after: int
    text: bytes


class _Records:
    """Joins the lines of one stream. `start` is the position before the first line that has not been returned."""

    def __init__(self, new_joiner: NewJoiner) -> None:
        self._joiner = new_joiner()
        # The record so far, and the lines of which it is not known whether they continue it.
        self._record: list[_Line] = []
        self._undecided: list[_Line] = []
        self._bytes = 0

    @property
    def start(self) -> int | None:
        waiting = self._record or self._undecided
        return waiting[0].before if waiting else None

    def add(self, before: int, after: int, lines: list[bytes]) -> Lines | None:
        """The records that are complete now, with the position after them; None if there are none."""
        found: list[tuple[int, bytes]] = []
        for line in lines:
            self._undecided.append(_Line(before, after, line))
            self._bytes += len(line)
            self._decide(self._joiner.add(line), found)
        if self._bytes > RECORD_BYTES:
            self._end(found)
        return _together(found)

    def end(self) -> Lines | None:
        """All that waits."""
        found: list[tuple[int, bytes]] = []
        self._end(found)
        return _together(found)

    def _decide(self, verdicts: list[bool], found: list[tuple[int, bytes]]) -> None:
        for begins in verdicts:
            if begins:
                self._take(found)
            self._record.append(self._undecided.pop(0))

    def _end(self, found: list[tuple[int, bytes]]) -> None:
        self._decide(self._joiner.end(), found)
        self._take(found)

    def _take(self, found: list[tuple[int, bytes]]) -> None:
        if self._record:
            found.append((self._record[-1].after, b"\n".join(line.text for line in self._record).rstrip()))
            self._record = []
            self._bytes = sum(len(line.text) for line in self._undecided)


def _together(found: list[tuple[int, bytes]]) -> Lines | None:
    return (found[-1][0], [text for _, text in found if text]) if found else None


def _lines(text: bytes) -> list[bytes]:
    return split(text, at_end=True).records if text else []
