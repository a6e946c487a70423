"""
Which lines of an entry a stream with a filter gets. Pure: no I/O.

    Batch of 9 lines --> Sieve(filter).slices(entry, 0, 9) --> [(entry, 2, 4), (entry, 7, 8)] --> encoder

A line that is too long for the filter is not judged: a gap with reason `filter` stands in its place.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from sse_hub.filters.compile import Filter
from sse_hub.filters.line import FilteredLine
from sse_hub.hub.encoder import Encoder, advance
from sse_hub.hub.position import Position
from sse_hub.hub.ring import Batch, EntrySlice, RingGap
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.sse import Gap

REASON = "filter"
REFUSED, PASSED, DEAR = range(3)


class Sieve:
    """
    The sieve of one `filter`.

    With `remember`, it keeps what it has found with the batch, a byte for each line, for others with the same filter.
    That is for batches of the log, which many read; in the rings of quiet channels there are too many batches.
    """

    def __init__(self, filter: Filter, remember: bool = False) -> None:
        self.filter = filter
        self.passed = 0
        """The number of lines that have passed, and of gaps."""
        self._remember = remember

    def slices(self, entry: Batch, start: int, stop: int) -> Iterable[EntrySlice]:
        """The matching lines of `entry` between two offsets, and gaps for those that are not judged."""
        found = self._found(entry, start, stop)
        self.passed += sum(last - first for _, first, last in found)
        return found

    def _found(self, entry: Batch, start: int, stop: int) -> list[EntrySlice]:
        if not self._remember:
            return list(_runs(entry, start, self._judge(entry, start, stop)))
        known = entry.sieved = entry.sieved or {}
        judged = known.setdefault(self.filter.key, bytearray())
        if start > len(judged):
            return list(_runs(entry, start, self._judge(entry, start, stop)))
        if stop > len(judged):
            judged += self._judge(entry, len(judged), stop)
        return list(_runs(entry, start, judged[start:stop]))

    def _judge(self, entry: Batch, start: int, stop: int) -> bytes:
        """A byte for each line between two offsets of `entry`: REFUSED, PASSED, or DEAR for one that is not judged."""
        filter = self.filter
        lines = filtered_lines(entry, start, stop)
        return bytes([DEAR if filter.is_too_dear(line) else filter.matches(line) for line in lines])


def _runs(entry: Batch, start: int, judged: bytes | bytearray) -> Iterator[EntrySlice]:
    """The lines of `entry` from the offset `start` on that were judged so: those that pass, and gaps."""
    for verdict, run in groupby(judged):
        stop = start + len(list(run))
        if verdict == PASSED:
            yield entry, start, stop
        elif verdict == DEAR:
            yield skipped(entry, start, stop), 0, 1
        start = stop


def filtered_lines(entry: Batch, start: int, stop: int) -> Iterator[FilteredLine]:
    """The lines of `entry` between two offsets, for filters."""
    numbered = enumerate(zip(entry.lines[start:stop], entry.moments(start, stop), strict=True), entry.first + start)
    for n, (line, moment) in numbered:
        yield FilteredLine(line, entry.channel, f"{entry.fence}-{n}", moment)


def skipped(entry: Batch, start: int, stop: int) -> RingGap:
    """A gap in place of the lines of `entry` between two offsets, which were not judged."""
    last = EventId(entry.fence, entry.first + stop - 1)
    after, before = EventId(entry.fence, entry.first + start - 1), EventId(entry.fence, last.n + 1)
    gap = RingGap(
        entry.channel, entry.seq, last, Gap(entry.channel, str(after), str(before), None, REASON), for_lines=True
    )
    # Where its last line is: a position that moves past the gap moves past the lines.
    gap.index = entry.index + stop - 1
    return gap


def encoder_with(sieve: Sieve, encode: Encoder) -> Encoder:
    """`encode` for the lines that pass `sieve`. The position is moved past all lines."""

    def encode_matching(position: Position, slices: Iterable[EntrySlice]) -> list[bytes]:
        all_slices = list(slices)
        frames = encode(position, (each for part in all_slices for each in _matching(sieve, part)))
        for entry, _, stop in all_slices:
            advance(position, entry, stop)
        return frames

    return encode_matching


def _matching(sieve: Sieve, part: EntrySlice) -> Iterable[EntrySlice]:
    entry, start, stop = part
    return [part] if isinstance(entry, RingGap) else sieve.slices(entry, start, stop)
