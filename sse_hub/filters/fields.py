"""
The value of a field of a line. Pure: no I/O. As `web/js/query/fields.js`.

    value_of(line, "req.user.id") --> nested, or the flat key "req.user.id"; MISSING if there is none

Searched in this order: the JSON as it was published, the fields that the reader found (a status in a line of nginx),
the parts of every record (logger, message, file …), and `name=value` inside the message.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sse_hub.filters.line import FilteredLine
from sse_hub.filters.parse import BLANK
from sse_hub.formats.names import MISSING
from sse_hub.formats.record import Record
from sse_hub.formats.rows import parse_row
from sse_hub.formats.table import TABLE
from sse_hub.formats.text import FILL, TIME_ROLE

PARTS: dict[str, Callable[[Record], str | None]] = {
    "level": lambda record: record.level_word,
    "logger": lambda record: record.logger,
    "message": lambda record: record.message,
    "msg": lambda record: record.message,
    "file": lambda record: record.file,
    "line": lambda record: record.line,
    "function": lambda record: record.function,
    "host": lambda record: record.host,
    "pid": lambda record: record.pid,
    "thread": lambda record: record.thread,
    "trace": lambda record: record.trace,
    "trace_id": lambda record: record.trace,
    "span": lambda record: record.span,
    "span_id": lambda record: record.span,
    "error": lambda record: record.error.stack if record.error else None,
    "error.type": lambda record: record.error.type if record.error else None,
    "error.message": lambda record: record.error.message if record.error else None,
    "format": lambda record: record.format,
    "event": lambda record: record.event,
}
INDEX = re.compile("0|[1-9][0-9]{0,9}")
PLAIN = re.compile(r"[A-Za-z0-9_.: -]+")
NUMBERS = re.compile("[0-9]*")
# The names of fields that come from patterns, and do not occur in the text itself.
DERIVED = frozenset(
    role
    for row in (*TABLE["lines"], *TABLE["heads"])
    for role in parse_row(row).roles
    if role not in FILL and not (role in TABLE["pieces"] and TIME_ROLE.match(role))
) | {"method", "path", "version", "request", "status"}
# These belong to requests, and the text shows a request. A client stands in other lines, too.
OF_REQUEST = frozenset(
    ["ident", "user", "method", "path", "version", "status", "phrase", "bytes", "referer", "agent", "rest"]
)


def is_plain_json(text: str) -> bool:
    """Whether JSON writes `text` without escapes."""
    return PLAIN.fullmatch(text) is not None


def value_of(line: FilteredLine, name: str) -> Any:
    """The value of a field of a line; MISSING if it has none. Several filters may ask for the same one."""
    values = line.values
    if name not in values:
        values[name] = _value_of(line, name)
    return values[name]


def _value_of(line: FilteredLine, name: str) -> Any:
    members = line.members
    own = MISSING if members is None else field_in(members, name)
    if own is not MISSING and own is not None:
        return own
    record = line.record
    found = field_in(record.fields, name)
    if found is MISSING or found is None:
        part = PARTS.get(name)
        found = part(record) if part else None
    if found is not None:
        return found
    if own is None:
        return None
    return _pair_in(record.message or "", name)


def field_in(value: Any, name: str) -> Any:
    """
    The value under a flat key, or under a path of names joined by dots, any part of which may itself be a flat key with
    dots; MISSING if there is none. Items of a list have numbers, from 0.
    """
    found = _member(value, name)
    if found is not MISSING:
        return found
    dot = name.find(".")
    while dot > 0:
        inner = _member(value, name[:dot])
        if inner is not MISSING:
            found = field_in(inner, name[dot + 1 :])
            if found is not MISSING:
                return found
        dot = name.find(".", dot + 1)
    return MISSING


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name, MISSING)
    if isinstance(value, list) and INDEX.fullmatch(name) and int(name) < len(value):
        return value[int(name)]
    return MISSING


def last_name(name: str) -> str:
    """The last part of a path that is no number of an item: where a line has the field, its text has this."""
    return next((part for part in reversed(name.split(".")) if not NUMBERS.fullmatch(part)), "")


# `took=3` and `user="ana b"` somewhere in a message.
def _pair_in(message: str, name: str) -> Any:
    if f"{name}=" not in message:
        return MISSING
    match = _pair(name).search(message)
    if match is None:
        return MISSING
    return match[2] if match[1] is None else match[1]


@lru_cache(maxsize=200)
def _pair(name: str) -> re.Pattern[str]:
    return re.compile(rf'(?<![\w.-]){re.escape(name)}=(?:"([^"]*)"|((?:(?!{BLANK})[^,;)\]])*))', re.ASCII)
