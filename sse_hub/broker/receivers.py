"""
Whether anybody is where a publisher publishes: PUBLISH returns the number of its receivers. Pure.

    channels, replies to PUBLISH --> ReceiverCheck.due(): ask where the partition is now --> unheard(): lines to repeat

After a planned failover, Sentinels leave the old primary as it is for seconds: it takes lines as before, but no hub is
there any more. A line with 0 receivers has reached nobody, so it can be published again where the hubs are.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from redis.exceptions import ResponseError

LOOK_SECONDS = 1.0

Reply = int | ResponseError | None
"""The number of receivers, or why Redis refused the line, or None without a reply: then it may have been published."""


class ReceiverCheck:
    """When a publisher should ask where the partition is. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_at = float("-inf")
        # Channels whose last line had no receiver. There may be some that no hub follows.
        self._silent: set[str] = set()

    def due(self, replies: Iterable[tuple[str, Reply]]) -> bool:
        """
        Whether to ask now, after these replies to lines of these channels.

        At once when a channel has lost its receivers; every LOOK_SECONDS while one has none.
        """
        last = dict(replies)
        silent = {channel for channel, reply in last.items() if reply == 0}
        lost = bool(silent - self._silent)
        self._silent = (self._silent - last.keys()) | silent
        if not lost and (not silent or self._clock() < self._looked_at + LOOK_SECONDS):
            return False
        self._looked_at = self._clock()
        return True


def unheard(replies: Sequence[Reply]) -> list[int]:
    """The places of those lines that nobody has received."""
    return [at for at, reply in enumerate(replies) if reply == 0]
