"""
What a position lacks of the rings, out of the log.

    position --> recorded(): pages of each channel, merged in the order of fences --> frames, the position moved on

A cursor `F-n1.n2` says that everything before fence F has been sent, of all channels: lines must leave in that order.
"""

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from itertools import count

from sse_hub.errors import LogUnavailable
from sse_hub.hub.backend import BatchSlice, Log, LogGap, RecordedLog, start_of
from sse_hub.hub.counters import Counters
from sse_hub.hub.encoder import Encoder, encode_once
from sse_hub.hub.position import Position
from sse_hub.hub.ring import Ring
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection, matches
from sse_hub.protocol.sse import Gap, gap_frame

logger = logging.getLogger(__name__)

# About how much a replay holds in memory and sends at a time.
CHUNK_BYTES = 64 * 1024
# How often a log that can't be read is tried before its lines are told to be late. Each try may take two seconds.
MAX_TRIES = 8
RETRY_SECONDS = 0.5


class _ChannelReader:
    """One channel's pages, one after the other."""

    def __init__(self, log: Log, which: str, channel: str, after: EventId, until: EventId) -> None:
        self.parts: deque[BatchSlice | LogGap] = deque()
        self.ended = False
        self._log = log
        self._which = which
        self._channel = channel
        self._after = after
        self._until = until

    async def fill(self) -> None:
        """Read until there is a part, or the end."""
        while not self.parts and not self.ended:
            page = (await self._log.page(self._channel, self._after, self._until)).require_log(self._which)
            self.parts += page.parts
            self._after = page.last
            self.ended = not page.more


