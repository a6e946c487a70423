"""
Numbers with units, as people and loggers write them. Pure: no I/O. As `web/js/format/units.js`.

    parse_quantity("10ms") --> Quantity("duration", 10.0), in ms        "2MB" --> Quantity("size", 2e6), in bytes
    unit_of_name("took_us") --> Quantity("duration", 0.001): what 1 is under that name
"""

import re
from typing import NamedTuple

from sse_hub.formats.table import BLANKS

MS = {
    "ns": 1e-6,
    "us": 1e-3,
    "µs": 1e-3,
    "μs": 1e-3,
    "ms": 1.0,
    "s": 1e3,
    "sec": 1e3,
    "m": 6e4,
    "min": 6e4,
    "h": 3.6e6,
    "d": 8.64e7,
    "w": 6.048e8,
}
BYTES = {
    "b": 1.0,
    "kb": 1e3,
    "mb": 1e6,
    "gb": 1e9,
    "tb": 1e12,
    "k": 1e3,
    "m": 1e6,
    "g": 1e9,
    "t": 1e12,
    "kib": 1024.0,
    "mib": 1024.0**2,
    "gib": 1024.0**3,
    "tib": 1024.0**4,
}
_BLANK = f"[{re.escape(BLANKS)}]*"
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
DURATION = re.compile(rf"(?:[0-9]+(?:\.[0-9]+)?{_BLANK}(?:ns|us|µs|μs|ms|min|sec|s|m|h|d|w){_BLANK})+")
PART = re.compile(rf"([0-9]+(?:\.[0-9]+)?){_BLANK}([a-zµμ]+)")
SIZE = re.compile(rf"([0-9]+(?:\.[0-9]+)?){_BLANK}([kKmMgGtT]?i?[bB]|[kKMGT])")
NAMED = re.compile(r"(?:^|[_.-])([a-z]+)\Z")
HUMP = re.compile("([a-z])([A-Z])")
LONG = {
    "nanos": "ns",
    "micros": "us",
    "millis": "ms",
    "msec": "ms",
    "secs": "s",
    "seconds": "s",
    "minutes": "min",
    "hours": "h",
    "bytes": "b",
}
# How names end that tell the unit of a bare number.
TIMES = frozenset(("ns", "us", "ms", "s", "sec", "min", "h", *(name for name in LONG if name != "bytes")))
SIZES = frozenset(("b", "bytes", "kb", "mb", "gb", "kib", "mib", "gib"))
MAX_DURATION_CHARACTERS = 64


class Quantity(NamedTuple):
    """`kind` is number, duration (`value` in ms) or size (`value` in bytes)."""

    kind: str
    value: float


def is_number(text: str) -> bool:
    """Whether `text` is a decimal number, in a filter or a field."""
    return NUMBER.fullmatch(text) is not None


def parse_duration_ms(text: str) -> float | None:
    """A duration such as `1m30.5s`, in ms; None for any other text."""
    trimmed = text.strip(BLANKS)
    if len(trimmed) > MAX_DURATION_CHARACTERS or not DURATION.fullmatch(trimmed):
        return None
    total = 0.0
    for number, unit in PART.findall(trimmed):
        total += float(number) * MS[unit]
    return total


def parse_size_bytes(text: str) -> float | None:
    """A size such as `2MB`, in bytes; None for any other text."""
    match = SIZE.fullmatch(text.strip(BLANKS))
    return float(match[1]) * BYTES[match[2].lower()] if match else None


def parse_quantity(text: str) -> Quantity | None:
    """A number, a duration or a size; None for any other text."""
    trimmed = text.strip(BLANKS)
    if is_number(trimmed):
        return Quantity("number", float(trimmed))
    duration = parse_duration_ms(trimmed)
    if duration is not None:
        return Quantity("duration", duration)
    size = parse_size_bytes(trimmed)
    return None if size is None else Quantity("size", size)


def unit_of_name(name: str) -> Quantity | None:
    """What the number 1 is under this name: took_us, took.us, tookUs; None if the name does not tell."""
    match = NAMED.search(HUMP.sub(r"\1_\2", name).lower())
    if match is None:
        return None
    word = match[1]
    if word in TIMES:
        return Quantity("duration", MS[LONG.get(word, word)])
    return Quantity("size", BYTES[LONG.get(word, word)]) if word in SIZES else None
