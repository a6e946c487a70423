r"""
One line for a filter: what is expensive to know is found out when a term needs it, and once. Pure: no I/O.

    FilteredLine(b'{"user": "u7"}', channel="orders").plain --> b'{"user": "u7"}'        .members --> {"user": "u7"}

As `web/js/query/line.js`.
"""

import re
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any

from sse_hub.filters.level_look import LOUD, object_may_be_loud, text_may_be_loud
from sse_hub.filters.moments import moment_of_wall
from sse_hub.filters.quick_search import quick_signs
from sse_hub.filters.request_look import may_be_request
from sse_hub.formats.object_level import level_of_object
from sse_hub.formats.reader import read_parsed
from sse_hub.formats.record import Record
from sse_hub.formats.times import nearest_day
from sse_hub.formats.values import SURROGATE, parse_object

ESCAPE = re.compile(r'(\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]))')
BACKSLASH, ESC, CSI = 0x5C, 0x1B, 0x9B
# Numbers that are not written with the digits by which JavaScript writes them: 1e3, and those with more than it keeps.
OTHER_DIGITS = rb"[0-9.][eE]|[0-9.]{17}"
# A message may be made of a template with values, or of bytes.
TEMPLATE = rb'@mt|emplate|"args|arguments|MESSAGE'
# One look for both.
SIGNS = quick_signs(OTHER_DIGITS, TEMPLATE)
PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
MAX_KNOWN_ESCAPES = 5_000
UNREAD = object()