async def read_merged(
    log: Log, after: Mapping[str, EventId], since: int, until: int
) -> AsyncIterator[list[BatchSlice | LogGap]]:
    """
    The recorded lines of the channels in `after`, each after its id there, up to fence `until`; and the breaks of the
    log from fence `since` on. In the order of fences, in lists of about CHUNK_BYTES. Raises LogUnavailable.
    """
    order = count()
    heads: list[tuple[EventId, int, _ChannelReader]] = []
    which, holes = await log.gaps(since, until)
    for hole in holes:
        told = _ChannelReader(log, which, "", hole.before, hole.before)
        told.parts.append(hole)
        told.ended = True
        # A break sorts where it ends: what was recorded within its bounds stands before it.
        heapq.heappush(heads, (hole.before, next(order), told))
    for channel, id in after.items():
        reader = _ChannelReader(log, which, channel, id, EventId(until, 0))
        await reader.fill()
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
    ) -> None:
        # Lines out of the log so far, for all who were sent them.
        self.lines = 0
        self._counters = counters
        self._selection = selection
        self._rings = rings
        self._encode = encode_once(encode) if selection.single else encode
        self._recorded_log = recorded_log

    def needed(self, position: Position) -> bool:
        """True when lines after `position` have left the rings, or were never in them."""
        return bool(rings_lack(position, self._rings))

    async def frames(self, position: Position) -> AsyncGenerator[bytes, None]:
        """
        Frames from `position` on, which is moved past them, until all rings cover it. These may change meanwhile.

        What can't be had, because the log has not got it or does not answer in time, is told by one gap a channel.
        """
        log, rings = self._recorded_log.log, self._rings
        failures, passed = 0, position.fence
        while lacking := rings_lack(position, rings):
            unrecorded = [name for name in lacking if not (log and self._recorded_log.records(name))]
            if log and not unrecorded:
                reached = passed
                try:
                    # What is there is sent before anything is waited for.
                    reached = log.watermark if log.watermark > passed else await log.wait_complete(passed + 1)
                    if reached > passed:
                        async for frames in self._from_log(log, position, reached):
                            yield frames
                    failures = 0
                except LogUnavailable as error:
                    # What has been sent stays sent: `position` has been moved past it.
                    failures += 1
                    self._counters.redis_errors["log"] += 1
                    logger.info(
                        "replay_failed times=%(times)d reason=%(reason)r", {"times": failures, "reason": str(error)}
                    )
                if reached > passed and not failures:
                    passed = reached
                    position.complete_fence(reached)
                    position.resolve_indexes(rings)
                    continue
                position.resolve_indexes(rings)
                if log.catching_up and not failures:
                    # A flood takes its time to be recorded.
                    continue
                if 0 < failures < MAX_TRIES:
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                lacking = rings_lack(position, rings)
            gaps = self._gaps(position, rings, unrecorded or lacking)
            position.resolve_indexes(rings)
            if gaps:
                yield gaps

    async def _from_log(self, log: Log, position: Position, until: int) -> AsyncIterator[bytes]:
        holes: dict[str, LogGap] = {}
        after = await self._channels(log, position, until)
        async for chunk in read_merged(log, after, position.fence, until):
            frames: list[bytes] = []
            pieces: list[BatchSlice] = []
            for part in chunk:
                if isinstance(part, LogGap):
                    # So that it is told after what stands before it.
                    frames += self._encode(position, pieces)
                    pieces = []
                    self._widen(holes, part, position)
                    continue
                if holes:
                    frames += _told(holes, position)
                pieces.append(part)
                self.lines += part[2] - part[1]
                self._counters.replayed += part[2] - part[1]
            frames += self._encode(position, pieces)
            if frames:
                yield b"".join(frames)
        if holes:
            yield b"".join(_told(holes, position))

    async def _channels(self, log: Log, position: Position, until: int) -> dict[str, EventId]:
        names = dict.fromkeys(name for name in self._selection.channels if self._recorded_log.records(name))
        after = {name: position.id_of(name) for name in names}
        if self._selection.patterns:
            for name, last in (await log.last_ids(until)).items():
                if self._selection.matches(name) and last > position.id_of(name):
                    after[name] = position.id_of(name)
        return after

    def _widen(self, gaps: dict[str, LogGap], gap: LogGap, position: Position) -> None:
        # A break of the log is told once for each name that was asked for.
        for name in (gap.channel,) if gap.channel else (*self._selection.channels, *self._selection.patterns):
            if gap.before > position.id_of(name):
                self._counters.gaps[gap.reason] += name not in gaps
                gaps[name] = gaps[name].merge_with(gap) if name in gaps else gap

    def _gaps(self, position: Position, rings: Mapping[str, Ring], lacking: Sequence[str]) -> bytes:
        # The gap of a pattern tells of all its channels up to where its ring begins; what a channel of it has lost
        # after that has a gap of its own.
        gaps = []
        for name in lacking:
            start = rings[name].start
            by_pattern = [rings[each].start for each in self._selection.patterns if matches(each, name)]
            if name in position.names or all(start > begun for begun in by_pattern):
                gaps.append(self._gap(name, position, rings[name]))
        for name in lacking:
            position.skip_to(name, rings[name].start)
        self._counters.gaps.update(gap.reason for gap in gaps)
        return b"".join([gap_frame(None, gap) for gap in gaps])

    def _gap(self, name: str, position: Position, ring: Ring) -> Gap:
        id, start = position.id_of(name), ring.start
        lost = start.n - id.n if start.fence == id.fence else None
        if position.live and lost is None:
            lost = ring.lost_since(position.indexes.get(name, 0))
        reason = "trimmed" if ring.trimmed else "recorder-down"
        if position.live:
            reason = "slow"
        elif self._recorded_log.log and self._recorded_log.records(name):
            reason = "late"
        return Gap(name, str(id), str(EventId(start.fence, start.n + 1)), lost, reason)


def _told(holes: dict[str, LogGap], position: Position) -> list[bytes]:
    frames = [gap_frame(None, hole.as_gap(name, position.id_of(name))) for name, hole in holes.items()]
    for name, hole in holes.items():
        # It may reach beyond what this replay reads, and must not be told again.
        position.skip_to(name, max(position.id_of(name), EventId(hole.before.fence, max(0, hole.before.n - 1))))
    holes.clear()
    return frames


def rings_lack(position: Position, rings: Mapping[str, Ring]) -> list[str]:
    """The names of `rings` that have lost lines after `position`."""
    return [name for name, ring in rings.items() if not ring.covers(position.id_of(name))]
