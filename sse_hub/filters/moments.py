"""
Times as people type them in a filter. Pure: no I/O. As `web/js/format/parse-time.js`.

    parse_moment("-15m", now_ms, zone) --> ms since the epoch        also "03:50", "yesterday 17:30", ISO 8601, an epoch
    parse_moment("soon", now_ms, zone) --> None
"""

import math
import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, tzinfo

from sse_hub.filters.parse import BLANK
from sse_hub.filters.units import parse_duration_ms
from sse_hub.formats.table import BLANKS

DAY_MS = 86_400_000
EPOCH_DAY = date(1970, 1, 1).toordinal()
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - what a clock shows has no zone
FIRST_YEAR = 1970
_CLOCK = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
CLOCK = re.compile(_CLOCK)
DAY = re.compile(rf"(today|yesterday)(?:{BLANK}+([^{BLANK[1:-1]}]+))?", re.ASCII | re.IGNORECASE)
ISO = re.compile(
    rf"([0-9]{{4}})-([0-9]{{1,2}})-([0-9]{{1,2}})(?:[T ]+{_CLOCK})?{BLANK}*(Z|UTC|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)?",
    re.ASCII | re.IGNORECASE,
)
NUMERIC_EPOCH = re.compile(r"[0-9]{9,19}(?:\.[0-9]+)?")
AGO = re.compile(rf"-{BLANK}*[0-9]")
OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})?")


def parse_moment(typed: str, now_ms: float, zone: tzinfo) -> float | None:
    """The time (ms since the epoch) that a text means, if it is typed at `now_ms` in `zone`; None if it is none."""
    text = typed.strip(BLANKS)
    if text.lower() == "now":
        return now_ms
    if NUMERIC_EPOCH.fullmatch(text):
        return _epoch_ms(float(text))
    if AGO.match(text):
        back = parse_duration_ms(text[1:])
        return None if back is None else now_ms - back
    # What the clock of the zone shows on this day.
    shown = EPOCH + timedelta(milliseconds=now_ms)
    today = shown.replace(tzinfo=UTC).astimezone(zone).toordinal()
    if day := DAY.fullmatch(text):
        clock = _clock_ms(day[2] or "00:00")
        return None if clock is None else _on(today - (day[1].lower() == "yesterday"), clock, zone)
    clock = _clock_ms(text)
    if clock is not None:
        moment = _on(today, clock, zone)
        return moment if moment <= now_ms else _on(today - 1, clock, zone)
    return _of_iso(text, zone)


def moment_of_wall(wall_ms: float, zone: tzinfo) -> float:
    """
    When the clock of `zone` shows what a clock in UTC shows at `wall_ms`, in ms since the epoch.

    If it does so twice, the first time; if it never does, because the clock is put forward, as much later.
    """
    if zone is UTC:
        return wall_ms
    try:
        offset = zone.utcoffset(EPOCH + timedelta(milliseconds=wall_ms))
    except OverflowError:
        return wall_ms
    return wall_ms - (offset / timedelta(milliseconds=1) if offset else 0)


def _epoch_ms(number: float) -> float:
    # By its size: ns, µs, ms, or s.
    if number > 1e18:
        return number / 1e6
    if number > 1e15:
        return number / 1e3
    return number if number > 1e11 else number * 1e3


def _on(day: int, clock_ms: int, zone: tzinfo) -> float:
    return moment_of_wall((day - EPOCH_DAY) * DAY_MS + clock_ms, zone)


def _clock_ms(text: str) -> int | None:
    match = CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    return _ms(hour, minute, second, match[4]) if hour < 24 and minute < 60 and second < 61 else None


def _ms(hour: int, minute: int, second: int, fraction: str | None) -> int:
    part = math.trunc(float(f"0.{fraction}") * 1e3 + 1e-6) if fraction else 0
    return ((hour * 60 + minute) * 60 + second) * 1000 + part


def _of_iso(text: str, zone: tzinfo) -> float | None:
    match = ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if year < FIRST_YEAR or not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
        return None
    if hour > 24 or minute > 59 or second > 60:
        return None
    wall = (date(year, month, day).toordinal() - EPOCH_DAY) * DAY_MS + _ms(hour, minute, second, match[7])
    return moment_of_wall(wall, zone) if match[8] is None else wall - _offset_ms(match[8])


def _offset_ms(zone: str) -> int:
    match = OFFSET.fullmatch(zone)
    return (-1 if match[1] == "-" else 1) * (int(match[2]) * 60 + int(match[3] or 0)) * 60_000 if match else 0
