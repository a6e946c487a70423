"""
The ingest: fences and lines from the source go into the rings of their channels, and to the feeds that carry them.

    session_started(fence), lines_received(payloads by channel), fence_received(fence) --> rings --> feeds
                                                                   └──► FenceHistory         └──► recorder

Nothing here awaits, so each call takes effect at once, for all feeds.
"""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from time import perf_counter

from sse_hub.config import Config
from sse_hub.hub.arrival_clock import ArrivalClock
from sse_hub.hub.backend import NO_LIMIT, BatchSlice, LogGap
from sse_hub.hub.channel import Channel
from sse_hub.hub.counters import Counters
from sse_hub.hub.fair_lock import slice_end
from sse_hub.hub.feed import Feed
from sse_hub.hub.fence_history import FenceHistory
from sse_hub.hub.filter_budget import FilterBudget
from sse_hub.hub.filtered_feeds import FilterSets
from sse_hub.hub.new_names import NewNames
from sse_hub.hub.registry import ChannelRegistry
from sse_hub.hub.ring import Batch, Entry, RingGap
from sse_hub.hub.ring_memory import RingMemory
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import RESERVED
from sse_hub.protocol.sse import Gap

logger = logging.getLogger(__name__)

FORKED = "forked"
RESERVED_KEYS = tuple(name.encode() for name in RESERVED)
SHOWN_BYTES = 128
# Channels that a feed is attached to, or detached from, between two readings of the clock: about 0.1 ms.
ATTACH_STEP = 64
# Refused names that are remembered.
MAX_REFUSED = 20_000


