"""
How far the log is evaluated: a place among the lines of all channels, in the order of the log. Pure: no I/O.

    LogPosition(1732160000000, 5, "orders"): up to the 5th line of orders since that fence, and what comes before it

The order is that in which `history/merge` reads several channels: by id, and lines with the same id by channel.
"""

import re
from typing import NamedTuple

from sse_hub.protocol.ids import EventId

POSITION = re.compile(r"(\d{1,20}) (\d{1,20}) (\S*)", re.ASCII)


class LogPosition(NamedTuple):
    """Everything up to the line `fence`-`n` of `channel` is evaluated. `fence`-0 without a channel: up to the fence."""

    fence: int
    n: int = 0
    channel: str = ""

    def id_on(self, channel: str) -> EventId:
        """The id after which lines of `channel` are still to be evaluated."""
        return EventId(self.fence, self.n if channel <= self.channel or not self.n else self.n - 1)

    def to_text(self) -> str:
        """As Redis keeps it."""
        return f"{self.fence} {self.n} {self.channel}"

    @classmethod
    def from_text(cls, text: str) -> "LogPosition | None":
        """The position of `to_text()`; None for anything else."""
        found = POSITION.fullmatch(text)
        return cls(int(found[1]), int(found[2]), found[3]) if found else None
