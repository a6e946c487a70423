"""
Times as ms since the epoch, in all forms that loggers write. Pure: no I/O.

    parse_time("2026-11-21T03:50:18.78+02:00") --> Time(…, zoned=True)
    parse_time(1795233018.78), parse_time("1795233018780000")     by size: s, ms, µs or ns
    leading_time("Nov 21 03:50:18 host …") --> (Time(…, zoned=False), 15, "syslog")

Times before 2000, or later than a day after the line arrived, are no times.
"""

import math
import re
import time
from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from sse_hub.formats.table import BLANKS, TABLE, expand

EARLIEST_MS = 946_684_800_000
DAY_MS = 86_400_000
EPOCH_DAY = date(1970, 1, 1).toordinal()
MAX_CHARACTERS = 64
MONTHS = {name: number for number, name in enumerate(TABLE["months"], 1)}
ZONES: dict[str, int | None] = TABLE["zones"]
SECONDS: list[list[str]] = TABLE["json"]["seconds"]
DIGITS = re.compile(r"[0-9]{10,19}(?:\.[0-9]+)?")
OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})?")


class Time(NamedTuple):
    """
    `ms` since the epoch. Without a zone (`zoned` False) that is what the clock showed, read as UTC.

    `dated` is False for a clock alone, whose date comes from the arrival of its line.
    """

    ms: int
    zoned: bool
    dated: bool


class Shape(NamedTuple):
    """A form of times: its name, its pattern, and the roles of the groups in that."""

    name: str
    pattern: re.Pattern[str]
    roles: tuple[str, ...]


def _shapes() -> dict[str, list[Shape]]:
    found: dict[str, list[Shape]] = {}
    for row in TABLE["times"]:
        source, roles = expand(row["pattern"])
        found.setdefault(row["first"], []).append(Shape(row["name"], re.compile(source), roles))
    return found


SHAPES = _shapes()
_DIGITS = frozenset("0123456789")


def _shapes_for(text: str) -> list[Shape]:
    first = text[:1]
    if first in _DIGITS and first:
        return SHAPES["digit"]
    return SHAPES["letter"] if first.isascii() and first.isalpha() else SHAPES.get(first, [])


