"""
Which lines of an entry a stream with a filter gets. Pure: no I/O.

    Batch of 9 lines --> Sieve(filter).slices(entry, 0, 9) --> [(entry, 2, 4), (entry, 7, 8)] --> encoder

A line that is too long for the filter is not judged: a gap with reason `filter` stands in its place.
"""

from collections.abc import Iterable, Iterator

from sse_hub.filters.compile import Filter
from sse_hub.filters.line import FilteredLine
from sse_hub.hub.encoder import Encoder, advance
from sse_hub.hub.position import Position
from sse_hub.hub.ring import Batch, EntrySlice, RingGap
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.sse import Gap

REASON = "filter"


class Sieve:
    """
    The sieve of one `filter`.

    With `remember`, it keeps what it has found with the batch, for others with the same filter. That is for batches of
    the log, which many read; in the rings of quiet channels there are too many batches.
    """

    def __init__(self, filter: Filter, remember: bool = False) -> None:
        self.filter = filter
        self.passed = 0
        """The number of lines that have passed, and of those that were not judged."""
        self._remember = remember

    def slices(self, entry: Batch, start: int, stop: int) -> Iterable[EntrySlice]:
        """The matching lines of `entry` between two offsets, and gaps for those that are not judged."""
        found = self._found(entry, start, stop)
        self.passed += sum(last - first for _, first, last in found)
        return found

    def _found(self, entry: Batch, start: int, stop: int) -> list[EntrySlice]:
        if not self._remember:
            return list(self._sift(entry, start, stop))
        known = entry.sieved = entry.sieved or {}
        done_to, found = known.get(self.filter.key, (0, []))
        if start > done_to:
            return list(self._sift(entry, start, stop))
        if stop > done_to:
            found += self._sift(entry, done_to, stop)
            known[self.filter.key] = stop, found
        return [
            (each, max(first, start), min(last, stop)) if isinstance(each, Batch) else (each, first, last)
            for each, first, last in found
            if _ends(entry, (each, first, last)) > start and _begins(entry, (each, first, last)) < stop
        ]

    def _sift(self, entry: Batch, start: int, stop: int) -> Iterator[EntrySlice]:
        first = start
        matched = False
        for offset, line in enumerate(filtered_lines(entry, start, stop), start):
            dear = self.filter.is_too_dear(line)
            matches = not dear and self.filter.matches(line)
            if matches != matched:
                if matched:
                    yield entry, first, offset
                first, matched = offset, matches
            if dear:
                yield skipped(entry, offset, offset + 1), 0, 1
        if matched:
            yield entry, first, stop


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


# The offsets in `entry` where something begins and ends that was found in it.
def _begins(entry: Batch, found: EntrySlice) -> int:
    return found[1] if isinstance(found[0], Batch) else found[0].index - entry.index


def _ends(entry: Batch, found: EntrySlice) -> int:
    return found[2] if isinstance(found[0], Batch) else found[0].index - entry.index + 1
