"""
Event ids and cursors, computed from fences and the same in every process. Pure: no I/O.

    fence F, then the n-th line on a channel --> EventId F-n --> SSE `id:` --> Last-Event-ID --> Cursor

`F` is in milliseconds since the epoch; the script `lua/fence.lua` takes it from the clock of Redis. An id is a valid
Redis stream id (https://redis.io/docs/latest/develop/data-types/streams/#entry-ids) and sorts as a pair of numbers.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from sse_hub.durations import parse_duration
from sse_hub.errors import InvalidId

# 20 digits hold any 64-bit number. A stream has at most 32 channels, so 33 counts are always enough.
CURSOR = re.compile(r"(\d{1,20})-(\d{1,20}(?:\.\d{1,20}){0,32})", re.ASCII)
# A line counts from the last fence before it, which is at most this much older: fences are a second apart, or a quarter
# more if the source has just checked whether one is due.
FENCE_SPACING_MS = 1500
# The end of the year 9999.
LAST_TIME_MS = 253_402_300_799_999


class EventId(NamedTuple):
    """`F-n`: the n-th line (from 1) on its channel since fence F; `F-0` is the fence itself."""

    fence: int
    n: int

    def __str__(self) -> str:
        return f"{self.fence}-{self.n}"


class Cursor(NamedTuple):
    """
    A position in the order of lines: after everything before fence `fence`, and after `counts` lines since then.

    `counts` has one number for each channel of the stream, in request order; `(0,)` alone stands for any channels.
    """

    fence: int
    counts: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.fence}-{'.'.join(map(str, self.counts))}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The cursor written as `F-n` or `F-n1.n2`. Raises InvalidId."""
        match = CURSOR.fullmatch(text)
        if not match:
            raise InvalidId(f"{text[:64]!r} is not an event id: it must be digits-digits, as in an `id:` of this hub.")
        return cls(int(match[1]), tuple(map(int, match[2].split("."))))


def cursor_since(text: str, now: datetime, name: str = "since") -> Cursor:
    """
    The cursor for the value of `since=`: an event id, an ISO 8601 time, or a time such as `-15m` before `now`.

    Units are s, m, h and d; a time without a zone is UTC. For a time, all lines since then come after the cursor, and
    perhaps lines of up to FENCE_SPACING_MS before it. Raises InvalidId, in which `name` is the name of the parameter.
    """
    moment = moment_of(text, now, name)
    return Cursor.parse(text) if moment is None else Cursor(max(0, moment - FENCE_SPACING_MS), (0,))


def cursor_until(text: str, now: datetime, name: str = "until") -> Cursor:
    """As `cursor_since()`, for an end: all lines before a time come before the cursor, and perhaps a few after it."""
    moment = moment_of(text, now, name)
    return Cursor.parse(text) if moment is None else Cursor(max(0, moment), (0,))


def moment_of(text: str, now: datetime, name: str) -> int | None:
    """The time of a value of `since=` or `until=`, in ms since the epoch; None for an event id. Raises InvalidId."""
    return None if CURSOR.fullmatch(text) else _parse_moment(text, now, name)


@lru_cache(maxsize=64)
def iso_time(time_ms: int) -> str:
    """The time `time_ms`, a fence for instance, as ISO 8601 text in UTC, to the millisecond."""
    # No fence is later than the year 9999, but a client may ask about any number.
    seconds, milliseconds = divmod(min(time_ms, LAST_TIME_MS), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"


def _parse_moment(text: str, now: datetime, name: str) -> int:
    if text.startswith("-"):
        with suppress(ValueError):
            return _to_milliseconds(now) - parse_duration(text[1:], allow_zero=True) * 1000
    try:
        # A "+02:00" that was not percent-encoded arrives as " 02:00".
        moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text) if "T" in text else text)
    except ValueError:
        raise InvalidId(
            f"{name}={text[:64]!r} is not understood: it must be an event id (1732160000000-5), "
            "an ISO time (2026-11-21T03:50:18Z) or a time ago (-15m, -2h)."
        ) from None
    return _to_milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _to_milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
