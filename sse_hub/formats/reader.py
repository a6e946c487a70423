"""
Reads a line as a record, as the page's reader in `web/js/normalise` does. Pure: no I/O, and it never fails.

    '{"info": "2026-11-21 03:50:18 | WARNING | shop.db:query:41 - slow"}' --> read_line() --> Record(level=WARN, …)
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sse_hub.formats.object_shape import HUB_KEYS, shape_of
from sse_hub.formats.objects import read_object
from sse_hub.formats.record import Record
from sse_hub.formats.table import BLANKS
from sse_hub.formats.text import head_of, read_text
from sse_hub.formats.traces import failure_at, trace_start
from sse_hub.formats.values import Members, parse_object

HUB_MEMBERS = frozenset(key for key in HUB_KEYS if key.startswith("@"))
MAX_DEPTH = 3
# Longer names are cut; the line itself has all of it.
MAX_NAME_CHARACTERS = 1_000
LAST_LINE_END = re.compile(r"\r?\n\Z")


def read_line(line: str, arrived_ms: int | None = None) -> Record:
    """
    The record of `line`, which may be any text. A line that cannot be read is a record whose message is the line.

    `arrived_ms`, since the epoch, gives the year or the date to a time without one.
    """
    return read_parsed(line, parse_object(line), arrived_ms)


def read_parsed(line: str, members: Members | None, arrived_ms: int | None = None) -> Record:
    """The record of `line`, of which `parse_object` has made `members`."""
    record = Record()
    try:
        _LineReading(arrived_ms).parsed(record, line, members)
        if record.message is not None:
            _finish_message(record, record.message)
    except RecursionError:
        record = Record(message=line, text=line)
    if record.level_word is not None:
        record.level_word = record.level_word[:MAX_NAME_CHARACTERS]
    if record.logger is not None:
        record.logger = record.logger[:MAX_NAME_CHARACTERS]
    if record.event is not None:
        record.event = record.event[:MAX_NAME_CHARACTERS]
    return record


def _finish_message(record: Record, message: str) -> None:
    start = trace_start(message) if record.error is None else None
    if start is not None:
        record.error = failure_at(message, start)
        record.message = message[:start].rstrip(BLANKS) or head_of(message[start:], record.error)


class _LineReading:
    """One line being read; a line inside a line is read down to a depth."""

    def __init__(self, arrived_ms: int | None) -> None:
        self.arrived_ms = arrived_ms
        self._depth = 0

    def line(self, record: Record, text: str) -> bool:
        """Read a line into `record`. True if it has a form of its own."""
        return self.parsed(record, text, parse_object(text) if self._depth <= MAX_DEPTH else None)

    def parsed(self, record: Record, text: str, members: Members | None) -> bool:
        """Read a line of which these are the members, None if it is no object."""
        if members is None:
            record.text = text
            return read_text(record, text, self)
        self.object(record, members)
        return True

    def known(self, record: Record, text: str) -> bool:
        """See InnerReader."""
        return self._deeper(record, lambda inner: self.line(inner, text))

    def inside(self, record: Record, members: Mapping[str, Any]) -> None:
        """See InnerReader."""

        def read(inner: Record) -> bool:
            self.object(inner, members)
            return True

        self._deeper(record, read)

    def object(self, record: Record, members: Mapping[str, Any]) -> None:
        """See InnerReader."""
        if isinstance(members.get("@event"), str):
            record.event = members["@event"]
        slot = _slot_of(members)
        if slot is None:
            if not HUB_MEMBERS.isdisjoint(members):
                members = {key: value for key, value in members.items() if key not in HUB_MEMBERS}
            read_object(record, members, self)
            return
        inner = members[slot]
        if isinstance(inner, dict):
            self.inside(record, inner)
            return
        self._depth += 1
        self.line(record, LAST_LINE_END.sub("", inner))
        self._depth -= 1

    def _deeper(self, record: Record, read: Callable[[Record], bool]) -> bool:
        if self._depth > MAX_DEPTH:
            return False
        self._depth += 1
        inner = Record()
        found = read(inner)
        self._depth -= 1
        if found:
            record.adopt(inner)
        return found


# An envelope is an object with one meaningful key, the slot.
def _slot_of(members: Mapping[str, Any]) -> str | None:
    slot = shape_of(members).slot
    if slot is None:
        return None
    held = members[slot]
    return slot if isinstance(held, str) or (slot == "info" and isinstance(held, dict)) else None
