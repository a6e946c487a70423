"""
Values as JSON, whatever they are: an object whose own methods raise must not cost the line it is logged with. Pure.

    record of a line --> within()? --> orjson, with text_of() for what it does not know
                     --> if not, or if that refuses: plain() --> orjson

A few lists that hold one another, or the same one twice and so on, are a text without end: values are counted as often
as they would be shown, before anything makes a text of them.
"""

from contextlib import suppress
from itertools import islice
from typing import Any

import orjson

# What a line may show as it is. Deeper than this orjson gives up, too.
LINE_VALUES, LINE_TEXT, LINE_DEPTH = 100_000, 1_048_576, 250
# What of it is shown where it is more.
PLAIN_VALUES, PLAIN_TEXT, PLAIN_DEPTH = 10_000, 100_000, 8
LEFT_OUT = "…"
SIMPLE = frozenset({str, int, float, bool, type(None)})
OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
SMALLEST, GREATEST = -(2**63), 2**64 - 1


def json_of(record: dict[str, Any]) -> bytes:
    """`record` as the text of one JSON object, on one text line."""
    line = b""
    if within(record):
        # It refuses lone surrogates, integers over 64 bits, circles, keys that are no text.
        with suppress(TypeError, ValueError, RecursionError):
            line = orjson.dumps(record, text_of, OPTIONS)
    line = line or orjson.dumps(_PlainValues().record(record), None, OPTIONS)
    # A copy: orjson's own memory is that of a much longer line. Kept by the thousand, a line of 150 bytes took 3.8 kB.
    return bytes(memoryview(line))


def text_of(value: object) -> str:
    """`str(value)`, or words on why that can't be had."""
    try:
        return _clean(str(value))
    except Exception as error:  # noqa: BLE001  # whatever an app's own __str__ raises
        return f"<{type(value).__name__}: its text can't be had, {type(error).__name__}>"


def _clean(text: str) -> str:
    """Text that UTF-8 can hold: pairs of surrogates joined, others replaced."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def within(record: dict[str, Any]) -> bool:
    """Whether a line may have room for what the values of `record` hold."""
    waiting = [(value, 0) for value in record.values() if type(value) not in SIMPLE]
    values, text = LINE_VALUES, LINE_TEXT
    while waiting:
        value, depth = waiting.pop()
        for each in _inner(value, values + 1):
            values -= 1
            if type(each) is str:
                text -= len(each)
            elif type(each) not in SIMPLE:
                waiting.append((each, depth + 1))
        if values < 0 or text < 0 or depth > LINE_DEPTH:
            return False
    return True


def _inner(value: object, most: int) -> list[Any]:
    """What stands in `value`, `most` of it: a copy, since another thread may be changing it."""
    if isinstance(value, dict):
        return list(islice(value.values(), most))
    if isinstance(value, list | tuple):
        return list(islice(value, most))
    return [each for _, each in _fields(value)]


def _fields(value: object) -> list[tuple[str, Any]]:
    """The fields that orjson shows of a dataclass."""
    names = getattr(type(value), "__dataclass_fields__", ())
    return [(name, getattr(value, name, None)) for name in names if not name.startswith("_")]


class _PlainValues:
    """Makes values plain: PLAIN_VALUES of them, with PLAIN_TEXT characters, beside the simple ones of the record."""

    def __init__(self) -> None:
        self._values = PLAIN_VALUES
        self._text = PLAIN_TEXT

    def record(self, record: dict[str, Any]) -> dict[str, Any]:
        """`record` of nothing but JSON's own types."""
        return {
            text_of(name): _plain_leaf(value) if type(value) in SIMPLE else self._plain(value, 0)
            for name, value in record.items()
        }

    def _plain(self, value: object, depth: int) -> Any:
        self._values -= 1
        if isinstance(value, dict):
            return self._members(list(islice(value.items(), PLAIN_VALUES)), len(value), depth)
        if isinstance(value, list | tuple):
            return self._elements(list(islice(value, PLAIN_VALUES)), len(value), depth)
        if fields := _fields(value):
            return self._members(fields, len(fields), depth)
        leaf = _plain_leaf(value)
        return self._cut(leaf) if type(leaf) is str else leaf

    def _members(self, items: list[tuple[Any, Any]], size: int, depth: int) -> Any:
        if self._full(depth):
            return LEFT_OUT
        members: dict[str, Any] = {}
        for name, each in items:
            if self._values <= 0:
                break
            members[self._cut(text_of(name))] = self._plain(each, depth + 1)
        return members if len(members) == size else {**members, LEFT_OUT: LEFT_OUT}

    def _elements(self, items: list[Any], size: int, depth: int) -> Any:
        if self._full(depth):
            return LEFT_OUT
        elements: list[Any] = []
        for each in items:
            if self._values <= 0:
                break
            elements.append(self._plain(each, depth + 1))
        return elements if len(elements) == size else [*elements, LEFT_OUT]

    def _full(self, depth: int) -> bool:
        return depth >= PLAIN_DEPTH or self._values <= 0

    def _cut(self, text: str) -> str:
        kept = text[: self._text]
        self._text -= len(kept)
        return kept if len(kept) == len(text) else kept + LEFT_OUT


def _plain_leaf(value: object) -> Any:
    if value is None or type(value) in (bool, float):
        return value
    if type(value) is int:
        return value if SMALLEST <= value <= GREATEST else _digits(value)
    return _clean(value) if type(value) is str else text_of(value)


def _digits(value: int) -> str:
    # str() refuses thousands of them.
    return str(value) if value.bit_length() < 10_000 else hex(value)[:PLAIN_TEXT]
