"""
A decoder of `text/event-stream` that follows the standard to the letter, as browsers do. Pure: no I/O.

    bytes in pieces of any size --> SseDecoder.feed() --> events, and the id to resume with

The standard: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import codecs
import json
import re
from typing import Any, NamedTuple

# More digits than any real time has; Python refuses to parse an integer of thousands of digits.
RETRY_DIGITS = 18
LINE_END = re.compile(r"\r\n|\n|\r")


class Event(NamedTuple):
    """An event as a script in a page receives it; `id` is its `lastEventId`."""

    type: str
    data: str
    id: str

    @property
    def json(self) -> Any:
        """The data, parsed. Raises ValueError where it is not JSON."""
        return json.loads(self.data)


class SseDecoder:
    """
    The decoder of one response.

    `last_event_id` is the id that a client would send to resume, `retry_ms` the reconnection time, None until one came.
    A stream that resumes from `last_event_id` begins with it, as in browsers. By the letter of the standard it would
    begin with "", and the first frame without an id would lose the client's position.
    """

    def __init__(self, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        # "UTF-8 decode": invalid bytes become U+FFFD, and one byte order mark at the very beginning is dropped.
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = False
        self._after_cr = False
        self._line = ""
        self._data: list[str] = []
        self._type = ""
        self._id = last_event_id

    def comment(self, text: str) -> None:
        """Called with the text of each comment; does nothing unless overridden."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        text = self._utf8.decode(data)
        if text and not self._begun:
            self._begun = True
            text = text.removeprefix("\ufeff")
        if text and self._after_cr:
            # This LF belongs to the CR that ended the last piece.
            text = text.removeprefix("\n")
            self._after_cr = False
        if not text:
            return []
        self._after_cr = text.endswith("\r")
        *lines, self._line = LINE_END.split(self._line + text)
        return [event for line in lines for event in self._process(line)]

    def _process(self, line: str) -> list[Event]:
        if not line:
            return self._dispatch()
        name, colon, value = line.partition(":")
        if name:
            self._process_field(name, value.removeprefix(" "))
        elif colon:
            self.comment(value)
        return []

    def _process_field(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "event":
            self._type = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) <= RETRY_DIGITS:
            self.retry_ms = int(value)

    def _dispatch(self) -> list[Event]:
        # The id is set even when there is nothing to dispatch. The standard's data buffer is these lines, a LF after
        # each, so it is empty only when there are none.
        self.last_event_id = self._id
        data, self._data = self._data, []
        type, self._type = self._type, ""
        return [Event(type or "message", "\n".join(data), self._id)] if data else []
