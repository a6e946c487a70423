"""
Where a subscriber is: one index for each channel's ring, and the cursor that tells its client the same. Pure; no I/O.

    Cursor (from the client) --> Position --> moves past entries --> Cursor (the next `id:`)
"""

from collections.abc import Mapping, Sequence

from sse_hub.events import Cursor, EventId
from sse_hub.ring import Ring
from sse_hub.selection import Selection


class Position:
    """
    A place between lines, on every channel of a selection.

    `indexes` says which line of each ring comes next. `fence` and `counts` (lines since that fence, for the channels
    asked for by name) are the cursor; with a pattern there are no counts, since the set of channels can grow.
    """

    __slots__ = ("_slots", "counts", "fence", "indexes", "names")

    def __init__(self, selection: Selection, fence: int = 0, counts: Sequence[int] = ()) -> None:
        named = () if selection.patterns else selection.channels
        self._slots = {name: slot for slot, name in enumerate(named)}
        # What the client asked for, as it asked: a channel that only a pattern matches is not among them.
        self.names = frozenset((*selection.channels, *selection.patterns))
        self.fence = fence
        self.counts = list(counts) if len(counts) == len(named) else [0] * len(named)
        self.indexes: dict[str, int] = {}

    def copy(self) -> "Position":
        """An independent position at the same place."""
        twin = object.__new__(Position)
        twin._slots = self._slots
        twin.names = self.names
        twin.fence = self.fence
        twin.counts = self.counts.copy()
        twin.indexes = self.indexes.copy()
        return twin

    def move(self, channel: str, index: int, id: EventId) -> None:
        """Go past what has `id` on `channel`; `index` comes next there."""
        self.indexes[channel] = index
        self.move_cursor(channel, id.fence, id.n)

    def move_cursor(self, channel: str, fence: int, count: int) -> None:
        """Move the cursor alone past the line `fence-count` of `channel`."""
        if fence != self.fence:
            self.fence = fence
            self.counts = [0] * len(self.counts)
        slot = self._slots.get(channel)
        if slot is not None:
            self.counts[slot] = count

    def move_to_end(self, rings: Mapping[str, Ring]) -> None:
        """Go past everything held."""
        self.fence = max([self.fence, *(ring.last.fence for ring in rings.values())])
        for name, ring in rings.items():
            self.move(name, ring.end, EventId(self.fence, ring.count_before(ring.end, self.fence)))

    def count_of(self, channel: str) -> int:
        """Lines of `channel` since `fence`, as far as the cursor counts them."""
        slot = self._slots.get(channel)
        return 0 if slot is None else self.counts[slot]

    def cursor(self) -> bytes:
        """The SSE id for this place: `F-n1.n2`, or `F-0` with a pattern."""
        if len(self.counts) == 1:
            return b"%d-%d" % (self.fence, self.counts[0])
        if not self.counts:
            return b"%d-0" % self.fence
        return b"%d-%b" % (self.fence, b".".join([b"%d" % count for count in self.counts]))

    def cursor_at(self, fence: int) -> bytes:
        """The id for this place once `fence` has been seen and nothing has come since."""
        return (
            self.cursor() if fence <= self.fence else str(Cursor(fence, tuple(0 for _ in self.counts) or (0,))).encode()
        )
