"""
The new lines of one stream of a container, whose log is read again and again. Pure; no I/O.

    LogMessage --> messages already published are left out --> (position, lines)
"""

from sse_hub.commands.docker.log_frames import LogMessage
from sse_hub.commands.docker.positions import MESSAGES_PER_TIME, position, position_time
from sse_hub.commands.shipping.records import LINE_BYTES, split


class Deduplicator:
    """
    One stream of a container. Positions: `read_to` is after the last message added, `sent_to` after the last line sent
    on. `partial_from` is before an unfinished line between them, None if there is none.
    """

    def __init__(self, offset: int) -> None:
        self.read_to = self.sent_to = offset
        self.partial_from: int | None = None
        self._at = 0
        self._text = b""

    def rewind(self) -> None:
        """The log is read again, from a position before `read_to`."""
        self._at = 0

    def add(self, message: LogMessage) -> tuple[int, list[bytes]] | None:
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
            self.partial_from = position(time, count)
        self._text += message.text
        if not message.ends_line:
            # A line without an end is published in pieces. The next piece begins with this message.
            return (position(time, count), _lines(before)) if before else None
        text, self._text, self.partial_from = self._text, b"", None
        return self._at, _lines(before) + _lines(text)

    def flush(self) -> tuple[int, list[bytes]] | None:
        """The rest of a line that will get no end, with its position; None if there is none."""
        text, self._text, self.partial_from = self._text, b"", None
        return (self.read_to, _lines(text)) if text else None


def _lines(text: bytes) -> list[bytes]:
    return split(text, at_end=True).records if text else []
