"""
Recorded lines as they are read back: pages of pieces and holes, and what is asked of a log. Pure; no I/O.

    stream entries [(id, fields)] --> page_of() --> Page(pieces and holes) --> encoded like entries of a ring
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sse_hub.errors import LogChanged
from sse_hub.hub.ring import Batch
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.sse import Gap

# What is recorded has been made a line already, and was cut then if it had to be.
NO_LIMIT = 1 << 62
PAGE_OVERHEAD_BYTES = 500

BatchSlice = tuple[Batch, int, int]
"""A batch, the offset of its first line wanted, and the offset after the last."""

RawEntry = tuple[bytes, Mapping[bytes, bytes]]
"""An entry of a stream: its id, and its fields."""


class LogSnapshot(NamedTuple):
    """`log` as in Breaks; it begins at `beginning`, for `reason`, and is complete up to `reached`."""

    log: str
    starts_at: EventId
    reason: str
    complete_to: int

    @classmethod
    def of(cls, watermark: bytes | None, first: Sequence[RawEntry], last: Sequence[RawEntry]) -> "LogSnapshot":
        """From the watermark, and the first and last entry of the breaks. `reached` is -1 where there is no log."""
        if not watermark or not first:
            return cls("", EventId(0, 0), "", -1)
        id, fields = first[0]
        # Where there have been very many breaks, the first of them are gone.
        reason = fields[b"r"].decode() if fields[b"a"] == b"0" else "trimmed"
        log = f"{id!r} {fields.get(b't')!r} {last[0][0]!r}"
        return cls(log, entry_id(id), reason, int(watermark))


class RawPage(NamedTuple):
    """What lua/page.lua says of a channel: entries in the direction they were read in, and what it knows of it."""

    entries: list[RawEntry]
    more: bool
    info: Mapping[str, Any] | None
    channel_state: bytes
    snapshot: LogSnapshot


class LogGap(NamedTuple):
    """Lines after `after` and before `before` that are not in the log: of `channel`, or, if None, of any channel."""

    channel: str | None
    after: EventId
    before: EventId
    lost: int | None
    reason: str

    def as_gap(self, name: str, after: EventId) -> Gap:
        """The gap to tell of it to one who has had `name` up to `after`."""
        return Gap(name, str(max(self.after, after)), str(self.before), self.lost, self.reason)

    def remainder_after(self, id: EventId) -> "LogGap | None":
        """What is left of it to one who has had the channel up to `id`."""
        if EventId(id.fence, id.n + 1) >= self.before:
            return None
        if id <= self.after:
            return self
        same_fence = id.fence == self.after.fence
        lost = self.lost - (id.n - self.after.n) if same_fence and self.lost is not None else None
        return self._replace(after=id, lost=lost)

    def merge_with(self, later: "LogGap") -> "LogGap":
        """This hole and `later` as one: nothing lies between them."""
        lost = None if self.lost is None or later.lost is None else self.lost + later.lost
        return self._replace(after=min(self.after, later.after), before=max(self.before, later.before), lost=lost)


class LogGaps(NamedTuple):
    """When nobody recorded, in order. `log` says of which log: another one when it is lost, or has broken again."""

    log: str
    gaps: list[LogGap]


class Page(NamedTuple):
    """
    Recorded lines of one channel, oldest first. `last` is how far it reaches, its way; `more` may follow.

    `log` says, as in Breaks, which log this is of; '' where nothing had to be read.
    """

    parts: list[BatchSlice | LogGap]
    last: EventId
    more: bool
    log: str = ""

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        return PAGE_OVERHEAD_BYTES + sum(part[0].size for part in self.parts if not isinstance(part, LogGap))

    def require_log(self, log: str) -> "Page":
        """The page, if it is of `log`, as Breaks names it. Raises LogChanged."""
        if self.log not in ("", log):
            raise LogChanged("The log was lost, or has broken again, while it was read.")
        return self

    def remainder_after(self, id: EventId) -> "Page":
        """The page without what comes up to `id`."""
        at = bisect_right(self.parts, id, key=start_of) - 1
        if at < 0:
            return self
        parts = self.parts[at + 1 :]
        rest = _remainder(self.parts[at], id)
        return self._replace(parts=[rest, *parts] if rest else parts)

    def up_to(self, fence: EventId) -> "Page":
        """The page for one who wants nothing beyond `fence`, and all up to there."""
        if self.last < fence:
            return self._replace(more=True)
        parts = self.parts[: bisect_right(self.parts, fence, key=start_of)]
        return self._replace(parts=parts, last=fence, more=False)


class Log(Protocol):
    """
    Where recorded lines are read back from. Every method may raise LogUnavailable.

    They do where the log is not, or no longer, complete up to `until`: it can be lost between any two calls.
    """

    @property
    def watermark(self) -> int:
        """The highest fence up to which the log is known to be complete."""

    @property
    def catching_up(self) -> bool:
        """True while this process brings the log further, and has more to record: waiting is worth it."""

    async def wait_complete(self, fence: int) -> int:
        """Wait until the log is complete up to `fence`; the fence up to which it is. Waits for a bounded time."""

    async def page(self, channel: str, after: EventId, until: EventId) -> Page:
        """The next recorded lines of `channel` with `after` < id <= `until`, which is a fence."""

    async def newest_ids(self, channel: str, until: EventId, limit: int) -> list[EventId]:
        """The ids of the last `limit` recorded lines of `channel` up to `until`, newest first."""

    async def gaps(self, after: int, until: int) -> LogGaps:
        """
        What nobody recorded of any channel since fence `after` and before fence `until`, where it is cut off. What lies
        before the log's beginning is such, too.
        """

    async def last_ids(self, until: int) -> Mapping[str, EventId]:
        """The last recorded id of every channel in the log, which is known to be complete up to fence `until`."""


def entry_id(text: bytes) -> EventId:
    """The id that Redis spells `text`."""
    fence, _, n = text.partition(b"-")
    return EventId(int(fence), int(n))


def start_of(part: BatchSlice | LogGap) -> EventId:
    """By what parts are in order: the id of the first line, or what a hole lies after."""
    return part.after if isinstance(part, LogGap) else EventId(part[0].fence, part[0].first + part[1])


def _remainder(part: BatchSlice | LogGap, id: EventId) -> BatchSlice | LogGap | None:
    if isinstance(part, LogGap):
        return part.remainder_after(id)
    batch, start, stop = part
    skip = id.n - batch.first + 1 if id.fence == batch.fence else batch.length
    return (batch, max(start, skip), stop) if skip < stop else None


def parse_entries(channel: str, after: EventId, entries: Sequence[RawEntry]) -> list[BatchSlice | LogGap]:
    """Entries of a stream (see `keys.log_key`), those after `after`, as pieces of batches, and holes."""
    parts: list[BatchSlice | LogGap] = []
    lines: list[bytes] = []
    first, last = EventId(0, 0), after

    def close() -> None:
        if lines:
            batch = Batch(channel, 0, first.fence, first.n, lines.copy(), NO_LIMIT)
            parts.append((batch, 0, batch.length))
            lines.clear()

    for text, fields in entries:
        id = entry_id(text)
        if b"l" in fields:
            if not lines or id != (last.fence, last.n + 1):
                close()
                first = id
            lines.append(fields[b"l"])
        else:
            close()
            parts.append(_parse_gap_marker(channel, last, id, fields.get(b"g", b"log-lost -")))
        last = id
    close()
    return parts


def _parse_gap_marker(channel: str, after: EventId, id: EventId, words: bytes) -> LogGap:
    reason, _, lost = words.decode("ascii", "replace").partition(" ")
    return LogGap(channel, after, EventId(id.fence, id.n + 1), int(lost) if lost.isdecimal() else None, reason)


def parse_channel_state(words: bytes) -> tuple[EventId, int]:
    """What `keys.CHANNELS` says of a channel: its last id, and how many lines were recorded."""
    last, _, count = words.partition(b" ")
    return entry_id(last), int(count)


def lost_until(info: Mapping[str, Any] | None, first: EventId | None, last: EventId, count: int) -> EventId:
    """
    The id up to which a stream has lost its lines: from what XINFO STREAM says (None: it is not there), its first entry
    (None: it has none), and the last id and number of lines that `keys.CHANNELS` has of it.
    """
    if info is None:
        # No such stream: all of it, if there ever was one.
        return last
    trimmed = info.get("max-deleted-entry-id")
    if trimmed is not None:
        return entry_id(trimmed)
    # Redis 6.2 does not tell. If not all are there, those before the first have gone; where the first begins a fence,
    # which one that was is not known, and a position right before it is told of a loss that may be none.
    if first and count > int(info["length"]):
        return EventId(first.fence, first.n - 1)
    return EventId(0, 0)


def lost_gaps(channel: str, after: EventId, entries: Sequence[RawEntry], page: RawPage, oldest: int) -> list[LogGap]:
    """
    A hole where the stream has lost what came after `after` and before `entries`, the first ones of `page`. Lines from
    before fence `oldest` are not kept.
    """
    first = entry_id(entries[0][0]) if entries else None
    end = lost_until(page.info, first, *parse_channel_state(page.channel_state))
    if end <= after:
        return []
    # Everything up to `end` has gone.
    gone = page.info is None and end.fence >= oldest
    lost = end.n - after.n if end.fence == after.fence else None
    return [LogGap(channel, after, EventId(end.fence, end.n + 1), lost, "log-lost" if gone else "trimmed")]