class Ingest:
    """
    All channels of one process, the feeds that carry them, and since which fence their rings are complete.

    Implements `backend.Receiver`.
    """

    def __init__(self, config: Config, counters: Counters) -> None:
        self.last_fence = 0
        self.fences = FenceHistory()
        self.counters = counters
        self.memory = RingMemory(config.ring_megabytes * 1_000_000)
        self.registry = ChannelRegistry(config, counters, self.memory)
        # The fence since which the rings have got every line; None while there is no session.
        self.complete_since: int | None = None
        # While a session holds back what it receives, since the rings are filled from the log: its first fence.
        self.filling_since: int | None = None
        # The first fence of this process on this branch: the rings have lines since then, with gaps among them. And why
        # they have none from before.
        self.first_fence: int | None = None
        self.first_reason = "recorder-down"
        # Gaps of all channels: the fences before and after, and the reason.
        self.gaps: deque[tuple[int, int, str]] = deque(maxlen=100)
        # Set when a session has started or was lost, and when a fence has come.
        self.session_changed = asyncio.Event()
        self.fence_seen = asyncio.Event()
        self.filter_budget = FilterBudget(config.filter_cpu_percent / 100)
        self._filter_sets = FilterSets()
        self._feeds: dict[Feed, None] = {}
        # Feeds that were offered something since the last _flush_touched().
        self._touched: dict[Feed, None] = {}
        # Bound once: they are called for every batch.
        self._store = self.memory.append
        self._mark_active = self.registry.active.add
        self._line_bytes = config.line_bytes
        # Channels that the session has just subscribed to, until the next fence.
        self._subscribed: set[str] = set()
        # Feeds that nobody uses any more, and the names of their channels that still have them.
        self._detaching: deque[tuple[Feed, list[str]]] = deque()
        self._refused_fence = 0
        # Lines of channels that were not taken, by name: how many since the fence `_refused_at`, and since which fence.
        # So, when a channel is taken, its next line gets its right id, and what it lacks is told.
        self._refused: dict[bytes, int] = {}
        self._refused_at = 0
        self._refused_before: OrderedDict[bytes, int] = OrderedDict()
        self._new_names = NewNames(config.new_channels_per_second)
        self._clock = ArrivalClock()
        self._seq = 0

    @property
    def held_since(self) -> int | None:
        """
        The fence since which the rings still have every line, and so could give it to the log; while they are filled,
        the one since which they will. None: no session.
        """
        evicted_to = self.memory.evicted_to
        since = self.complete_since or self.filling_since
        return None if since is None else max(since, evicted_to.fence + (evicted_to.n > 0))

    def session_lost(self) -> None:
        """See `Receiver`."""
        self.complete_since = self.filling_since = None
        self.session_changed.set()

    def session_leaving(self) -> bool:
        """See `Receiver`."""
        self.complete_since = None
        self.session_changed.set()
        return True

    def session_started(self, fence: int, reason: str = "recorder-down") -> None:
        """See `Receiver`. What was published between the last session and `fence` is a gap of all channels."""
        if self.first_fence is None:
            self.first_fence = fence
        self._add_gap_everywhere(EventId(self.last_fence, 0), EventId(fence, 0), reason, list(self.registry))
        self._resume(fence, reason)

    def session_backfilled(self, fence: int, filled_to: int, reason: str = "recorder-down") -> None:
        """
        As `session_started()`, after `fill()` has got all that was recorded up to the fence `filled_to`.

        What was published between `filled_to` and `fence`, where that is later, is a gap of all channels.
        """
        # Channels outside the ingest patterns are not recorded.
        unrecorded = [each for each in self.registry if not (each.recorded or each.name in self.registry.patterns)]
        for channel in unrecorded:
            after = max(channel.ring.last, EventId(self.last_fence, 0))
            gap = Gap(channel.name, str(after), str(EventId(fence, 0)), None, reason)
            self._add_gap(channel, EventId(fence, 0), gap)
        if filled_to < fence:
            others = [each for each in self.registry if each.recorded or each.name in self.registry.patterns]
            after = EventId(max(filled_to, self.last_fence), 0)
            self._add_gap_everywhere(after, EventId(fence, 0), reason, others)
        self._resume(fence, reason)

    def session_forked(self, common: int, fence: int) -> None:
        """See `Receiver`. The rings begin anew: the log has what was published on the living branch before `fence`."""
        for feed in self._feeds:
            feed.leave_branch(common, fence)
        self.first_fence, self.first_reason = fence, FORKED
        self.fences.fork(common, fence)
        start = EventId(fence, 0)
        for channel in self.registry:
            self.memory.restart(channel, start)
        self._add_gap_everywhere(EventId(common, 0), start, FORKED, list(self.registry), overlaps=True)
        # The recorder tells it as what is missing before `first_fence`.
        self.gaps.clear()
        for feed in self._feeds:
            # At once: a client that is left behind before it has the gap would go on in the log, from the dead branch.
            feed.flush()
        self._resume(fence, FORKED)

    def lines_missing(self, after: int, reason: str) -> None:
        """See `Receiver`. The rings keep the lines that did come; the gap stands behind them, and overlaps them."""
        end = EventId(self.last_fence, 0)
        self._add_gap_everywhere(EventId(after, 0), end, reason, list(self.registry), overlaps=True)
        self.memory.new_lines.set()
        self._flush_touched()

    def load_recorded(self, recorded: Mapping[str, tuple[EventId, int]], gaps_known_to: EventId) -> None:
        """See `ChannelRegistry.load_recorded`."""
        self.registry.load_recorded(recorded, gaps_known_to, self._add_channel)

    def fill(self, parts: Iterable[BatchSlice | LogGap]) -> None:
        """Add lines that this process missed, and gaps among them, from the log, in the order of fences."""
        for part in parts:
            if isinstance(part, LogGap):
                self._fill_gap(part)
                continue
            batch, start, stop = part
            # Clients get ids of it, and this process must know them again if this turns out to be a dead branch.
            self.fences.begin(batch.fence)
            name, lines, moments = batch.channel, batch.lines[start:stop], batch.moments(start, stop)
            channel = self.registry.get(name.encode()) or self._add_channel(name, self.registry.start)
            self._seq += 1
            copy = Batch(name, self._seq, batch.fence, batch.first + start, lines, NO_LIMIT, moments)
            channel.lines += copy.length
            self._append(channel, copy)
        self._flush_touched()

    def _count_unserved(self, key: bytes, lines: int) -> None:
        """Lines of the channel `key` go to nobody: its name is none for a channel, or no ingest pattern covers it."""
        if key.startswith(RESERVED_KEYS):
            # Keyspace events, for example, which Redis publishes itself.
            return
        if not self.counters.unserved:
            logger.warning("channel_not_served channel=%(channel)r", {"channel": key[:SHOWN_BYTES]})
        self.counters.unserved += lines

    def fence_received(self, fence: int) -> None:
        """See `Receiver`."""
        self.last_fence = fence
        self.fences.add(fence)
        self._clock.set(fence, time.monotonic())
        self.memory.new_lines.set()
        self.fence_seen.set()
        while self._subscribed:
            self._add_channel(self._subscribed.pop(), EventId(fence, 0))

    def channel_subscribed(self, name: str) -> None:
        """See `Receiver`. No ingest pattern covers `name`, so it becomes a channel with the next fence."""
        if self.registry.get(name.encode()) is None:
            self._subscribed.add(name)

    def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """See `Receiver`."""
        refused = False
        # One for the whole read: reading the clock for each line would cost more than the lines.
        moment = self._clock.moment(time.monotonic())
        for key, channel_payloads in payloads.items():
            channel = self.registry.get(key)
            if channel is None:
                if not self.registry.ingests(key):
                    self._count_unserved(key, len(channel_payloads))
                    continue
                channel = self._admit(key, len(channel_payloads))
                if channel is None:
                    refused = True
                    continue
            self._seq += 1
            batch = channel.batch(self._seq, self.last_fence, channel_payloads, self._line_bytes, moment)
            self._append(channel, batch)
        if refused and self._refused_fence != self.last_fence:
            self._append_refused_gaps()
        self._flush_touched()

    async def wait_applied(self) -> None:
        """Return at once: what was received is in the rings already."""

    # What the hub calls.

    async def attach(self, feed: Feed) -> None:
        """
        Offer `feed` what comes on the channels of its selection from now on, and have it carry all known ones.

        Returns when that is done, a slice of work at a time. Call it again for each stream that joins the feed.
        """
        selection, registry = feed.selection, self.registry
        self._feeds[feed] = None
        for name in selection.channels:
            self._attach_channel(feed, registry.get(name.encode()) or self._add_channel(name, registry.start))
        if unknown := [pattern for pattern in selection.patterns if pattern not in registry.patterns]:
            registry.add_patterns(unknown, self.first_fence or self.last_fence)
        for pattern in selection.patterns:
            self._attach_channel(feed, registry.patterns[pattern])
        names = await registry.names.matching(selection, first=True) if selection.patterns else []
        at = 0
        while at < len(names) and not feed.attached:
            async with registry.names.fair_lock.first:
                until = slice_end()
                while at < len(names) and perf_counter() < until:
                    for name in names[at : at + ATTACH_STEP]:
                        if channel := registry.get(name.encode()):
                            self._attach_channel(feed, channel)
                    at += ATTACH_STEP
        feed.attached = True

    def detach(self, feed: Feed) -> None:
        """Offer `feed` nothing more. With many channels, they are told so later, a slice of work at a time."""
        del self._feeds[feed]
        self._detaching.append((feed, list(feed.rings)))
        if len(self._detaching) == 1:
            self._detach_some()

    # The rest.

    def _append(self, channel: Channel, entry: Entry) -> None:
        """Where fan-out begins: `entry` goes into the ring, and to the feeds that carry `channel`."""
        self._store(channel, entry)
        self._mark_active(channel)
        touched = self._touched
        for feed in channel.unfiltered:
            feed.offer(entry)
            touched[feed] = None
        if channel.filtered:
            for feed in channel.filtered.offer(entry):
                touched[feed] = None

    def _flush_touched(self) -> None:
        touched, self._touched = self._touched, {}
        for feed in touched:
            feed.schedule_flush()

    def _admit(self, key: bytes, lines: int) -> Channel | None:
        """The new channel `key`, which has got `lines`; None when there is no room, or too many are new."""
        name = key.decode()
        # The log, or this process, knew it before: a flood must cost it nothing.
        known = name in self.registry.names
        if (known or self._new_names.admit(name, time.monotonic())) and self.registry.has_room(self.last_fence):
            return self._add_channel(name, self.registry.start)
        if self._refused_at != self.last_fence:
            self._refused.clear()
            self._refused_at = self.last_fence
        self._refused[key] = self._refused.get(key, 0) + lines
        self._refused_before.setdefault(key, self.last_fence)
        if len(self._refused_before) > MAX_REFUSED:
            self._refused_before.popitem(last=False)
        return None

    def _add_gap_everywhere(
        self, after: EventId, before: EventId, reason: str, channels: Iterable[Channel], overlaps: bool = False
    ) -> None:
        """Add a gap of the whole log to the rings of `channels`. One that `overlaps` them keeps its `after`."""
        if self.last_fence:
            self.gaps.append((after.fence, before.fence, reason))
            self.counters.gaps[reason] += 1
        for channel in channels:
            self._seq += 1
            start = after if overlaps else max(channel.ring.last, after)
            gap = Gap(channel.name, str(start), str(before), None, reason)
            self._append(channel, RingGap(channel.name, self._seq, before, gap))
        # Of a channel that is not known yet, all lines up to there may be missing.
        self.registry.start = before

    def _fill_gap(self, gap: LogGap) -> None:
        if gap.channel is None:
            after = gap.after if gap.overlaps else max(gap.after, EventId(self.last_fence, 0))
            self._add_gap_everywhere(after, gap.before, gap.reason, list(self.registry), gap.overlaps)
            return
        channel = self.registry.get(gap.channel.encode()) or self._add_channel(gap.channel, self.registry.start)
        last = EventId(gap.before.fence, gap.before.n - 1)
        self._add_gap(channel, last, gap.as_gap(channel.name, channel.ring.last))

    def _add_gap(self, channel: Channel, last: EventId, gap: Gap) -> None:
        """Add a gap to the ring of `channel` only, up to the id `last`."""
        self._seq += 1
        self.counters.gaps[gap.reason] += 1
        self._append(channel, RingGap(channel.name, self._seq, last, gap, alone=True))

    def _resume(self, fence: int, reason: str) -> None:
        # Any reason but a cut tells of another server, which may have left a dead branch behind.
        self.fences.begin(fence, switched_since=self.last_fence if reason != "recorder-down" else None)
        self.complete_since, self.filling_since = self.registry.start.fence, None
        self.session_changed.set()
        self.fence_received(fence)
        self._flush_touched()

    def _append_refused_gaps(self) -> None:
        # Too many channels: lines of new ones were not taken, and a pattern may match these.
        self._refused_fence = self.last_fence
        self.counters.gaps["trimmed"] += 1
        for channel in self.registry.patterns.values():
            self._seq += 1
            bounds = (str(EventId(self.last_fence, 0)), str(EventId(self.last_fence + 1, 0)))
            gap = Gap(channel.name, *bounds, None, "trimmed")
            self._append(channel, RingGap(channel.name, self._seq, EventId(self.last_fence, 0), gap))

    def _add_channel(self, name: str, start: EventId) -> Channel:
        refused_since = self._refused_before.pop(name.encode(), None)
        channel = self.registry.add(name, start if refused_since is None else EventId(refused_since, 0))
        for feed in self._feeds:
            if feed.selection.patterns and feed.selection.matches(name):
                self._attach_channel(feed, channel)
        if refused_since is not None:
            counted = self._refused.pop(name.encode(), 0) if self._refused_at == self.last_fence else 0
            channel.fence, channel.count = self.last_fence, counted
            last = EventId(self.last_fence, counted)
            after, before = EventId(refused_since, 0), EventId(self.last_fence, counted + 1)
            self._add_gap(channel, last, Gap(name, str(after), str(before), None, "trimmed"))
        return channel

    def _attach_channel(self, feed: Feed, channel: Channel) -> None:
        if channel.name not in feed.rings:
            feed.add_channel(channel.name, channel.ring)
            channel.add_feed(feed, self.filter_budget, self._filter_sets)
            self.registry.retain(channel.name)

    def _detach_some(self) -> None:
        until = slice_end()
        while self._detaching:
            feed, names = self._detaching[0]
            while names:
                if perf_counter() > until:
                    asyncio.get_running_loop().call_soon(self._detach_some)
                    return
                for name in names[-ATTACH_STEP:]:
                    self._detach_channel(feed, name)
                del names[-ATTACH_STEP:]
            self._detaching.popleft()

    def _detach_channel(self, feed: Feed, name: str) -> None:
        channel = self.registry.patterns.get(name) or self.registry.get(name.encode())
        # It may have been forgotten, and added again, since.
        if channel and feed in channel.feeds:
            channel.remove_feed(feed)
            if not channel.feeds:
                self.registry.leave(channel)
