"""
The ring: the last lines of one channel in memory, and what follows a given id. Pure: no I/O.

    Batch, RingGap --> Ring.append() --> Ring.entries_from(index) --> encoder --> a subscriber

Every line has an index: it counts the channel's lines since the ring was made, and never decreases. A gap (lines that
this process missed) takes one index, too, so a position says on which side of it a subscriber is.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from sse_hub.hub.counters import OVERLAPPING_REASONS
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.lines import MESSAGE, normalize
from sse_hub.protocol.sse import Gap

# About what an entry takes in memory besides the bytes of its payloads.
BATCH_OVERHEAD_BYTES = 200
LINE_OVERHEAD_BYTES = 60
# Gaps that overlap lines, and were evicted with them, that a ring remembers.
MAX_OVERLAPS = 16


class NormalizedLines(NamedTuple):
    """
    The lines of a batch, each one JSON object.

    `events` has the event of each line that names one, by its offset. `multiline` is True when a line holds line ends.
    """

    lines: list[bytes]
    events: Mapping[int, str]
    multiline: bool


_NO_EVENTS: Mapping[int, str] = {}


class Batch:
    """
    Lines of one channel that came in one read, after one fence: ids `fence-first`, `fence-(first+1)`, …

    `seq` counts the entries of all rings, `index` is that of the first line in the ring, `size` about its bytes in
    memory. A batch from the log may hold lines of several reads, and then has a moment for each.
    """

    __slots__ = (
        "_limit_bytes",
        "_moments",
        "_normalized",
        "_payloads",
        "channel",
        "fence",
        "first",
        "frames",
        "index",
        "length",
        "seq",
        "sieved",
        "size",
    )

    def __init__(
        self,
        channel: str,
        seq: int,
        fence: int,
        first: int,
        payloads: list[bytes],
        limit_bytes: int,
        moments: int | Sequence[int],
    ) -> None:
        """`moments`: when the lines came, in ms since the epoch; one for all of them, or one for each."""
        self.channel = channel
        self.seq = seq
        self.fence = fence
        self.first = first
        self.index = 0
        self.length = len(payloads)
        self.size = BATCH_OVERHEAD_BYTES + sum(map(len, payloads)) + LINE_OVERHEAD_BYTES * self.length
        # The whole batch encoded, by encoder, if it came from the log, where many read it: see `encoder.encode_once`.
        self.frames: dict[object, bytes] | None = None
        # For each filter, what it has said of the first lines, a byte for each: see `sieve.Sieve`.
        self.sieved: dict[object, bytearray] | None = None
        self._limit_bytes = limit_bytes
        self._moments = moments
        self._payloads = payloads
        self._normalized: NormalizedLines | None = None

    @property
    def last(self) -> EventId:
        """The id of the last line."""
        return EventId(self.fence, self.first + self.length - 1)

    def moments(self, start: int, stop: int) -> Sequence[int]:
        """When each of the lines between two offsets came, in ms since the epoch."""
        return [self._moments] * (stop - start) if isinstance(self._moments, int) else self._moments[start:stop]

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """The lines between two offsets, as runs that came at one moment: the bounds of each, and the moment."""
        if isinstance(self._moments, int):
            yield start, stop, self._moments
            return
        for moment, run in groupby(range(start, stop), self._moments.__getitem__):
            offsets = list(run)
            yield offsets[0], offsets[-1] + 1, moment

    @property
    def lines(self) -> list[bytes]:
        """The lines alone, see `normalized()`."""
        return self.normalized().lines

    def normalized(self) -> NormalizedLines:
        """The payloads as lines. They are parsed in the first call, so a line that nobody reads costs no parsing."""
        if self._normalized is None:
            self._normalized = self._normalize()
            # Not kept twice.
            self._payloads = self._normalized.lines
        return self._normalized

    def _normalize(self) -> NormalizedLines:
        lines: list[bytes] = []
        events: dict[int, str] | None = None
        multiline = False
        limit_bytes = self._limit_bytes
        for payload in self._payloads:
            line, event = normalize(payload, limit_bytes)
            if event != MESSAGE:
                events = events or {}
                events[len(lines)] = event
            if b"\n" in line or b"\r" in line:
                multiline = True
            lines.append(line)
        return NormalizedLines(lines, events or _NO_EVENTS, multiline)


class RingGap:
    """
    Lines up to `last` that this process missed, as an entry of the ring: each subscriber that passes it is sent `gap`.

    If `alone`, it is a gap of this channel only. Otherwise the rings of all channels and patterns have one at the same
    fence. `for_lines` is true of one that stands for lines in the ring: it is made for a stream, and in no ring.
    """

    __slots__ = ("alone", "channel", "fence", "first", "for_lines", "gap", "index", "seq", "size")

    length = 1

    def __init__(
        self, channel: str, seq: int, last: EventId, gap: Gap, alone: bool = False, for_lines: bool = False
    ) -> None:
        self.alone = alone or for_lines
        self.for_lines = for_lines
        self.channel = channel
        self.seq = seq
        self.fence, self.first = last
        self.index = 0
        self.gap = gap
        self.size = BATCH_OVERHEAD_BYTES

    @property
    def last(self) -> EventId:
        """The id after which no line is missing."""
        return EventId(self.fence, self.first)

    @property
    def overlaps(self) -> bool:
        """True if lines between the bounds of the gap were received: some, nobody knows which, are missing."""
        return self.gap.reason in OVERLAPPING_REASONS

    def for_pattern(self, pattern: str) -> "RingGap":
        """The same gap for the ring of `pattern`: it starts at a fence, whatever line came last on this channel."""
        fence = (self.gap.after or "0").partition("-")[0]
        return RingGap(pattern, self.seq, self.last, self.gap._replace(channel=pattern, after=f"{fence}-0"))


Entry = Batch | RingGap

EntrySlice = tuple[Entry, int, int]
"""An entry, the offset of the first line, and the offset after the last line of the slice."""


class Ring:
    """
    The last lines of one channel, oldest first; trim() leaves `max_lines` of them.

    It holds everything after the id `start`. `last` is the id of the newest entry, `end` the index of the next one,
    `size` about the bytes it takes in memory.
    """

    __slots__ = ("_entries", "_last_gap", "_max_lines", "_newest_overlaps", "_overlaps", "end", "last", "size", "start")

    def __init__(self, start: EventId, max_lines: int) -> None:
        self.start = start
        self.last = start
        self.end = 0
        self.size = 0
        self._max_lines = max_lines
        self._entries: deque[Entry] = deque()
        self._last_gap = -1
        # The bounds of evicted gaps that overlap lines, and the newest of such gaps, evicted or not.
        self._overlaps: tuple[tuple[EventId, EventId], ...] = ()
        self._newest_overlaps: tuple[RingGap, ...] = ()

    @property
    def first(self) -> int:
        """The index of the oldest line held, or `end` when none is."""
        return self._entries[0].index if self._entries else self.end

    def append(self, entry: Entry) -> None:
        """Add the newest entry. Call trim() next."""
        entry.index = self.end
        if isinstance(entry, RingGap):
            self._last_gap = entry.index
            if entry.overlaps:
                self._newest_overlaps = (*self._newest_overlaps[1 - MAX_OVERLAPS :], entry)
        self._entries.append(entry)
        self.last = entry.last
        self.end += entry.length
        self.size += entry.size

    def trim(self, keep_from: int | None = None) -> None:
        """Evict the oldest entries while there are too many lines, but none from the index `keep_from` on."""
        while self.end - self.first > self._max_lines and len(self._entries) > 1:
            oldest = self._entries[0]
            if keep_from is not None and oldest.index + oldest.length > keep_from:
                return
            self._evict()

    def shrink(self, bytes_to_free: int) -> int:
        """Evict the oldest entries until `bytes_to_free` are free or nothing is left; the number of bytes freed."""
        before = self.size
        while before - self.size < bytes_to_free and self._entries:
            self._evict()
        return before - self.size

    def restart(self, start: EventId) -> None:
        """Drop everything: the ring holds what comes after `start`. Indexes go on."""
        while self._entries:
            self._evict()
        self.start = self.last = start
        self._newest_overlaps = ()

    @property
    def trimmed(self) -> bool:
        """True when lines have been evicted."""
        return self.first > 0

    def covers(self, id: EventId) -> bool:
        """True when the ring has all lines after `id`, or gaps for them."""
        return id >= self.start

    def certainly_lacks(self, id: EventId) -> bool:
        """True when `id` is certainly not an id of this channel: it is another channel's, or invented."""
        since = EventId(id.fence, 0)
        if not self.covers(since) or self._last_gap >= self.index_after(since):
            # Other processes may have delivered lines with ids that this one has never seen.
            return False
        return self.count_before(self.index_after(id), id.fence) < id.n

    def index_after(self, id: EventId) -> int:
        """The index of the first line or gap held whose id is greater than `id`."""
        at = bisect_right(self._entries, id, key=_id_of) - 1
        if at < 0:
            return self.first
        entry = self._entries[at]
        if entry.fence == id.fence and isinstance(entry, Batch):
            return entry.index + min(id.n - entry.first + 1, entry.length)
        return entry.index + entry.length

    def count_before(self, index: int, fence: int) -> int:
        """The number of lines since fence `fence` that lie before `index`."""
        at = self._at(index - 1)
        if at < 0:
            return self.start.n if self.start.fence == fence else 0
        entry = self._entries[at]
        return entry.first + index - 1 - entry.index if entry.fence == fence else 0

    def id_before(self, index: int) -> EventId:
        """The id up to which a subscriber has everything that has what lies before `index`."""
        at = self._at(index - 1)
        if at < 0:
            return self.start
        entry = self._entries[at]
        return EventId(entry.fence, entry.first + index - 1 - entry.index) if isinstance(entry, Batch) else entry.last

    def missing_since(self, id: EventId) -> EventId:
        """From where on a client that had the channel up to `id` lacks lines, if it lacks those evicted after `id`."""
        return min((after for after, last in self._overlaps if after < id < last), default=id)

    def overlaps_before(self, id: EventId, since: int) -> list[Gap]:
        """The gaps that overlap lines and end up to `id`, from the fence `since` on."""
        return [each.gap for each in self._newest_overlaps if since <= each.last.fence and each.last <= id]

    def lost_since(self, index: int) -> int | None:
        """The number of lines from `index` on that were evicted; None if a gap may be among them."""
        return None if index <= self._last_gap else self.first - index

    def entries_from(self, index: int) -> Iterator[Entry]:
        """The entries that hold `index` and what follows, oldest first. Valid until the ring changes."""
        for at in range(max(self._at(index), 0), len(self._entries)):
            yield self._entries[at]

    def entries_backwards(self) -> Iterator[Entry]:
        """All entries held, newest first. Valid until the ring changes."""
        return reversed(self._entries)

    def gaps(self) -> list[RingGap]:
        """The gaps held, oldest first, except those of this channel only."""
        return [entry for entry in self._entries if isinstance(entry, RingGap) and not entry.alone]

    def newest_ids(self, until: EventId, limit: int) -> list[EventId]:
        """The ids of the last `limit` lines held up to `until`, newest first."""
        batches = (entry for entry in reversed(self._entries) if isinstance(entry, Batch))
        ids = (EventId(each.fence, each.first + at) for each in batches for at in reversed(range(each.length)))
        return list(islice((id for id in ids if id <= until), limit))

    def _at(self, index: int) -> int:
        return bisect_right(self._entries, index, key=_index_of) - 1

    def _evict(self) -> None:
        entry = self._entries.popleft()
        self.size -= entry.size
        if isinstance(entry, RingGap) and entry.overlaps:
            self._overlaps = (*self._overlaps[1 - MAX_OVERLAPS :], (_id_in(entry.gap.after), entry.last))
        self.start = entry.last


def _id_of(entry: Entry) -> EventId:
    return EventId(entry.fence, entry.first)


def _index_of(entry: Entry) -> int:
    return entry.index


def _id_in(text: str | None) -> EventId:
    fence, _, n = (text or "0-0").partition("-")
    return EventId(int(fence), int(n))
