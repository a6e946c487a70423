"""
JSON values as objects and as text, as JavaScript reads and shows them. Pure: no I/O.

    parse_object('{"id": 12345678901234567890}') --> {"id": "12345678901234567890"}        text_of(2.0) --> "2"
"""

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

# The members of a JSON object.
Members = Mapping[str, Any]
MAX_SAFE_INTEGER = 2**53 - 1
# What translate() makes of the numbers in a line: without 16 digits in a row it has no integer past 2^53, and without
# an exponent or 309 digits none beyond what a float holds. This takes a tenth of the time of a regular expression.
SIGNS_OF_NUMBERS = bytes(0x30 if byte in b"0123456789" else 0x65 if byte in b"eE" else 0x20 for byte in range(256))
LONG_NUMBER = b"0" * 16
HUGE_NUMBER = b"0" * 309
# orjson makes floats of integers that need more than 64 bits, which are at least this.
ROUNDED = 2.0**63
# In JSON that orjson wrote: perhaps a number or a key that JavaScript writes in another way, or in another place.
OTHER_IN_JAVASCRIPT = re.compile(rb'[0-9][.eE]|"[0-9]+":|null')
INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
MAX_INDEX = 2**32 - 2
SURROGATE = re.compile("[\ud800-\udfff]")


def parse_object(line: str | bytes) -> dict[str, Any] | None:
    """The JSON object of a line, integers past 2^53 as text, or None."""
    if not _begins_object(line):
        return None
    value: dict[str, Any]
    try:
        value = orjson.loads(line)
    except ValueError:
        return _parse_leniently(line) if _may_be_refused(line) else None
    encoded = line.encode() if isinstance(line, str) else line
    if LONG_NUMBER in encoded.translate(SIGNS_OF_NUMBERS) and not _keep_digits(value):
        return _parse_leniently(line)
    return value


# orjson refuses lone surrogates, bytes that are no text, and numbers that are too large. JavaScript takes them.
def _may_be_refused(line: str | bytes) -> bool:
    try:
        text, encoded = (line, line.encode()) if isinstance(line, str) else (line.decode(), line)
    except UnicodeError:
        return True
    signs = encoded.translate(SIGNS_OF_NUMBERS)
    return "\\u" in text or b"0e" in signs or HUGE_NUMBER in signs


def _begins_object(line: str | bytes) -> bool:
    if isinstance(line, str):
        return line.lstrip(" \t\r\n").startswith("{")
    return line.lstrip(b" \t\r\n").startswith(b"{")


def _keep_digits(value: dict[str, Any]) -> bool:
    """Make texts of integers past 2^53 in what orjson has read; False if it may have rounded one."""
    nested: list[Any] = [value]
    while nested:
        held = nested.pop()
        for key, item in held.items() if type(held) is dict else enumerate(held):
            kind = type(item)
            if kind is str:
                continue
            if kind is int:
                if not -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                    held[key] = str(item)
            elif kind is float:
                if not -ROUNDED < item < ROUNDED:
                    return False
            elif (kind is dict or kind is list) and item:
                nested.append(item)
    return True


def _parse_leniently(line: str | bytes) -> dict[str, Any] | None:
    text = line if isinstance(line, str) else line.decode(errors="replace")
    try:
        value: dict[str, Any] = json.loads(text, parse_int=_parse_int, parse_constant=_reject)
    except (ValueError, RecursionError):
        return None
    return value


# A number above 2^53 would be rounded elsewhere: keep its digits.
def _parse_int(digits: str) -> int | str:
    number = int(digits) if len(digits) < 20 else MAX_SAFE_INTEGER + 1
    return number if abs(number) <= MAX_SAFE_INTEGER else digits


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def text_of(value: object) -> str:
    """A JSON value as JavaScript writes it: a text as it is, an object or list as JSON, "…" if nested too deep."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return number_text(value)
    try:
        return _json(value)
    except RecursionError:
        return "…"


def number_text(number: float) -> str:
    """A number with the digits that JavaScript writes: 1e3 --> "1000", 1e-05 --> "0.00001", 1e21 --> "1e+21"."""
    if number != number or number in (math.inf, -math.inf):
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    text = repr(number)
    if "e" not in text:
        return ("0" if number == 0 else text.removesuffix(".0")) if text.endswith(".0") else text
    sign, digits, exponent = Decimal(text).normalize().as_tuple()
    assert isinstance(exponent, int)
    written = "".join(map(str, digits))
    # The number of digits before the point.
    point = len(written) + exponent
    if point > 21 or point <= -6:
        power = point - 1
        text = f"{written[0]}{'.' if len(written) > 1 else ''}{written[1:]}e{'+' if power > 0 else '-'}{abs(power)}"
    elif point <= 0:
        text = f"0.{'0' * -point}{written}"
    elif exponent >= 0:
        text = written + "0" * exponent
    else:
        text = f"{written[:point]}.{written[point:]}"
    return f"-{text}" if sign else text


def _json(value: object) -> str:
    try:
        written = orjson.dumps(value)
    except TypeError:
        # Integers of more than 64 bits, and lone surrogates.
        return _json_of(value)
    return _json_of(value) if OTHER_IN_JAVASCRIPT.search(written) else written.decode()


def _json_of(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{','.join(f'{_quoted(key)}:{_json_of(value[key])}' for key in _in_order(value))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_json_of, value))}]"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float):
        return number_text(value) if math.isfinite(value) else "null"
    return json.dumps(value)


def indented(value: object) -> str:
    """A JSON value on lines of its own, "…" if nested too deep."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:
        # Lone surrogates, or deeper than orjson writes.
        pass
    try:
        return _with_escapes(json.dumps(value, indent=2, ensure_ascii=False))
    except RecursionError:
        return "…"


def _quoted(text: str) -> str:
    return _with_escapes(json.dumps(text, ensure_ascii=False))


def _with_escapes(text: str) -> str:
    return SURROGATE.sub(lambda found: f"\\u{ord(found[0]):x}", text)


# Keys that are whole numbers come first in JavaScript, from the lowest on.
def _in_order(members: Members) -> list[str]:
    numbers = [key for key in members if INDEX.fullmatch(key) and int(key) <= MAX_INDEX]
    return list(dict.fromkeys([*sorted(numbers, key=int), *members]))
