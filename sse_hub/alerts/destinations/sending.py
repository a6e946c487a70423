"""
What each kind of destination can do, and how it says that an alert was not taken. Pure: no I/O.

    status of an answer --> refusal() --> NotSent, with `hopeless` and `wait_seconds`
"""

from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Protocol

from sse_hub.alerts.alert import Alert
from sse_hub.errors import NotSent

# They say that the moment is wrong, not the request.
PASSING = frozenset({408, 409, 423, 425, 429})
MAX_WAIT_SECONDS = 86_400.0


class Destination(Protocol):
    """Sends up to `at_once` alerts at a time. `kind` is for people: webhook, slack, channel."""

    at_once: int

    @property
    def kind(self) -> str: ...

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Send `alerts`, and return when all have been taken. Takes a bounded time. Raises NotSent."""

    async def close(self) -> None:
        """Close what is open."""


def refusal(status: int, retry_after: str | None, now_seconds: float) -> NotSent:
    """
    The error for an HTTP answer other than 2xx.

    `retry_after` is the header: seconds, or a date. `now_seconds` is since the epoch.
    """
    hopeless = 300 <= status < 500 and status not in PASSING
    note = ": redirects are not followed" if 300 <= status < 400 else ""
    return NotSent(f"It answered {status}{note}.", hopeless, _wait_seconds(retry_after, now_seconds))


def _wait_seconds(retry_after: str | None, now_seconds: float) -> float:
    """RFC 9110, section 10.2.3; 0 for a header that is missing or invalid."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now_seconds
    return min(max(0.0, seconds), MAX_WAIT_SECONDS)