def parse_time(value: object, arrived_ms: int | None = None) -> Time | None:
    """
    The time that a number, a text, or an object of seconds and nanoseconds is; None if it is none.

    `arrived_ms` gives the year, or the date, to a time without one.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _accepted(_of_number(value), arrived_ms)
    if isinstance(value, str):
        return _of_text(value.strip(BLANKS), arrived_ms)
    return _of_object(value, arrived_ms) if isinstance(value, Mapping) else None


def leading_time(text: str, arrived_ms: int | None = None) -> tuple[Time, int, str] | None:
    """The time that a text begins with, where it ends, and the name of its form."""
    for shape in _shapes_for(text):
        match = shape.pattern.match(text)
        if match and (found := time_of_parts(shape.roles, match, arrived_ms)):
            return found, match.end(), shape.name
    return None


def time_of_parts(
    roles: tuple[str, ...], match: re.Match[str], arrived_ms: int | None, first_group: int = 1
) -> Time | None:
    """The time whose parts are groups of a match, by their roles, from `first_group` on; None if they are no time."""
    parts: dict[str, str] = {}
    for index, role in enumerate(roles, first_group):
        if (text := match[index]) is not None:
            parts[role] = text
    found = _of_number(float(parts["epoch"])) if "epoch" in parts else _of_parts(parts, arrived_ms)
    return _accepted(found, arrived_ms)


def nearest_day(ms: int, arrived_ms: int) -> int:
    """A time without a date, on the day that puts it nearest to the arrival of its line."""
    return ms - math.floor((ms - arrived_ms) / DAY_MS + 0.5) * DAY_MS


def _accepted(found: Time | None, arrived_ms: int | None) -> Time | None:
    if found is None or found.ms < EARLIEST_MS:
        return None
    return found if found.ms <= max(arrived_ms or 0, _now_ms()) + DAY_MS else None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _of_number(number: float) -> Time | None:
    if not 1e9 < number < math.inf:
        return None
    # By its size: above 1e18 ns, 1e15 µs, 1e11 ms, else s.
    ms = number / 1e6 if number > 1e18 else number / 1e3 if number > 1e15 else number if number > 1e11 else number * 1e3
    return Time(math.floor(ms + 0.5), True, True)


def _of_object(value: Mapping[str, object], arrived_ms: int | None) -> Time | None:
    for seconds, nanos in SECONDS:
        if seconds in value:
            try:
                number = float(str(value[seconds])) + float(str(value.get(nanos, 0))) / 1e9
            except ValueError:
                return None
            return parse_time(number, arrived_ms)
    return None


def _of_text(text: str, arrived_ms: int | None) -> Time | None:
    if len(text) > MAX_CHARACTERS:
        return None
    if DIGITS.fullmatch(text):
        return _accepted(_of_number(float(text)), arrived_ms)
    for shape in _shapes_for(text):
        match = shape.pattern.fullmatch(text)
        if match and (found := time_of_parts(shape.roles, match, arrived_ms)):
            return found
    return None


def _of_parts(parts: Mapping[str, str], arrived_ms: int | None) -> Time | None:
    wall = _wall_of(parts, _now_ms() if arrived_ms is None else arrived_ms)
    if wall is None:
        return None
    dated = "day" in parts or "dayOne" in parts or "monthOrDay" in parts
    offset = _offset_ms(parts["zone"]) if "zone" in parts else None
    return Time(wall, False, dated) if offset is None else Time(wall - offset, True, dated)


def _wall_of(parts: Mapping[str, str], arrived_ms: int) -> int | None:
    clock = _clock_ms(parts)
    if clock is None:
        return None
    if "monthOrDay" in parts:
        other = parts.get("dayOrMonth") or parts["month"]
        return _of_either_order(int(parts["year"]), int(parts["monthOrDay"]), int(other), clock, arrived_ms)
    day = parts.get("day") or parts.get("dayOne")
    if day is None:
        return nearest_day(clock, arrived_ms)
    month = MONTHS.get(parts["monthName"].lower(), 0) if "monthName" in parts else int(parts["month"])
    if "year" in parts:
        return _wall_on(int(parts["year"]), month, int(day), clock)
    if "year2" in parts:
        return _wall_on(2000 + int(parts["year2"]), month, int(day), clock)
    # A missing year is the current one, or the last one if the time would be after tomorrow.
    current = time.gmtime(arrived_ms / 1e3).tm_year
    wall = _wall_on(current, month, int(day), clock)
    return _wall_on(current - 1, month, int(day), clock) if wall is not None and wall > arrived_ms + DAY_MS else wall


def _of_either_order(year: int, one: int, other: int, clock: int, arrived_ms: int) -> int | None:
    month_first = _wall_on(year, one, other, clock)
    day_first = _wall_on(year, other, one, clock)
    if month_first is None or day_first is None:
        return day_first if month_first is None else month_first
    return day_first if abs(day_first - arrived_ms) < abs(month_first - arrived_ms) else month_first


def _wall_on(year: int, month: int, day: int, clock: int) -> int | None:
    midnight = _midnight(year, month, day)
    return None if midnight is None else midnight + clock


# Lines that come together have the same date.
@lru_cache(maxsize=64)
def _midnight(year: int, month: int, day: int) -> int | None:
    if not (1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]):
        return None
    return (date(year, month, day).toordinal() - EPOCH_DAY) * DAY_MS


def _clock_ms(parts: Mapping[str, str]) -> int | None:
    hours, minutes, seconds = int(parts["hour"]), int(parts["minute"]), int(parts.get("second") or 0)
    if half := parts.get("half"):
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half in "pP" else 0)
    if hours > 24 or minutes > 59 or seconds > 60:
        return None
    fraction = (parts.get("fraction") or "")[:3]
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + (int(fraction.ljust(3, "0")) if fraction else 0)


# None for letters that are ambiguous (CST is three different zones).
def _offset_ms(zone: str) -> int | None:
    if (name := zone.upper()) in ZONES:
        minutes = ZONES[name]
        return None if minutes is None else minutes * 60_000
    match = OFFSET.fullmatch(zone)
    if match is None:
        return None
    return (-1 if match[1] == "-" else 1) * (int(match[2]) * 60 + int(match[3] or 0)) * 60_000
