"""
The rate guard of a feed: of a channel that is louder than its share some lines are left out, and that is told. Pure.

    pieces --> admit() --> those within the share            skipped() --> one gap per loud channel and second

Only what is delivered live is thinned: the log has every line, and so has whoever reads from it.
"""

from collections.abc import Iterable

from sse_hub.hub.encoder import EntrySlice
from sse_hub.hub.ring import RingGap
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.sse import Gap

SECOND = 1.0


class _Share:
    """What one channel has had of the present second, and what of it was left out."""

    __slots__ = ("after", "before", "passed", "skipped")

    def __init__(self) -> None:
        self.passed = 0
        self.skipped = 0
        self.after = self.before = EventId(0, 0)


def throttle_for(requested: int, limit: int) -> "ChannelThrottle | None":
    """The guard for who has `asked` for so many lines a second, where the hub's own settings allow so many; 0: all."""
    if requested and (not limit or requested <= limit):
        return ChannelThrottle(requested)
    return ChannelThrottle(limit, "rate") if limit else None


class ChannelThrottle:
    """
    Lets `quota` lines of each channel pass each second, and tells of the rest with `reason`.

    The times given to it are in seconds and never fall.
    """

    def __init__(self, quota: int, reason: str = "guard") -> None:
        self._quota = quota
        self._reason = reason
        self._shares: dict[str, _Share] = {}
        self._until = 0.0

    @property
    def has_gaps(self) -> bool:
        """True when lines were left out that nobody has been told of."""
        return any(share.skipped for share in self._shares.values())

    def window_over(self, now: float) -> bool:
        """True when the present second is over."""
        return now >= self._until

    def begin_window(self, now: float) -> None:
        """A new second begins: each channel has its whole share. skipped() must have told of the last one."""
        self._shares.clear()
        self._until = now + SECOND

    def admit(self, pieces: Iterable[EntrySlice]) -> list[EntrySlice]:
        """The pieces, cut to what each channel may have."""
        kept: list[EntrySlice] = []
        for entry, start, stop in pieces:
            if isinstance(entry, RingGap):
                kept.append((entry, start, stop))
                continue
            share = self._shares.setdefault(entry.channel, _Share())
            end = min(stop, start + self._quota - share.passed)
            if end > start:
                share.passed += end - start
                kept.append((entry, start, end))
            if end < stop:
                if not share.skipped:
                    share.after = EventId(entry.fence, entry.first + max(end, start) - 1)
                share.skipped += stop - max(end, start)
                share.before = EventId(entry.fence, entry.first + stop)
        return kept

    def take_gaps(self) -> list[Gap]:
        """What was left out since the last call."""
        gaps = []
        for name, share in self._shares.items():
            if share.skipped:
                gaps.append(Gap(name, str(share.after), str(share.before), share.skipped, self._reason))
                share.skipped = 0
        return gaps
