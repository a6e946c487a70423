"""
Compares the value of a field with the values in a filter. Pure: no I/O. As `web/js/query/compare.js`.

    equals(("u7", "u8"))(value)              as text or as a number; for a list, any of its items
    compares(">=", "500")(value, name)       numbers, durations and sizes; raises ValueError for anything else

`took<10ms` fits "9.5 ms", "0.009s", and the number 9, which is ms unless its name says otherwise (took_us). A bare
number that is compared with a size is bytes. Without a unit in the filter, only plain numbers are compared, in text
as well.
"""

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import isfinite

from sse_hub.filters.units import MAX_DURATION_CHARACTERS, Quantity, is_number, parse_quantity, unit_of_name
from sse_hub.formats.values import MAX_SAFE_INTEGER, SURROGATE, text_of

SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def is_safe_number(text: str) -> bool:
    """Whether `text` is a number that a float holds to the last digit before its point."""
    return is_number(text) and abs(float(text)) < MAX_SAFE_INTEGER + 1


def _is_number_text(text: str) -> bool:
    """Whether a number of JSON may be `text`."""
    return is_number(text) or text in ("Infinity", "-Infinity")


def plain_text(value: object) -> str:
    """A JSON value as text, with U+FFFD for half a character (a lone surrogate), as the page has it."""
    text = text_of(value)
    return text if text.isascii() else SURROGATE.sub("\ufffd", text)


def equals(expected: Sequence[str]) -> Callable[[object], bool]:
    """Whether a value is one of the texts, or one of them as a number."""
    texts = frozenset(expected)
    numbers = frozenset(float(text) for text in expected if is_safe_number(text))
    # A list may have 100,000 numbers: as text they take twenty times as long.
    only_by_value = all(is_safe_number(text) or not _is_number_text(text) for text in expected)

    def fits(value: object) -> bool:
        if only_by_value and type(value) in (int, float):
            return value in numbers
        text = plain_text(value)
        return text in texts or (bool(numbers) and is_number(text) and float(text) in numbers)

    return lambda value: any(map(fits, value)) if isinstance(value, list) else fits(value)


def compares(sign: str, expected: str) -> Callable[[object, str], bool]:
    """Whether a value, under the name of its field, is greater or less than a quantity."""
    bound = parse_quantity(expected)
    if bound is None:
        raise ValueError(f"{sign} needs a number, a duration or a size, such as 500, 10ms or 2MB")
    kind, limit = bound
    holds = SIGNS[sign]

    def fits(value: object, name: str) -> bool:
        if kind == "number" and type(value) is int:
            # The most frequent case, such as a status: as below, without a detour.
            return holds(value, limit)
        number = quantity_under(value, name, kind)
        return number is not None and holds(number, limit)

    return lambda value, name: any(fits(item, name) for item in value) if isinstance(value, list) else fits(value, name)


def quantity_of(value: object) -> Quantity | None:
    """The quantity that a JSON value is: a number, or a text that is a number, a duration or a size; else None."""
    if isinstance(value, str):
        return _short_quantity(value) if len(value) <= MAX_DURATION_CHARACTERS else parse_quantity(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return Quantity("number", value)
    return None


def quantity_under(value: object, name: str, kind: str) -> float | None:
    """What a value is under the name of its field, as a number of units of `kind`; None if it is none of that kind."""
    own = quantity_of(value)
    if own is None:
        return None
    if own.kind == kind:
        return own.value
    if own.kind != "number":
        return None
    unit = _unit_of(name)
    return own.value * unit.value if unit and unit.kind == kind else own.value


# Many lines have the same values, and several filters look at one.
@lru_cache(maxsize=4_096)
def _short_quantity(text: str) -> Quantity | None:
    return parse_quantity(text)


_unit_of = lru_cache(maxsize=1_024)(unit_of_name)
