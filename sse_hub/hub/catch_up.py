"""
Catching up: what the rings of a feed hold after a position, in chunks for subscribers that are behind.

    Position --> CatchUp.next_chunk() --> about 64 kB of frames; with one channel, shared by all at the same position
"""

import heapq
from collections.abc import Iterator

from sse_hub.filters.compile import Filter
from sse_hub.hub.encoder import Encoder
from sse_hub.hub.position import Position
from sse_hub.hub.ring import Entry, EntrySlice, Ring
from sse_hub.hub.sieve import Sieve, encoder_with
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection

# About how many bytes a subscriber that is behind gets at a time; also what it may hold in memory beyond the rings.
CHUNK_BYTES = 64 * 1024
# A filter may take 60 us for a line, so it looks at about 40 lines at a time.
FILTERED_BYTES = 8 * 1024
# How many chunks are kept for other subscribers that are behind.
SHARED_CHUNKS = 64


class CatchUp:
    """
    Chunks out of `rings`, which the feed adds to, of the lines that pass `filter`. `lines` counts lines and gaps
    delivered, for each subscriber.
    """

    def __init__(
        self, selection: Selection, rings: dict[str, Ring], encode: Encoder, filter: Filter | None = None
    ) -> None:
        self.lines = 0
        self._chunk_bytes = FILTERED_BYTES if filter else CHUNK_BYTES
        self._selection = selection
        self._rings = rings
        self._sieve = Sieve(filter) if filter else None
        self._encode = encoder_with(self._sieve, encode) if self._sieve else encode
        # Chunks of one channel by the index they start at: frames and the number of lines in them, the index after
        # them, the id of the last line.
        self._shared: dict[int, tuple[bytes, int, int, EventId]] = {}

    def next_chunk(self, position: Position) -> bytes | None:
        """
        About CHUNK_BYTES of frames after `position`, which is moved past them; None when it has caught up.

        Empty where no line has passed the filter. The rings must cover `position`.
        """
        if self._selection.single:
            return self._next_shared_chunk(position, *self._selection.channels)
        if all(position.indexes.get(name, 0) >= ring.end for name, ring in self._rings.items()):
            return None
        # Empty, too, where there are only gaps that a pattern has as well: they have no frames of their own.
        frames, lines = self._encoded(position)
        self.lines += lines
        return frames

    def backlog_bytes(self, position: Position) -> int:
        """About how many bytes come after `position`, by the mean size of a line in each ring."""
        behind = (
            (ring.end - max(position.indexes.get(name, 0), ring.first), ring) for name, ring in self._rings.items()
        )
        return sum(lines * ring.size // (ring.end - ring.first) for lines, ring in behind if lines > 0)

    def clear(self) -> None:
        """Keep no chunks: no subscriber is behind."""
        self._shared.clear()

    def _next_shared_chunk(self, position: Position, name: str) -> bytes | None:
        start = position.indexes.get(name, 0)
        if start >= self._rings[name].end:
            return None
        if start in self._shared:
            frames, lines, end, id = self._shared[start]
            position.move(name, end, id)
            self.lines += lines
            return frames
        frames, lines = self._encoded(position)
        if len(self._shared) >= SHARED_CHUNKS:
            del self._shared[next(iter(self._shared))]
        self._shared[start] = frames, lines, position.indexes[name], position.id_of(name)
        self.lines += lines
        return frames

    def _encoded(self, position: Position) -> tuple[bytes, int]:
        """The frames of the next chunk, and the number of lines in them."""
        passed = self._sieve.passed if self._sieve else 0
        slices = list(self._slices(position))
        frames = b"".join(self._encode(position, slices))
        return frames, self._sieve.passed - passed if self._sieve else sum(stop - start for _, start, stop in slices)

    def _slices(self, position: Position) -> Iterator[EntrySlice]:
        budget = self._chunk_bytes
        for entry in self._merged(position):
            start = max(0, position.indexes.get(entry.channel, 0) - entry.index)
            # A batch can be as large as one read from Redis: cut it where the budget ends, but not before one line.
            fitting = max(1, budget * entry.length // entry.size)
            stop = min(entry.length, start + fitting)
            yield entry, start, stop
            budget -= entry.size * (stop - start) // entry.length
            if budget <= 0 or stop < entry.length:
                return

    def _merged(self, position: Position) -> Iterator[Entry]:
        behind = [
            ring.entries_from(position.indexes.get(name, 0))
            for name, ring in self._rings.items()
            if position.indexes.get(name, 0) < ring.end
        ]
        return behind[0] if len(behind) == 1 else heapq.merge(*behind, key=lambda entry: entry.seq)
