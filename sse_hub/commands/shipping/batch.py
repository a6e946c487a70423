"""
Lines of one source (a file, a stream of a container) on their way to Redis. Pure.

    ship, docker --> SourceBatch(token, start, end, channel, lines) --> BatchSender
"""

from typing import NamedTuple


class SourceBatch(NamedTuple):
    """`lines` lie between the offsets `start` and `end` of the source that Redis knows as `token`."""

    token: str
    start: int
    end: int
    channel: str
    lines: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of all lines together."""
        return sum(map(len, self.lines))
