"""
JSON values as objects and as text, as JavaScript reads and shows them. Pure: no I/O.

    parse_object('{"id": 12345678901234567890}') --> {"id": "12345678901234567890"}        text_of(2.0) --> "2"
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

# The members of a JSON object.
Members = Mapping[str, Any]
MAX_SAFE_INTEGER = 2**53 - 1
LONG_NUMBER = re.compile(r"[0-9]{16}")


def parse_object(text: str) -> dict[str, Any] | None:
    """The JSON object of a text, integers past 2^53 as text, or None."""
    if not text.lstrip(" \t\r\n").startswith("{"):
        return None
    value: Any
    try:
        value = _parse_exactly(text) if LONG_NUMBER.search(text) else orjson.loads(text)
    except (ValueError, RecursionError, UnicodeEncodeError):
        value = _parse_leniently(text)
    return value if isinstance(value, dict) else None


def _parse_leniently(text: str) -> Any:
    # orjson refuses lone surrogates and numbers that are too large, which JavaScript takes.
    try:
        return _parse_exactly(text)
    except (ValueError, RecursionError):
        return None


def _parse_exactly(text: str) -> Any:
    return json.loads(text, parse_int=_parse_int, parse_constant=_reject)


# A number above 2^53 would be rounded elsewhere: keep its digits.
def _parse_int(digits: str) -> int | str:
    number = int(digits) if len(digits) < 20 else MAX_SAFE_INTEGER + 1
    return number if abs(number) <= MAX_SAFE_INTEGER else digits


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def text_of(value: object) -> str:
    """A JSON value as text: a text as it is, a number without needless digits, an object or list as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Integers of more than 64 bits, and lone surrogates.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
