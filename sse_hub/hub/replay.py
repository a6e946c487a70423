"""
Replay: what a position needs that the rings no longer hold, from the log.

    position --> read_merged(): pages of each channel, merged in the order of fences --> frames, the position moved on

A cursor `F-n1.n2` says that everything before fence F was sent, of all channels, so lines must be sent in that order.
"""

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from itertools import count

from sse_hub.errors import LogUnavailable
from sse_hub.filters.compile import Filter
from sse_hub.hub.backend import BatchSlice, Log, LogGap, RecordedLog, start_of
from sse_hub.hub.counters import Counters
from sse_hub.hub.encoder import Encoder, encode_once
from sse_hub.hub.position import Position
from sse_hub.hub.ring import Ring
from sse_hub.hub.sieve import Sieve, encoder_with
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.patterns import matches
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap, gap_frame

logger = logging.getLogger(__name__)

# About how many bytes of lines a replay holds in memory, and sends in a chunk.
CHUNK_BYTES = 64 * 1024
# How many channels are read at the same time, before the first line is sent.
CHANNELS_AT_A_TIME = 32
# How often a replay tries to read the log before it sends a gap with reason "late". Each try may take two seconds.
MAX_TRIES = 8
RETRY_SECONDS = 0.5
# How many lines a filter, which may take 60 us for each, looks at between two other tasks.
FILTERED_LINES = 40


class _ChannelReader:
    """One channel's pages, one after the other."""

    def __init__(self, log: Log, log_id: str, channel: str, after: EventId, until: EventId) -> None:
        self.parts: deque[BatchSlice | LogGap] = deque()
        self.ended = False
        self._log = log
        self._log_id = log_id
        self._channel = channel
        self._after = after
        self._until = until

    async def fill(self) -> None:
        """Read until there is a part, or the end."""
        while not self.parts and not self.ended:
            page = (await self._log.page(self._channel, self._after, self._until)).require_log(self._log_id)
            self.parts += page.parts
            self._after = page.last
            self.ended = not page.more


