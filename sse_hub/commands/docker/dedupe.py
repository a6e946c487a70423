"""
One stream of a container, as its log is read again and again: what is new in it, as lines. Pure; no I/O.

    Message --> what has been published is left out --> (position, lines)
"""

from sse_hub.commands.docker.log_frames import LogMessage
from sse_hub.commands.docker.positions import MOST_AT_ONCE, position, time_of_position
from sse_hub.commands.shipping.records import LINE_BYTES, split


class Deduplicator:
    """
    One stream of a container, as it is read. Positions: `taken` is after the last message that was taken in, `handed`
    after the last line that was handed on; `unfinished` is before the half of a line between them, None without one.
    """

    def __init__(self, offset: int) -> None:
        self.taken = self.handed = offset
        self.unfinished: int | None = None
        self._at = 0
        self._text = b""

    def again(self) -> None:
        """The log is read anew, from a place before `taken`."""
        self._at = 0

    def take(self, message: LogMessage) -> tuple[int, list[bytes]] | None:
        """The position after `message`, with the lines that it completes. None where it is old, or completes none."""
        time = max(message.time, time_of_position(self._at))
        count = self._at % MOST_AT_ONCE if time == time_of_position(self._at) else 0
        self._at = position(time, count + 1)
        if self._at <= self.taken:
            return None
        self.taken = self._at
        before = b""
        if len(self._text) + len(message.text) > LINE_BYTES:
            before, self._text = self._text, b""
        if not self._text:
            self.unfinished = position(time, count)
        self._text += message.text
        if not message.ends:
            # A line that never ends is published in pieces. What this message begins is not in it.
            return (position(time, count), _lines(before)) if before else None
        text, self._text, self.unfinished = self._text, b"", None
        return self._at, _lines(before) + _lines(text)

    def end(self) -> tuple[int, list[bytes]] | None:
        """What is left of a line that has no end."""
        text, self._text, self.unfinished = self._text, b"", None
        return (self.taken, _lines(text)) if text else None


def _lines(text: bytes) -> list[bytes]:
    return split(text, multiline=False, over=True).records if text else []
