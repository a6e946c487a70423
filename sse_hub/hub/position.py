"""
The position of a subscriber: an index in each ring, and the cursor that its client gets as `id:`. Pure: no I/O.

    Cursor (from the client) --> Position --> moves past entries --> Cursor (the next `id:`)
"""

from collections.abc import Mapping, Sequence

from sse_hub.hub.fence_history import Rejoin
from sse_hub.hub.ring import Ring
from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.selection import Selection


class Position:
    """
    A position between lines, on every channel of a selection.

    `ids` says up to which line each channel was sent, `indexes` which line of its ring comes next. `fence` and `counts`
    (lines since that fence, for the channels requested by name) are the cursor. With a pattern there are no counts,
    since the set of channels can grow. `was_live` is True for a subscriber that has been live. `rejoin` says where it
    must go on, after a gap, if it is on a dead branch; else it is None.
    """

    __slots__ = ("_other_ids", "_slots", "counts", "fence", "ids", "indexes", "rejoin", "was_live", "names")

    def __init__(self, selection: Selection, fence: int = 0, counts: Sequence[int] = ()) -> None:
        named = () if selection.patterns else selection.channels
        self._slots = {name: slot for slot, name in enumerate(named)}
        # Channels and patterns as requested: a channel that only a pattern matches is not among them.
        self.names = frozenset((*selection.channels, *selection.patterns))
        self.fence = fence
        self.counts = list(counts) if len(counts) == len(named) else [0] * len(named)
        self.indexes: dict[str, int] = {}
        self.ids: dict[str, EventId] = {
            name: EventId(fence, count) for name, count in zip(named, self.counts, strict=True)
        }
        self.was_live = False
        self.rejoin: Rejoin | None = None
        # For every channel that is not in `ids`.
        self._other_ids = EventId(fence, 0)

    def copy(self) -> "Position":
        """An independent copy."""
        twin = object.__new__(Position)
        twin._slots = self._slots
        twin.names = self.names
        twin.fence = self.fence
        twin.counts = self.counts.copy()
        twin.indexes = self.indexes.copy()
        twin.ids = self.ids.copy()
        twin.was_live = self.was_live
        twin.rejoin = self.rejoin
        twin._other_ids = self._other_ids
        return twin

    def move(self, channel: str, index: int, id: EventId) -> None:
        """Move past the line or gap `id` of `channel`; `index` comes next there."""
        self.pass_gap(channel, index, id)
        self.move_cursor(channel, id.fence, id.n)

    def pass_gap(self, channel: str, index: int, id: EventId) -> None:
        """Move past the gap `id` of `channel`, as move() does, but leave the cursor where it is."""
        self.indexes[channel] = index
        self.ids[channel] = id

    def move_cursor(self, channel: str, fence: int, count: int) -> None:
        """Move only the cursor, past the line `fence-count` of `channel`."""
        if fence != self.fence:
            self.fence = fence
            self.counts = [0] * len(self.counts)
        slot = self._slots.get(channel)
        if slot is not None:
            self.counts[slot] = count

    def move_to_ends(self, rings: Mapping[str, Ring]) -> None:
        """Everything in `rings` was sent, or need not be. The cursor stays: it says no more than it has to."""
        self.indexes |= {name: ring.end for name, ring in rings.items()}
        self.ids |= {name: ring.last for name, ring in rings.items()}

    def id_of(self, channel: str) -> EventId:
        """The id up to which `channel` was sent."""
        return self.ids.get(channel, self._other_ids)

    def start_from(self, ids: Mapping[str, EventId], otherwise: EventId) -> None:
        """Start each channel in `ids` after its id there, all others after `otherwise`."""
        self.ids = dict(ids)
        self._other_ids = otherwise

    def skip_to(self, channel: str, id: EventId) -> None:
        """Skip everything up to `id` on `channel`. The cursor does not move, since nothing was sent."""
        self.ids[channel] = id

    def complete_fence(self, fence: int) -> None:
        """Everything before `fence` was sent, on all channels. Call resolve_indexes() next."""
        self._other_ids = max(self._other_ids, EventId(fence, 0))
        self.ids = {name: id for name, id in self.ids.items() if id > self._other_ids}

    def leave_branch(self, common: int, fence: int) -> None:
        """What came after the fence `common` is a dead branch, and another one begins with `fence`: see `rejoin`."""
        fences = (self.fence, self._other_ids.fence, *(id.fence for id in self.ids.values()))
        if self.rejoin is not None or max(fences) > common:
            known = self.rejoin.common if self.rejoin else None
            self.rejoin = Rejoin(common if known is None else min(common, known), fence)

    def restart(self, fence: int) -> None:
        """Go on at `fence`, on all channels. Call resolve_indexes() next."""
        self.rejoin = None
        self.fence = fence
        self.counts = [0] * len(self.counts)
        self.ids = {}
        self._other_ids = EventId(fence, 0)

    def resolve_indexes(self, rings: Mapping[str, Ring]) -> None:
        """Set `indexes` in `rings` by `ids`."""
        self.indexes = {name: ring.index_after(self.id_of(name)) for name, ring in rings.items()}

    def resolve_some_indexes(self, rings: Mapping[str, Ring], names: Sequence[str]) -> None:
        """Set `indexes` for those of `names` that are in `rings`: lines that come later don't change them."""
        self.indexes |= {name: rings[name].index_after(self.id_of(name)) for name in names if name in rings}

    def lacking(self, rings: Mapping[str, Ring]) -> list[str]:
        """The names of `rings` that have lost lines after this position."""
        ids, other_ids = self.ids, self._other_ids
        return [name for name, ring in rings.items() if ids.get(name, other_ids) < ring.start]

    def cursor(self) -> bytes:
        """The SSE id for this position: `F-n1.n2`, or `F-0` with a pattern."""
        if len(self.counts) == 1:
            return b"%d-%d" % (self.fence, self.counts[0])
        if not self.counts:
            return b"%d-0" % self.fence
        return b"%d-%b" % (self.fence, b".".join([b"%d" % count for count in self.counts]))

    def cursor_at(self, fence: int) -> bytes:
        """The SSE id for this position if `fence` has come, and nothing after it."""
        return (
            self.cursor() if fence <= self.fence else str(Cursor(fence, tuple(0 for _ in self.counts) or (0,))).encode()
        )
