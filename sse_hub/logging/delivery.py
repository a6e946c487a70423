"""
The interface that the sender uses; `at_most_once` and `durable` implement it.

    lines --> Delivery.deliver() --> Outcome: lines to send again, lines that may have been published
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Outcome(NamedTuple):
    """
    What became of lines: `retry` must be sent again, `unsure` may have been published. `error` is the error text, '' if
    all is well.
    """

    retry: Sequence[bytes] = ()
    unsure: Sequence[bytes] = ()
    error: str = ""


class Delivery(Protocol):
    """Delivers lines. `max_lines` and `max_bytes` limit one round; `resends_unsure`: a line may be sent again."""

    max_lines: int
    max_bytes: int
    resends_unsure: bool

    def deliver(self, lines: Sequence[bytes]) -> Outcome:
        """Send `lines`, in order. Never raises RedisError or OSError."""

    def reset_after_fork(self) -> None:
        """In a forked process: start afresh, and leave the connection to the parent."""

    def close(self) -> None:
        """Close the connection."""