class FilteredLine:
    """
    A line of `channel`: its `payload` as it was published, bytes that may be anything.

    `moment_ms` is when it came, in ms since the epoch, `id` its event id, and `record` what it says, where that is
    known already. `values` has the fields that were asked for, see `fields.value_of`.
    """

    __slots__ = (
        *(
            "channel",
            "id",
            "moment_ms",
            "payload",
            "values",
            "_text",
            "_plain",
            "_folded",
            "_small",
            "_members",
            "_record",
            "_level",
        ),
        *("_hides_letters", "_hides_words", "_signs", "_may_be_request", "_may_be_loud"),
    )

    def __init__(
        self,
        payload: bytes,
        channel: str = "",
        id: str = "",
        moment_ms: int | None = None,
        record: Record | None = None,
    ) -> None:
        self.payload = payload
        self.channel = channel
        self.id = id
        self.moment_ms = moment_ms
        self.values: dict[str, Any] = {}
        self._record = record
        self._text: str | None = None
        self._plain: bytes | None = None
        self._folded: bytes | None = None
        self._small: bytes | None = None
        self._members: Any = UNREAD
        self._level: int | None = None
        self._hides_letters: bool | None = None
        self._hides_words: bool | None = None
        self._signs: Sequence[int] | None = None
        self._may_be_request: bool | None = None
        self._may_be_loud: bool | None = None

    @property
    def text(self) -> str:
        """The line as text."""
        if self._text is None:
            self._text = self.payload.decode(errors="replace")
        return self._text

    @property
    def plain(self) -> bytes:
        """The line in UTF-8 without JSON escapes, so that a search finds what a reader sees."""
        if self._plain is None:
            if BACKSLASH in self.payload:
                self._plain = readable(self.text).encode()
            else:
                self._plain = self.payload if self.payload.isascii() else self.text.encode()
        return self._plain

    @property
    def folded(self) -> bytes:
        """`plain` with small letters only, of those in ASCII."""
        if self._folded is None:
            self._folded = self.small if self.plain is self.payload else self.plain.lower()
        return self._folded

    @property
    def small(self) -> bytes:
        """`payload` with small letters only, of those in ASCII."""
        if self._small is None:
            self._small = self.payload.lower()
        return self._small

    @property
    def members(self) -> dict[str, Any] | None:
        """The line as a JSON object, with big integers as text; None for any other line."""
        if self._members is UNREAD:
            self._members = parse_object(self.payload)
        members: dict[str, Any] | None = self._members
        return members

    @property
    def record(self) -> Record:
        """The record of the line."""
        if self._record is None:
            self._record = read_parsed(self.text, self.members, self.moment_ms)
        return self._record

    @property
    def level(self) -> int:
        """The level of the record; NONE if the line says none that is known."""
        if self._level is None:
            quick = self.quick_level
            self._level = self.record.level if quick is None else quick
        return self._level

    @property
    def quick_level(self) -> int | None:
        """The level, if it can be told without reading the record; else None."""
        if self._level is None:
            if self._record is not None:
                self._level = self._record.level
            elif self.members is not None:
                self._level = level_of_object(self.members)
        return self._level

    def hides_characters(self) -> bool:
        """Whether a character may be written as a JSON escape."""
        return BACKSLASH in self.payload

    def hides_letters(self) -> bool:
        """Whether a letter, a digit or another character that JSON leaves as it is may be written as an escape."""
        if self._hides_letters is None:
            # A byte as a number is found five times as fast as a text.
            self._hides_letters = BACKSLASH in self.payload and b"\\u00" in self.payload
        return self._hides_letters

    def hides_words(self) -> bool:
        """Whether letters may be escapes, or have colours of a terminal between them."""
        if self._hides_words is None:
            payload = self.payload
            self._hides_words = ESC in payload or CSI in payload or self.hides_letters()
        return self._hides_words

    def has_other_digits(self) -> bool:
        """Whether a number may have other digits than its value has as text."""
        if self._signs is None:
            self._signs = SIGNS(self.payload) or ()
        return 0 in self._signs

    def may_be_request(self) -> bool:
        """Whether it may be about an HTTP request, which has fields without names."""
        if self._may_be_request is None:
            self._may_be_request = may_be_request(self.payload)
        return self._may_be_request

    def may_be_made(self) -> bool:
        """Whether its message may be made of a template with values, or of bytes."""
        if self._signs is None:
            self._signs = SIGNS(self.payload) or ()
        return 1 in self._signs

    def may_be_loud(self) -> bool:
        """Whether its level may be `warn` or above."""
        if self._may_be_loud is None:
            level = self.quick_level
            if level is not None:
                self._may_be_loud = level >= LOUD
            elif self.hides_words():
                self._may_be_loud = True
            else:
                look = text_may_be_loud if self.members is None else object_may_be_loud
                self._may_be_loud = look(self.payload)
        return self._may_be_loud

    def own_time_ms(self, zone: tzinfo = UTC) -> float | None:
        """The time that the line says, in ms since the epoch, in `zone` if it says none; else when it came."""
        time = self.record.time
        if time is None:
            return self.moment_ms
        moment = float(time.ms) if time.zoned else moment_of_wall(time.ms, zone)
        return moment if time.dated or self.moment_ms is None else nearest_day(int(moment), self.moment_ms)


class _Escapes(dict[str, str]):
    """The characters of JSON escapes; those by their number as they come."""

    def __missing__(self, escape: str) -> str:
        character = chr(int(escape[2:], 16))
        if len(self) < MAX_KNOWN_ESCAPES:
            self[escape] = character
        return character


_ESCAPES = _Escapes({f"\\{name}": name for name in '"\\/'})
_ESCAPES |= {"\\n": "\n", "\\r": "\r", "\\t": "\t", "\\b": "\b", "\\f": "\f"}


def readable(line: str) -> str:
    """A line without JSON escapes; a backslash that begins none stays."""
    # A line of 1 MB may be escapes alone: this takes half of the time that a function called for each of them does.
    parts = ESCAPE.split(line)
    parts[1::2] = map(_ESCAPES.__getitem__, parts[1::2])
    text = "".join(parts)
    if text.isascii():
        return text
    return SURROGATE.sub("\ufffd", PAIR.sub(_joined, text))


def _joined(found: re.Match[str]) -> str:
    high, low = map(ord, found[0])
    return chr(0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00)
