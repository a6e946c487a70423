"""
The log, read back: pages of recorded lines from Redis streams, read once for all who want them at the same time.

    page(channel, after) --> Shelf: read a moment ago, or on its way? --> lua/page.lua --> Page

The recorder alone writes (`recorder.py`); the watermark says up to which fence it has.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker import keys
from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import LogChanged, LogUnavailable
from sse_hub.history.page_cache import PageCache, SingleFlight
from sse_hub.history.stream_entries import (
    LogSnapshot,
    RawEntry,
    RawPage,
    entries_of,
    entry_id,
    lost_gaps,
    parse_channel_state,
    parse_entries,
    read_page,
    read_with_snapshot,
)
from sse_hub.hub.backend import LogGap, LogGaps, Page
from sse_hub.protocol.ids import EventId
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# How long to wait for a fence that is recorded. The next one may be 1.25 s away, and the next recorder almost two.
COMPLETE_SECONDS = 3.5
POLL_SECONDS = 0.005
FRESH_SECONDS = 3.0
RETRY_SECONDS = 0.1
# Redis that has not said its watermark for this long, asked all the time, can't be read.
SILENT_SECONDS = 1.5
# For this many times as long as its lines, the name of an idle channel is kept, with its last id. Of what is older
# nobody knows whether there was something.
KEPT_TIMES = 2
# About the size of a page, to one line: what a subscriber that reads slowly holds in memory.
PAGE_BYTES = 64 * 1024
MAX_ENTRIES = 2_048


class LogReader:
    """What the hub's protocol `Log` asks for. `watermark` is the highest fence known to be recorded up to."""

    def __init__(self, commands: redis.asyncio.Redis, log_keys: LogKeys, retain_ms: int) -> None:
        self.watermark = 0
        # Set by the recorder.
        self.catching_up = False
        self._keys = log_keys
        self._commands: Any = commands
        self._retain_ms = retain_ms
        self._loop = asyncio.get_running_loop()
        self._advanced_at = float("-inf")
        self._moved = asyncio.Event()
        self._poll: asyncio.Task[None] | None = None
        self._unread = "no answer"
        self._answered_at = float("-inf")
        self._waiting = 0
        self._log = ""
        self._page_cache = PageCache(self._read, self._lines_per_page)
        self._gaps = SingleFlight(self._read_gaps)
        self._channels = SingleFlight(self._read_channels)
        self._line_bytes: dict[str, float] = {}
        self._snapshot_script = commands.register_script(script("look"))
        self._page_script = commands.register_script(script("page"))

    def advance(self, watermark: int) -> None:
        """The log is complete up to `watermark`."""
        if watermark > self.watermark:
            self._advanced_at = self._loop.time()
            self._moved.set()
        # It falls where the server has lost some of the log, or all.
        self.watermark = watermark

    @property
    def recording(self) -> bool:
        """True when some process has recorded up to a fence within FRESH_SECONDS, as it does once a second."""
        return self._loop.time() - self._advanced_at < FRESH_SECONDS

    async def wait_complete(self, fence: int) -> int:
        """See `pages.Log`: what has been reached after COMPLETE_SECONDS may be less than `fence`."""
        self._waiting += 1
        if self._poll is None and self.watermark < fence:
            self._poll = self._loop.create_task(self._poll_watermark())
        try:
            async with asyncio.timeout(COMPLETE_SECONDS):
                while self.watermark < fence:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            if self._loop.time() - self._answered_at > SILENT_SECONDS:
                raise LogUnavailable(f"The watermark can't be read: {self._unread}.") from None
            logger.warning(
                "log_incomplete fence=%(fence)d watermark=%(watermark)d", {"fence": fence, "watermark": self.watermark}
            )
        finally:
            self._waiting -= 1
        return self.watermark

    async def page(self, channel: str, after: EventId, until: EventId, size: int = PAGE_BYTES) -> Page:
        """See `pages.Log`."""
        if size != PAGE_BYTES or self._long_ago(after, until):
            return await self._read(channel, after, until, size) if after < until else Page([], until, False)
        return await self._page_cache.page(channel, after, until)

    async def page_before(self, channel: str, before: EventId, until: EventId, size: int = PAGE_BYTES) -> Page:
        """As page(), back: the last lines with id < `before`; the page before it is that before its `last`."""
        raw = await self._read_raw(channel, "XREVRANGE", f"({before}", "-", size)
        self._check(raw.snapshot, until.fence)
        entries = raw.entries[::-1]
        after = EventId(0, 0)
        if raw.more and b"l" not in entries[0][1]:
            # A hole lies after the line before it, which is in the next page; so it is, too.
            after = entry_id(entries.pop(0)[0])
        parts = parse_entries(channel, after, entries)
        if not raw.more:
            parts[:0] = lost_gaps(channel, after, entries, raw, before.fence - self._retain_ms)
        return Page(parts, entry_id(entries[0][0]) if raw.more else after, raw.more, raw.snapshot.log)

    async def newest_ids(self, channel: str, until: EventId, limit: int) -> list[EventId]:
        """See `pages.Log`."""
        ids: list[EventId] = []
        begin = str(until)
        while len(ids) < limit:
            raw = await self._read_raw(channel, "XREVRANGE", begin, "-", PAGE_BYTES)
            self._check(raw.snapshot, until.fence)
            ids += [entry_id(id) for id, fields in raw.entries if b"l" in fields]
            if not raw.more:
                break
            begin = "(" + raw.entries[-1][0].decode()
        return ids[:limit]

    async def gaps(self, after: int, until: int) -> LogGaps:
        """See `pages.Log`."""
        log, holes = await self._gaps.get(until)
        # One that ends later, for a process that came back later, has begun before `until` all the same.
        end = EventId(until, 0)
        wanted = [hole for hole in holes if after < hole.before.fence and hole.after < end]
        return LogGaps(log, [hole._replace(before=min(hole.before, end)) for hole in wanted])

    async def last_ids(self, until: int) -> Mapping[str, EventId]:
        """See `pages.Log`."""
        return {name: id for name, (id, _) in (await self.channels(until)).items()}

    async def channels(self, until: int) -> Mapping[str, tuple[EventId, int]]:
        """
        The last id of every channel recorded up to fence `until`, and how many lines of it. Raises LogUnavailable.
        """
        return await self._channels.get(until)

    async def close(self) -> None:
        """End what is under way."""
        await cancel_and_wait([self._poll] if self._poll else [])
        for each in (self._page_cache, self._gaps, self._channels):
            await each.close()

    # The rest.

    async def _poll_watermark(self) -> None:
        # One asks for all who wait. The recorder's own process hears of it sooner.
        try:
            while self._waiting:
                try:
                    self.advance(int(await self._commands.get(self._keys.watermark) or 0))
                    self._unread, self._answered_at = "no answer", self._loop.time()
                except (RedisError, OSError) as error:
                    self._unread = str(error) or type(error).__name__
                    await asyncio.sleep(RETRY_SECONDS)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._poll = None

    def _lines_per_page(self, channel: str) -> int | None:
        size = self._line_bytes.get(channel)
        # A power of two, so that the bounds of pages stay where they are.
        return None if size is None else min(MAX_ENTRIES, 1 << max(0, int(PAGE_BYTES / size).bit_length() - 1))

    def _measure(self, channel: str, entries: list[RawEntry]) -> None:
        if entries:
            size = sum(sum(map(len, fields.values())) for _, fields in entries) / len(entries)
            self._line_bytes[channel] = max(32.0, size)
            if len(self._line_bytes) > 20_000:
                self._line_bytes.clear()

    async def _read(self, channel: str, after: EventId, until: EventId, size: int = PAGE_BYTES) -> Page:
        most = self._lines_per_page(channel) if size == PAGE_BYTES else None
        raw = await self._read_raw(channel, "XRANGE", f"({after}", str(until), size, most or MAX_ENTRIES)
        self._check(raw.snapshot, until.fence)
        self._measure(channel, raw.entries)
        lost = lost_gaps(channel, after, raw.entries, raw, until.fence - self._retain_ms)
        # A channel whose last line is known to be no later has none to be missing.
        known = EventId(0, 0) < parse_channel_state(raw.channel_state)[0] <= after
        if not lost and not known and await self._unknown(channel, after, until):
            first = entry_id(raw.entries[0][0]) if raw.entries else until
            lost = [LogGap(channel, after, first, None, "trimmed")]
        # What a mark among the entries tells of lies after that.
        begin = EventId(lost[0].before.fence, lost[0].before.n - 1) if lost else after
        parts = [*lost, *parse_entries(channel, begin, raw.entries)]
        return Page(parts, entry_id(raw.entries[-1][0]) if raw.more else until, raw.more, raw.snapshot.log)

    async def _read_raw(
        self, channel: str, command: str, begin: str, end: str, size: int, most: int = MAX_ENTRIES
    ) -> RawPage:
        return await read_page(self._page_script, self._keys, channel, (command, begin, end, most, size))

    def _long_ago(self, after: EventId, until: EventId) -> bool:
        # Whoever begins with the log, and not at a place of its own, has missed nothing of a channel.
        return EventId(0, 0) < after and after.fence < until.fence - KEPT_TIMES * self._retain_ms

    async def _unknown(self, channel: str, after: EventId, until: EventId) -> bool:
        """True where `after` is from so long ago that nobody knows whether lines came after it."""
        if not self._long_ago(after, until):
            return False
        # A busy channel keeps some older lines; from one of them to the next nothing is missing.
        raw = await self._read_raw(channel, "XRANGE", str(after), str(after), 1)
        return not raw.entries

    async def _read_gaps(self, until: int) -> LogGaps:
        look, entries = await read_with_snapshot(
            self._snapshot_script, self._keys, self._keys.breaks, "XRANGE", "-", "+"
        )
        self._check(look, until)
        holes = [hole for hole in map(_parse_gap, entries_of(entries)) if hole.before != look.starts_at]
        return LogGaps(look.log, [LogGap(None, EventId(0, 0), look.starts_at, None, look.reason), *holes])

    async def _read_channels(self, until: int) -> Mapping[str, tuple[EventId, int]]:
        look, words = await read_with_snapshot(self._snapshot_script, self._keys, keys.CHANNELS, "HGETALL")
        known = dict(zip(words[::2], words[1::2], strict=True))
        self._check(look, until)
        if self._keys.watermark.encode() not in known:
            raise LogUnavailable("The log has lost its channels.")
        own = keys.PREFIX.encode()
        return {name.decode(): parse_channel_state(words) for name, words in known.items() if not name.startswith(own)}

    def _check(self, look: LogSnapshot, until: int) -> None:
        if look.log != self._log:
            # What was read of another one must not be taken for this one's.
            self._log = look.log
            for each in (self._page_cache, self._gaps, self._channels):
                each.clear()
        # It falls short where the server has lost some of the log, or all.
        if look.complete_to < until:
            self.advance(min(self.watermark, max(0, look.complete_to)))
            raise LogChanged(f"The log reaches to {look.complete_to}, not to {until}.")


def _parse_gap(entry: RawEntry) -> LogGap:
    id, fields = entry
    return LogGap(None, EventId(int(fields[b"a"]), 0), entry_id(id), None, fields[b"r"].decode())
