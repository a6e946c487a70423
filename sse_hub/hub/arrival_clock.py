"""
When lines come, by the clock that their ids are made with. Pure: no I/O, reads no clock.

    a fence, and when it came here --> set() --> moment() --> when the lines of a read came, ms since the epoch

Fences have the time of Redis. So all hubs on one Redis give a line the same moment, however wrong their own clocks are,
except for the milliseconds that it was on its way to each. A line never comes before the fence in its id.
"""

# A fence that comes this much later, or earlier, than the others tells that the clock of Redis was set, or that this
# process is behind. Either way, the lines after it came after it.
STEP_MS = 1_000.0
# How much longer a fence may be on its way than the one before it: a fence that had to wait does not count, but two
# clocks may drift apart by this much a second.
DRIFT_MS = 1.0


class ArrivalClock:
    """
    Reads the clock of Redis off the fences that come. Times passed to it are in seconds and never decrease.

    Of all fences, the one that was on its way for the shortest time is the most exact.
    """

    __slots__ = ("_ahead_ms", "_fence")

    def __init__(self) -> None:
        self._fence = 0
        # How much the caller's clock is ahead of the one in the fences.
        self._ahead_ms = float("-inf")

    def set(self, fence: int, now_seconds: float) -> None:
        """`fence` (ms since the epoch) has come."""
        self._fence = fence
        ahead_ms = now_seconds * 1000 - fence
        if abs(ahead_ms - self._ahead_ms) > STEP_MS:
            self._ahead_ms = ahead_ms
        else:
            self._ahead_ms = min(ahead_ms, self._ahead_ms + DRIFT_MS)

    def moment(self, now_seconds: float) -> int:
        """The moment of what comes now, in ms since the epoch. Call set() first."""
        moment = int(now_seconds * 1000 - self._ahead_ms)
        return moment if moment > self._fence else self._fence
