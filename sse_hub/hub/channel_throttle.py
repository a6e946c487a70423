"""
The throttle of a feed: skips lines of a channel above its rate, and makes gaps of them. Pure: no I/O, no clock.

    slices --> admit() --> those within the quota          take_gaps() --> one gap for each loud channel and second

It applies to live delivery only: the log has every line, and so do its readers.
"""

from collections.abc import Iterable

from sse_hub.hub.ring import EntrySlice, RingGap
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.sse import Gap

SECOND = 1.0


class _Window:
    """What one channel has passed and skipped in the present second; the skipped lines lie in (after, before)."""

    __slots__ = ("after", "before", "passed", "skipped")

    def __init__(self) -> None:
        self.passed = 0
        self.skipped = 0
        self.after = self.before = EventId(0, 0)


def throttle_for(requested: int, limit: int) -> "ChannelThrottle | None":
    """
    The throttle for a client's `requested` rate and the hub's own `limit`, in lines per second and channel.

    0 stands for no limit. None when there is neither.
    """
    if requested and (not limit or requested <= limit):
        return ChannelThrottle(requested)
    return ChannelThrottle(limit, "rate") if limit else None


class ChannelThrottle:
    """
    Lets `quota` lines of each channel pass in each second, and makes gaps with `reason` of the rest.

    Times passed to it are in seconds and never decrease.
    """

    def __init__(self, quota: int, reason: str = "guard") -> None:
        self._quota = quota
        self._reason = reason
        self._windows: dict[str, _Window] = {}
        self._until = 0.0

    @property
    def has_gaps(self) -> bool:
        """True when lines were skipped that take_gaps() has not returned yet."""
        return any(window.skipped for window in self._windows.values())

    def window_over(self, now: float) -> bool:
        """True when the present second is over at `now`."""
        return now >= self._until

    def begin_window(self, now: float) -> None:
        """Begin a new second, in which each channel has its whole quota. Call take_gaps() for the last one before."""
        self._windows.clear()
        self._until = now + SECOND

    def admit(self, slices: Iterable[EntrySlice]) -> list[EntrySlice]:
        """`slices`, cut to the quota of each channel. Gaps always pass."""
        kept: list[EntrySlice] = []
        for entry, start, stop in slices:
            if isinstance(entry, RingGap):
                kept.append((entry, start, stop))
                continue
            window = self._windows.setdefault(entry.channel, _Window())
            end = min(stop, start + self._quota - window.passed)
            if end > start:
                window.passed += end - start
                kept.append((entry, start, end))
            if end < stop:
                if not window.skipped:
                    window.after = EventId(entry.fence, entry.first + max(end, start) - 1)
                window.skipped += stop - max(end, start)
                window.before = EventId(entry.fence, entry.first + stop)
        return kept

    def take_gaps(self) -> list[Gap]:
        """Gaps for what was skipped since the last call, one for each channel."""
        gaps = []
        for name, window in self._windows.items():
            if window.skipped:
                gaps.append(Gap(name, str(window.after), str(window.before), window.skipped, self._reason))
                window.skipped = 0
        return gaps
