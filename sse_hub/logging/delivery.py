"""
What the sender needs of a way to Redis; `publishing` and `recording` are the two there are.

    lines --> Delivery.deliver() --> Outcome: what to send again, what nobody knows of
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Outcome(NamedTuple):
    """
    What became of lines: `again` are to be sent again, `unsure` may have been published. `error` says why in words, ''
    where all is well.
    """

    retry: Sequence[bytes] = ()
    unsure: Sequence[bytes] = ()
    error: str = ""


class Delivery(Protocol):
    """A way to Redis. `most_lines` and `most_bytes` are for one turn; with `repeats` a line may be sent again."""

    max_lines: int
    max_bytes: int
    resends_unsure: bool

    def deliver(self, lines: Sequence[bytes]) -> Outcome:
        """Send `lines`, in order. Never raises RedisError or OSError."""

    def reset_after_fork(self) -> None:
        """In a forked process: begin anew, and leave the connection to the parent."""

    def close(self) -> None:
        """End the connection."""


def error_text(error: Exception) -> str:
    """What an error says, or its name."""
    return str(error) or type(error).__name__