async def read_merged(
    log: Log, after: Mapping[str, EventId], since: int, until: int
) -> AsyncIterator[list[BatchSlice | LogGap]]:
    """
    The recorded lines of the channels in `after`, each after its id there, up to fence `until`, and the gaps of the log
    from fence `since` on. In the order of fences, in lists of about CHUNK_BYTES. Raises LogUnavailable.
    """
    order = count()
    heads: list[tuple[EventId, int, _ChannelReader]] = []
    log_id, gaps = await log.gaps(since, until)
    for gap in gaps:
        gap_reader = _ChannelReader(log, log_id, "", gap.before, gap.before)
        gap_reader.parts.append(gap)
        gap_reader.ended = True
        # A gap sorts by its end: what was recorded within its bounds comes before it.
        heapq.heappush(heads, (gap.before, next(order), gap_reader))
    readers = [_ChannelReader(log, log_id, channel, id, EventId(until, 0)) for channel, id in after.items()]
    for at in range(0, len(readers), CHANNELS_AT_A_TIME):
        some = readers[at : at + CHANNELS_AT_A_TIME]
        # The log reads several channels in one round trip.
        await asyncio.gather(*(reader.fill() for reader in some))
        for reader in some:
            if reader.parts:
                heapq.heappush(heads, (start_of(reader.parts[0]), next(order), reader))
    chunk: list[BatchSlice | LogGap] = []
    size = 0
    while heads:
        _, _, reader = heapq.heappop(heads)
        part = reader.parts.popleft()
        chunk.append(part)
        if not isinstance(part, LogGap):
            size += part[0].size
        await reader.fill()
        if reader.parts:
            heapq.heappush(heads, (start_of(reader.parts[0]), next(order), reader))
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class Replay:
    """Brings positions of one selection from the log to where `rings`, which its feed adds to, cover them."""

    def __init__(
        self,
        selection: Selection,
        rings: Mapping[str, Ring],
        encode: Encoder,
        recorded_log: RecordedLog,
        counters: Counters,
        filter: Filter | None = None,
    ) -> None:
        # Lines from the log so far, counted for each subscriber.
        self.lines = 0
        self._counters = counters
        self._selection = selection
        self._rings = rings
        # All streams with one filter share what it has found.
        self._sieve = Sieve(filter, remember=True) if filter else None
        self._encode = encode_once(encode) if selection.single else encode
        if self._sieve:
            self._encode = encoder_with(self._sieve, encode)
        self._recorded_log = recorded_log

    def needed(self, position: Position) -> bool:
        """True when the rings have evicted lines after `position`, or never had them."""
        return bool(position.lacking(self._rings))

    async def frames(self, position: Position) -> AsyncGenerator[bytes, None]:
        """
        Frames from `position` on, which is moved past them, until all rings cover it. These may change meanwhile.

        For lines that the log does not have, or can't return in time, it sends one gap for each channel. Empty where no
        line has passed the filter.
        """
        log, rings = self._recorded_log.log, self._rings
        failures, done_to = 0, position.fence
        while lacking := position.lacking(rings):
            unrecorded = [name for name in lacking if not (log and self._recorded_log.records(name))]
            if log and not unrecorded:
                reached = done_to
                try:
                    # Sends what is recorded before it waits for more.
                    reached = log.watermark if log.watermark > done_to else await log.wait_complete(done_to + 1)
                    if reached > done_to:
                        async for frames in self._from_log(log, position, reached):
                            yield frames
                    failures = 0
                except LogUnavailable as error:
                    # `position` was moved past what was sent.
                    failures += 1
                    self._counters.redis_errors["log"] += 1
                    logger.info(
                        "replay_failed times=%(times)d reason=%(reason)r", {"times": failures, "reason": str(error)}
                    )
                if reached > done_to and not failures:
                    done_to = reached
                    position.complete_fence(reached)
                    position.resolve_indexes(rings)
                    continue
                position.resolve_indexes(rings)
                if log.catching_up and not failures:
                    # Recording a flood takes some time.
                    continue
                if 0 < failures < MAX_TRIES:
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                lacking = position.lacking(rings)
            gap_frames = self._skip_to_rings(position, rings, unrecorded or lacking)
            position.resolve_indexes(rings)
            if gap_frames:
                yield gap_frames

    async def _from_log(self, log: Log, position: Position, until: int) -> AsyncIterator[bytes]:
        gaps: dict[str, list[LogGap]] = {}
        names = (*self._selection.channels, *self._selection.patterns)
        starts = {name: position.id_of(name) for name in names}
        after = await self._start_ids(log, position, until)
        for pattern in self._selection.patterns:
            if forgotten := log.forgotten_gap(pattern):
                self._collect_gap(gaps, forgotten, position, starts)
        async for chunk in read_merged(log, after, position.fence, until):
            for some in _portions(chunk) if self._sieve else [chunk]:
                frames: list[bytes] = []
                slices: list[BatchSlice] = []
                for part in some:
                    if isinstance(part, LogGap):
                        # What comes before the gap is sent before it.
                        frames += self._encoded(position, slices)
                        slices = []
                        self._collect_gap(gaps, part, position, starts)
                        continue
                    if gaps:
                        frames += _take_gap_frames(gaps, position)
                    slices.append(part)
                frames += self._encoded(position, slices)
                if frames or self._sieve:
                    yield b"".join(frames)
                if self._sieve:
                    # Only here: what the position has been moved past was sent.
                    await asyncio.sleep(0)
        if gaps:
            yield b"".join(_take_gap_frames(gaps, position))

    def _encoded(self, position: Position, slices: list[BatchSlice]) -> list[bytes]:
        passed = self._sieve.passed if self._sieve else 0
        frames = self._encode(position, slices)
        lines = self._sieve.passed - passed if self._sieve else sum(stop - start for _, start, stop in slices)
        self.lines += lines
        self._counters.replayed += lines
        return frames

    async def _start_ids(self, log: Log, position: Position, until: int) -> dict[str, EventId]:
        names = dict.fromkeys(name for name in self._selection.channels if self._recorded_log.records(name))
        after = {name: position.id_of(name) for name in names}
        if self._selection.patterns:
            for name, last in (await log.matching_ids(self._selection, until, first=True)).items():
                if last > position.id_of(name):
                    after[name] = position.id_of(name)
        return after

    def _collect_gap(
        self, gaps: dict[str, list[LogGap]], gap: LogGap, position: Position, starts: Mapping[str, EventId]
    ) -> None:
        # A gap of the whole log is sent once for each channel and pattern of the selection. Adjacent gaps become one,
        # unless only one of them overlaps lines: that one keeps its bounds.
        for name in (gap.channel,) if gap.channel else starts:
            # Another gap may have moved the position past one that overlaps lines, but did not begin where that does.
            start = starts.get(name) if gap.overlaps else None
            if gap.before > (start or position.id_of(name)):
                known = gaps.setdefault(name, [])
                if known and known[-1].overlaps == gap.overlaps:
                    known[-1] = known[-1].merge_with(gap)
                else:
                    self._counters.gaps[gap.reason] += 1
                    known.append(gap)

    def _skip_to_rings(self, position: Position, rings: Mapping[str, Ring], lacking: Sequence[str]) -> bytes:
        # The gap of a pattern covers all its channels up to where its ring starts. What a channel has lost after that
        # gets a separate gap.
        gaps = []
        for name in lacking:
            start = rings[name].start
            by_pattern = [rings[each].start for each in self._selection.patterns if matches(each, name)]
            if name in position.names or all(start > each for each in by_pattern):
                gaps.append(self._gap(name, position, rings[name]))
        for name in lacking:
            position.skip_to(name, rings[name].start)
        self._counters.gaps.update(gap.reason for gap in gaps)
        return b"".join([gap_frame(position.cursor(), gap) for gap in gaps])

    def _gap(self, name: str, position: Position, ring: Ring) -> Gap:
        id, start = position.id_of(name), ring.start
        lost = start.n - id.n if start.fence == id.fence else None
        if position.was_live and lost is None:
            lost = ring.lost_since(position.indexes.get(name, 0))
        reason = "trimmed" if ring.trimmed else "recorder-down"
        if position.was_live:
            reason = "slow"
        elif self._recorded_log.log and self._recorded_log.records(name):
            reason = "late"
        since = ring.missing_since(id)
        return Gap(name, str(since), str(EventId(start.fence, start.n + 1)), lost if since == id else None, reason)


def _portions(chunk: list[BatchSlice | LogGap]) -> Iterator[list[BatchSlice | LogGap]]:
    """`chunk` in parts of at most FILTERED_LINES lines."""
    some: list[BatchSlice | LogGap] = []
    left = FILTERED_LINES
    for part in chunk:
        if isinstance(part, LogGap):
            some.append(part)
            continue
        batch, start, stop = part
        while stop - start >= left:
            yield [*some, (batch, start, start + left)]
            some, start, left = [], start + left, FILTERED_LINES
        if start < stop:
            some.append((batch, start, stop))
            left -= stop - start
    if some:
        yield some


def _take_gap_frames(gaps: dict[str, list[LogGap]], position: Position) -> list[bytes]:
    every = [(name, gap) for name, known in gaps.items() for gap in known]
    frames = [gap_frame(position.cursor(), gap.as_gap(name, position.id_of(name))) for name, gap in every]
    for name, gap in every:
        # A gap may reach further than this replay reads, and must not be sent again.
        position.skip_to(name, max(position.id_of(name), EventId(gap.before.fence, max(0, gap.before.n - 1))))
    gaps.clear()
    return frames
