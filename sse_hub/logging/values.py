"""
Any values as JSON: an object whose own methods raise must not cost the line it is logged with. Pure.

    record of a line --> fits()? --> orjson, with text_of() for what it does not know
                     --> if not, or if orjson refuses: _Shortener: JSON's own types, bounded --> orjson

A few lists that contain one another, or the same list twice and so on, have an endless text. So values are counted as
often as they would be shown, before anything makes a text of them.
"""

from contextlib import suppress
from itertools import islice
from typing import Any

import orjson

# What a line shows unchanged. orjson also gives up at more levels.
LINE_VALUES, LINE_CHARACTERS, LINE_LEVELS = 100_000, 1_048_576, 250
# What a line shows of values that exceed this.
SHORT_VALUES, SHORT_CHARACTERS, SHORT_LEVELS = 10_000, 100_000, 8
OMITTED = "…"
SIMPLE = frozenset({str, int, float, bool, type(None)})
OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**64 - 1


def json_of(record: dict[str, Any]) -> bytes:
    """`record` as a JSON object on one text line, in UTF-8."""
    line = b""
    if fits(record):
        # orjson refuses lone surrogates, integers over 64 bits, circular references and some types of keys.
        with suppress(TypeError, ValueError, RecursionError):
            line = orjson.dumps(record, text_of, OPTIONS)
    line = line or orjson.dumps(_Shortener().record(record), None, OPTIONS)
    # A copy: orjson allocates for a much longer line. Kept by the thousand, a line of 150 bytes took 3.8 kB.
    return bytes(memoryview(line))


def text_of(value: object) -> str:
    """`str(value)`, or the type of the error that it raises."""
    try:
        return _encodable(str(value))
    except Exception as error:  # noqa: BLE001  # anything that an app's own __str__ raises
        return f"<{type(value).__name__}: str() raised {type(error).__name__}>"


def fits(record: dict[str, Any]) -> bool:
    """Whether the values within those of `record` fit into a line. Takes no time for simple values."""
    pending = [(value, 0) for value in record.values() if type(value) not in SIMPLE]
    values, characters = LINE_VALUES, LINE_CHARACTERS
    while pending:
        value, level = pending.pop()
        limit = values + 1
        members = list(islice(value.values(), limit)) if isinstance(value, dict) else _members(value, limit)[1]
        for member in members:
            values -= 1
            if type(member) is str:
                characters -= len(member)
            elif type(member) not in SIMPLE:
                pending.append((member, level + 1))
        if values < 0 or characters < 0 or level > LINE_LEVELS:
            return False
    return True


def _members(value: object, limit: int) -> tuple[list[Any] | None, list[Any]]:
    """
    The names and values of up to `limit` members of `value`; no names for a list, no values for what has no members.

    Copies, since another thread may be changing it.
    """
    if isinstance(value, dict):
        items = list(islice(value.items(), limit))
        return [name for name, _ in items], [member for _, member in items]
    if isinstance(value, list | tuple):
        return None, list(islice(value, limit))
    # As orjson shows dataclasses.
    fields = [name for name in getattr(type(value), "__dataclass_fields__", ()) if not name.startswith("_")]
    return fields, [getattr(value, name, None) for name in fields]


class _Shortener:
    """Makes bounded copies of JSON's own types: the simple values of a record, and SHORT_VALUES of all others."""

    def __init__(self) -> None:
        self._values_left = SHORT_VALUES
        self._characters_left = SHORT_CHARACTERS

    def record(self, record: dict[str, Any]) -> dict[str, Any]:
        return {
            text_of(name): _plain(value) if type(value) in SIMPLE else self._value(value, 0)
            for name, value in record.items()
        }

    def _value(self, value: object, level: int) -> Any:
        self._values_left -= 1
        names, members = _members(value, SHORT_VALUES)
        if not members and not isinstance(value, dict | list | tuple):
            plain = _plain(value)
            return self._text(plain) if type(plain) is str else plain
        if level >= SHORT_LEVELS or self._values_left <= 0:
            return OMITTED
        size = len(value) if isinstance(value, dict | list | tuple) else len(members)
        short: dict[Any, Any] = {}
        for name, member in zip(names or range(size), members, strict=False):
            if self._values_left <= 0:
                break
            short[self._text(text_of(name)) if names else name] = self._value(member, level + 1)
        if len(short) < size:
            short[OMITTED] = OMITTED
        return list(short.values()) if names is None else short

    def _text(self, text: str) -> str:
        kept = text[: self._characters_left]
        self._characters_left -= len(kept)
        return kept if len(kept) == len(text) else kept + OMITTED


def _plain(value: object) -> Any:
    if value is None or type(value) in (bool, float):
        return value
    if type(value) is int:
        if MIN_INTEGER <= value <= MAX_INTEGER:
            return value
        # str() refuses thousands of digits.
        return str(value) if value.bit_length() < 10_000 else hex(value)[:SHORT_CHARACTERS]
    return _encodable(value) if type(value) is str else text_of(value)


def _encodable(text: str) -> str:
    """Text that UTF-8 can encode: surrogate pairs are joined, lone ones replaced."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
