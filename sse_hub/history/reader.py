"""
The log, read back: pages of recorded lines out of Redis streams, each read once for all who want it at the same time.

    page(channel, after) --> PageCache: read a moment ago, or being read? --> PageReads --> Page

Only the recorder writes (`recorder.py`); the watermark is the fence up to which it has written everything.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import LogChanged, LogUnavailable, error_text
from sse_hub.history.directory import ChannelDirectory
from sse_hub.history.page_cache import PageCache, SingleFlight
from sse_hub.history.page_reads import PageReads, ReadRequest
from sse_hub.history.stream_entries import (
    LogSnapshot,
    RawEntry,
    RawPage,
    entries_of,
    entry_id,
    lost_gaps,
    parse_entries,
    read_with_snapshot,
)
from sse_hub.hub.backend import LogGap, LogGaps, Page
from sse_hub.hub.name_index import NameIndex
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# How long to wait until a fence is recorded. The next fence may be 1.25 s away, and the next recorder almost two.
COMPLETE_SECONDS = 3.5
POLL_SECONDS = 0.005
# The recorder moves the watermark once a second at least.
FRESH_SECONDS = 3.0
RETRY_SECONDS = 0.1
# If Redis has not returned the watermark for this long, it counts as unreadable.
UNREADABLE_SECONDS = 1.5
# The name of an idle channel, with its last id, is kept for this many times as long as its lines. Before that, nobody
# knows whether there were lines.
NAME_RETENTION_FACTOR = 2
# About the size of a page, to one line: what a slow subscriber holds in memory.
PAGE_BYTES = 64 * 1024
MAX_ENTRIES = 2_048
# Small lines count as this large, so that a page of them does not grow too long.
MIN_LINE_BYTES = 32.0
MAX_MEASURED_CHANNELS = 20_000


class LogReader:
    """
    Reads the log for one process; implements the hub's protocol `Log`.

    `watermark` is the highest fence (ms) up to which the log is known to be complete. Of all methods that read, those
    that take `until` raise LogChanged when the log is not complete up to that fence.
    """

    def __init__(
        self,
        commands: redis.asyncio.Redis,
        log_keys: LogKeys,
        retain_ms: int,
        names: NameIndex | None = None,
        queries: redis.asyncio.Redis | None = None,
    ) -> None:
        """`names` learns the names of recorded channels. Pages of queries are read with `queries`, not `commands`."""
        self.watermark = 0
        # How often leave_branch() was called: it is a part of each log's id.
        self.branch = 0
        # Set by the recorder.
        self.catching_up = False
        self._keys = log_keys
        self._commands: Any = commands
        self._retain_ms = retain_ms
        self._loop = asyncio.get_running_loop()
        self._advanced_at = float("-inf")
        self._advanced = asyncio.Event()
        self._waiters = 0
        self._poll: asyncio.Task[None] | None = None
        self._poll_error = "no answer"
        self._polled_at = float("-inf")
        self._log_id = ""
        self._page_cache = PageCache(self._read_page, self._lines_per_page)
        self._gaps = SingleFlight(self._read_gaps)
        self._directory = ChannelDirectory(commands, log_keys, names or NameIndex(), self._check_channels)
        self._line_bytes: dict[str, float] = {}
        self._snapshot_script = commands.register_script(script("snapshot"))
        self._stream_pages = PageReads(commands, log_keys)
        self._query_pages = PageReads(queries or commands, log_keys)

    # How far the log is complete.

    @property
    def recording(self) -> bool:
        """True when some process has moved the watermark within the last FRESH_SECONDS."""
        return self._loop.time() - self._advanced_at < FRESH_SECONDS

    def advance(self, watermark: int) -> None:
        """The log is complete up to fence `watermark`, which is lower than before if Redis has lost some of the log."""
        if watermark > self.watermark:
            self._advanced_at = self._loop.time()
            self._advanced.set()
        self.watermark = watermark

    def leave_branch(self) -> None:
        """
        Forget all that was read: it was of a dead branch, and the log may be complete less far on the living one.

        The two may have the same id, so nothing else would tell them apart.
        """
        self.branch += 1
        self.watermark = 0
        self._advanced_at = float("-inf")
        self._log_id = ""
        self._page_cache.clear()
        self._gaps.clear()
        self._directory.leave_branch()

    async def wait_recording(self, seconds: float) -> bool:
        """Wait until a process records, for at most `seconds`; whether one does."""
        try:
            async with asyncio.timeout(seconds):
                while not self.recording:
                    self._advanced.clear()
                    await self._advanced.wait()
        except TimeoutError:
            return False
        return True

    async def wait_complete(self, fence: int) -> int:
        """
        Wait until the log is complete up to `fence`, for at most COMPLETE_SECONDS.

        Returns the fence up to which it is complete, which may be lower. Raises LogUnavailable if Redis doesn't answer.
        """
        self._waiters += 1
        if self._poll is None and self.watermark < fence:
            self._poll = self._loop.create_task(self._poll_watermark())
        try:
            async with asyncio.timeout(COMPLETE_SECONDS):
                while self.watermark < fence:
                    self._advanced.clear()
                    await self._advanced.wait()
        except TimeoutError:
            if self._loop.time() - self._polled_at > UNREADABLE_SECONDS:
                raise LogUnavailable(f"The watermark can't be read: {self._poll_error}.") from None
            logger.warning(
                "log_incomplete fence=%(fence)d watermark=%(watermark)d", {"fence": fence, "watermark": self.watermark}
            )
        finally:
            self._waiters -= 1
        return self.watermark

    async def _poll_watermark(self) -> None:
        # One task polls for all who wait. In the recorder's own process, `advance` is called sooner than that.
        try:
            while self._waiters:
                try:
                    branch = self.branch
                    watermark = int(await self._commands.get(self._keys.watermark) or 0)
                    if branch == self.branch:
                        self.advance(watermark)
                    self._poll_error, self._polled_at = "no answer", self._loop.time()
                except (RedisError, OSError) as error:
                    self._poll_error = error_text(error)
                    await asyncio.sleep(RETRY_SECONDS)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._poll = None

    # Lines.

    async def page(self, channel: str, after: EventId, until: EventId) -> Page:
        """The next recorded lines of `channel` with `after` < id <= `until`, a fence. Raises LogUnavailable."""
        if self._predates_names(after, until):
            return await self._read_page(channel, after, until) if after < until else Page([], until, False)
        return await self._page_cache.page(channel, after, until)

    async def pages_after(
        self, starts: Sequence[tuple[str, EventId]], until: EventId, max_bytes: int = PAGE_BYTES
    ) -> list[Page]:
        """Like `page`, for a query: about `max_bytes` of each channel in `starts`. Raises LogUnavailable."""
        branch = self.branch
        raw_pages = await self._query_pages.read_all(
            [ReadRequest(name, "XRANGE", f"({after}", str(until), MAX_ENTRIES, max_bytes) for name, after in starts]
        )
        return [
            await self._page_after(raw, name, after, until, self._query_pages, branch)
            for (name, after), raw in zip(starts, raw_pages, strict=True)
        ]

    async def pages_before(
        self, ends: Sequence[tuple[str, EventId]], until: EventId, max_bytes: int = PAGE_BYTES
    ) -> list[Page]:
        """
        Backward: of each channel in `ends` the last lines before its id, oldest first, about `max_bytes`.

        The page before one is that before its `last`. The log must be complete up to `until`. Raises LogUnavailable.
        """
        branch = self.branch
        raw_pages = await self._query_pages.read_all(
            [ReadRequest(name, "XREVRANGE", f"({before}", "-", MAX_ENTRIES, max_bytes) for name, before in ends]
        )
        return [
            await self._page_before(raw, name, before, until, max_bytes, branch)
            for (name, before), raw in zip(ends, raw_pages, strict=True)
        ]

    async def _page_before(
        self, raw: RawPage, channel: str, before: EventId, until: EventId, max_bytes: int, branch: int
    ) -> Page:
        log_id = self._check(raw.snapshot, until.fence, branch)
        entries = raw.entries[::-1]
        after = EventId(0, 0)
        if raw.more and b"l" not in entries[0][1]:
            # A gap marker covers what follows the line before it. That line is in the next page, so the marker is too.
            after = entry_id(entries.pop(0)[0])
            if not entries:
                [page] = await self.pages_before([(channel, before)], until, 2 * max_bytes)
                return page
        parts = parse_entries(channel, after, entries)
        if not raw.more:
            parts[:0] = lost_gaps(channel, after, entries, raw, before.fence - self._retain_ms)
        return Page(parts, entry_id(entries[0][0]) if raw.more else after, raw.more, log_id)

    async def newest_ids(self, channel: str, until: EventId, limit: int) -> list[EventId]:
        """The ids of the last `limit` lines of `channel` up to `until`, newest first. Raises LogUnavailable."""
        ids: list[EventId] = []
        start = str(until)
        while len(ids) < limit:
            request = ReadRequest(channel, "XREVRANGE", start, "-", min(limit, MAX_ENTRIES), PAGE_BYTES)
            branch = self.branch
            raw = await self._stream_pages.read(request)
            self._check(raw.snapshot, until.fence, branch)
            ids += [entry_id(id) for id, fields in raw.entries if b"l" in fields]
            if not raw.more:
                break
            start = "(" + raw.entries[-1][0].decode()
        return ids[:limit]

    async def _read_page(self, channel: str, after: EventId, until: EventId) -> Page:
        lines = self._lines_per_page(channel) or MAX_ENTRIES
        request = ReadRequest(channel, "XRANGE", f"({after}", str(until), lines, PAGE_BYTES)
        branch = self.branch
        raw = await self._stream_pages.read(request)
        self._measure_lines(channel, raw.entries)
        return await self._page_after(raw, channel, after, until, self._stream_pages, branch)

    async def _page_after(
        self, raw: RawPage, channel: str, after: EventId, until: EventId, reads: PageReads, branch: int
    ) -> Page:
        log_id = self._check(raw.snapshot, until.fence, branch)
        lost = lost_gaps(channel, after, raw.entries, raw, until.fence - self._retain_ms)
        # A channel whose last line is known to be no later than `after` lacks nothing.
        up_to_date = EventId(0, 0) < raw.last_recorded <= after
        if not lost and not up_to_date and await self._may_lack_lines(channel, after, until, reads):
            first = entry_id(raw.entries[0][0]) if raw.entries else until
            lost = [LogGap(channel, after, first, None, "trimmed")]
        # A gap marker among the entries covers only what lies after the lines already known to be lost.
        start = EventId(lost[0].before.fence, lost[0].before.n - 1) if lost else after
        parts = [*lost, *parse_entries(channel, start, raw.entries)]
        return Page(parts, entry_id(raw.entries[-1][0]) if raw.more else until, raw.more, log_id)

    def _predates_names(self, after: EventId, until: EventId) -> bool:
        """True if `after` is older than the names that are kept. The beginning of the log, 0-0, never is."""
        oldest = until.fence - NAME_RETENTION_FACTOR * self._retain_ms
        return EventId(0, 0) < after and after.fence < oldest

    async def _may_lack_lines(self, channel: str, after: EventId, until: EventId, reads: PageReads) -> bool:
        """True if `after` is so old that nobody knows whether lines came after it."""
        if not self._predates_names(after, until):
            return False
        # A busy channel keeps some older lines. If `after` is one of them, nothing is missing up to the next.
        raw = await reads.read(ReadRequest(channel, "XRANGE", str(after), str(after), 1, 1))
        return not raw.entries

    def _lines_per_page(self, channel: str) -> int | None:
        line_bytes = self._line_bytes.get(channel)
        if line_bytes is None:
            return None
        # A power of two, so that the bounds of pages stay where they are.
        return min(MAX_ENTRIES, 1 << max(0, int(PAGE_BYTES / line_bytes).bit_length() - 1))

    def _measure_lines(self, channel: str, entries: list[RawEntry]) -> None:
        if entries:
            mean = sum(sum(map(len, fields.values())) for _, fields in entries) / len(entries)
            self._line_bytes[channel] = max(MIN_LINE_BYTES, mean)
            if len(self._line_bytes) > MAX_MEASURED_CHANNELS:
                self._line_bytes.clear()

    # Gaps and channels.

    async def gaps(self, after: int, until: int) -> LogGaps:
        """
        The gaps of all channels since fence `after` and before fence `until`, where they are cut. What lies before the
        log's beginning is a gap, too. Raises LogUnavailable.
        """
        log_id, gaps = await self._gaps.get(until)
        # For a process that returned later, a gap may end after `until`, although it began before.
        end = EventId(until, 0)
        inside = [gap for gap in gaps if after < gap.before.fence and gap.after < end]
        # One that overlaps lines is told at its end, and never cut: then it would be told twice.
        inside = [gap for gap in inside if not gap.overlaps or gap.before <= end]
        return LogGaps(log_id, [gap._replace(before=min(gap.before, end)) for gap in inside])

    async def last_ids(self, until: int) -> Mapping[str, EventId]:
        """The last id of every channel recorded up to fence `until`. Raises LogUnavailable."""
        return {name: id for name, (id, _) in (await self.channels(until)).items()}

    async def matching_ids(self, selection: Selection, until: int, first: bool = False) -> dict[str, EventId]:
        """See `ChannelDirectory.matching`."""
        return await self._directory.matching(selection, until, first)

    def forgotten_gap(self, pattern: str) -> LogGap | None:
        """See `ChannelDirectory.forgotten_gap`."""
        return self._directory.forgotten_gap(pattern)

    async def channels(self, until: int) -> Mapping[str, tuple[EventId, int]]:
        """The last id and the number of lines of every channel recorded up to `until`. Raises LogUnavailable."""
        return await self._directory.read(until)

    async def _read_gaps(self, until: int) -> LogGaps:
        branch = self.branch
        snapshot, raw = await read_with_snapshot(self._snapshot_script, self._keys, self._keys.gaps, "XRANGE", "-", "+")
        log_id = self._check(snapshot, until, branch)
        gaps = [gap for gap in map(_parse_gap, entries_of(raw)) if gap.before != snapshot.starts_at]
        before_log = LogGap(None, EventId(0, 0), snapshot.starts_at, None, snapshot.reason)
        return LogGaps(log_id, [before_log, *gaps])

    def _check(self, snapshot: LogSnapshot, until: int, branch: int | None = None) -> str:
        """
        The id of the log, which was read while `branch` was that of this reader. Drops what was read of another log.

        Raises LogChanged unless the log is complete up to fence `until`, and of the present branch.
        """
        if branch not in (None, self.branch):
            raise LogChanged("Another server has taken over while the log was read.")
        if snapshot.log_id != self._log_id:
            self._log_id = snapshot.log_id
            for cache in (self._page_cache, self._gaps, self._directory):
                cache.clear()
        # Lower when Redis has lost some of the log, or all.
        if snapshot.complete_to < until:
            self.advance(min(self.watermark, max(0, snapshot.complete_to)))
            raise LogChanged(f"The log is complete up to {snapshot.complete_to}, not to {until}.")
        return f"{snapshot.log_id} {self.branch}"

    def _check_channels(self, snapshot: LogSnapshot, until: int) -> None:
        self._check(snapshot, until)

    async def close(self) -> None:
        """Cancel all reads."""
        await cancel_and_wait([self._poll] if self._poll else [])
        for part in (self._page_cache, self._gaps, self._directory, self._stream_pages, self._query_pages):
            await part.close()


def _parse_gap(entry: RawEntry) -> LogGap:
    id, fields = entry
    return LogGap(None, EventId(int(fields[b"a"]), 0), entry_id(id), None, fields[b"r"].decode())
