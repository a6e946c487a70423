"""
What the hub needs of a backend, as protocols, and recorded lines as they are read back. Pure: no I/O.

    Source.join(channels) --> a fence        Source --> fences and lines --> Receiver --> rings
    Log.page(channel, after) --> Page of batch slices and gaps

`broker.source` and `history.reader` implement Source and Log with Redis, the unit tests implement them in memory.
`Ingest` is the receiver; `history.backfill` wraps it in another one.
"""

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sse_hub.errors import LogChanged, SourceUnavailable
from sse_hub.filters.compile import Filter
from sse_hub.hub.counters import OVERLAPPING_REASONS
from sse_hub.hub.ring import Batch
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap

# For recorded lines: payloads that were too long were cut when they were recorded.
NO_LIMIT = 1 << 62
PAGE_OVERHEAD_BYTES = 500

BatchSlice = tuple[Batch, int, int]
"""A batch, the offset of the first line, and the offset after the last line of the slice."""


class LogGap(NamedTuple):
    """
    Lines between `after` and `before` that are not in the log: of `channel`, or, if that is None, of all channels.

    `lost` is their number where it is known; `reason` is one of `counters.GAP_REASONS`.
    """

    channel: str | None
    after: EventId
    before: EventId
    lost: int | None
    reason: str

    @property
    def overlaps(self) -> bool:
        """True if lines between the bounds are in the log: some of them, nobody knows which, are missing."""
        return self.reason in OVERLAPPING_REASONS

    def as_gap(self, name: str, after: EventId) -> Gap:
        """The gap to send to a client that has `name`, a channel or pattern, up to `after`."""
        start = self.after if self.overlaps else max(self.after, after)
        return Gap(name, str(start), str(self.before), self.lost, self.reason)

    def remainder_after(self, id: EventId) -> "LogGap | None":
        """The gap for a client that has the channel up to `id`; None if it has nothing more to miss."""
        if EventId(id.fence, id.n + 1) >= self.before:
            return None
        if id <= self.after or self.overlaps:
            return self
        same_fence = id.fence == self.after.fence
        lost = self.lost - (id.n - self.after.n) if same_fence and self.lost is not None else None
        return self._replace(after=id, lost=lost)

    def merge_with(self, later: "LogGap") -> "LogGap":
        """This gap and `later` as one: no line lies between them."""
        lost = None if self.lost is None or later.lost is None else self.lost + later.lost
        return self._replace(after=min(self.after, later.after), before=max(self.before, later.before), lost=lost)


class LogGaps(NamedTuple):
    """
    The times when nobody recorded, in order.

    `log_id` identifies the log: it changes when the log is lost, or gets another gap of this kind.
    """

    log_id: str
    gaps: list[LogGap]


class Page(NamedTuple):
    """
    Recorded lines of one channel, oldest first.

    `last` is the id up to which it was read, or down to which, if it was read backwards. `more` is True if there may be
    more beyond that. `log_id` identifies the log, as in `LogGaps`; '' where nothing had to be read.
    """

    parts: list[BatchSlice | LogGap]
    last: EventId
    more: bool
    log_id: str = ""

    @property
    def size(self) -> int:
        """About how many bytes the page takes in memory."""
        return PAGE_OVERHEAD_BYTES + sum(part[0].size for part in self.parts if not isinstance(part, LogGap))

    def require_log(self, log_id: str) -> "Page":
        """The page itself, if it is of the log `log_id`, see `LogGaps`. Raises LogChanged."""
        if self.log_id not in ("", log_id):
            raise LogChanged("The log was lost, or has got a gap, while it was read.")
        return self

    def remainder_after(self, id: EventId) -> "Page":
        """The page without everything up to `id`."""
        at = bisect_right(self.parts, id, key=start_of) - 1
        if at < 0:
            return self
        parts = self.parts[at + 1 :]
        rest = _remainder(self.parts[at], id)
        return self._replace(parts=[rest, *parts] if rest else parts)

    def up_to(self, fence: EventId) -> "Page":
        """The page without everything after `fence`, an id `F-0`. It has `more` if it was not read up to there."""
        if self.last < fence:
            return self._replace(more=True)
        parts = self.parts[: bisect_right(self.parts, fence, key=start_of)]
        return self._replace(parts=parts, last=fence, more=False)


class Receiver(Protocol):
    """
    What a source gives fences and lines to, in the order of the backend, without waiting.

    A session is one connection to the backend. Nothing is lost within a session; between two, lines may be.
    """

    def session_started(self, fence: int, reason: str = "recorder-down") -> None:
        """
        A session has received its first fence, `fence` (ms since the epoch): lines can be counted from it.

        `reason`, one of `counters.GAP_REASONS`, is why lines since the last session may be missing: `failover` if
        another server has the keys now.
        """

    def session_forked(self, common: int, fence: int) -> None:
        """
        As `session_started()`, but on a server that does not have what was received since the fence `common`.

        That is a dead branch: nothing of it may be recorded or replayed, and each stream gets a gap with the reason
        `forked`.
        """

    def session_leaving(self) -> bool:
        """
        The server was replaced: the session will end, and nothing that comes until then may be recorded any more.

        Returns False if the session must end now.
        """

    def session_lost(self) -> None:
        """The session has ended. Nothing more comes before the next `session_started()`."""

    def fence_received(self, fence: int) -> None:
        """`fence` has come: what comes after it counts from it."""

    def lines_missing(self, after: int, reason: str) -> None:
        """
        Lines of any channel may be missing among those that came between the fence `after` and the last one.

        Called right after `fence_received()`. `reason` is one of `counters.OVERLAPPING_REASONS`.
        """

    def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """Payloads by channel, in the order they came on each, all of them after the last fence."""

    def channel_subscribed(self, name: str) -> None:
        """Lines of channel `name` come from here on; the next fence is the first that they can be counted from."""

    async def wait_applied(self) -> None:
        """Wait until the rings have what was received."""


class Source(Protocol):
    """Where lines come from. It gives them to a `Receiver`."""

    async def join(self, names: Sequence[str]) -> int:
        """Follow the channels `names`, issue a fence, and return it when it has come back. Raises SourceUnavailable."""

    def fail_waiting(self) -> None:
        """Raise SourceUnavailable in all calls of join() that wait."""

    def leave(self, names: Sequence[str]) -> None:
        """Stop following `names`."""


class NoSource:
    """The source of a hub that has not been connected to one."""

    async def join(self, names: Sequence[str]) -> int:
        raise SourceUnavailable("The hub is not connected to Redis yet.")

    def fail_waiting(self) -> None:
        pass

    def leave(self, names: Sequence[str]) -> None:
        pass


class Log(Protocol):
    """
    Where recorded lines are read back from.

    Each method may raise LogUnavailable. Those with `until` do when the log is not, or no longer, complete up to there:
    it can be lost between any two calls.
    """

    @property
    def watermark(self) -> int:
        """The highest fence up to which the log is known to be complete."""

    @property
    def catching_up(self) -> bool:
        """True while this process records and has more to record: then it is worth waiting for the log."""

    async def wait_complete(self, fence: int) -> int:
        """Wait, for a bounded time, until the log is complete up to `fence`. Returns how far it is complete."""

    async def page(self, channel: str, after: EventId, until: EventId) -> Page:
        """The next recorded lines of `channel` with `after` < id <= `until`, which is a fence."""

    async def newest_ids(self, channel: str, until: EventId, limit: int) -> list[EventId]:
        """The ids of the last `limit` recorded lines of `channel` up to `until`, newest first."""

    async def gaps(self, after: int, until: int) -> LogGaps:
        """
        The times when nobody recorded, between the fences `after` and `until`, cut at `until`.

        The time before the log begins is one of them.
        """

    async def matching_ids(self, selection: Selection, until: int, first: bool = False) -> dict[str, EventId]:
        """
        The last recorded id of each channel that a pattern of `selection` matches, in a log that is complete up to
        fence `until`. With `first`, its slices of work come before those of others.
        """

    def forgotten_gap(self, pattern: str) -> LogGap | None:
        """
        The gap, from the beginning of the log, for channels of `pattern` that it has forgotten with their lines.

        As of the last call of matching_ids().
        """


class LastMatches(NamedTuple):
    """
    The last lines that pass a filter, newest first, as ids and channels, of a log that is complete up to `until`.

    `reached` is the id before which nobody has looked; None if all that were wanted were found, or all were looked at.
    """

    lines: list[tuple[EventId, str]]
    until: EventId
    reached: EventId | None


FindLast = Callable[[Selection, Filter, int], Awaitable[LastMatches]]
"""Finds the last lines that pass a filter, as many as that number. Raises LogUnavailable, SourceUnavailable."""


@dataclass(frozen=True, slots=True)
class RecordedLog:
    """
    The log, if there is one, and what finds lines in it. `records` is True for the name of a channel whose lines are
    recorded.
    """

    records: Callable[[str], bool]
    log: Log | None = None
    find_last: FindLast | None = None


def start_of(part: BatchSlice | LogGap) -> EventId:
    """The sort key of parts: the id of the first line, or the id after which a gap starts."""
    return part.after if isinstance(part, LogGap) else EventId(part[0].fence, part[0].first + part[1])


def _remainder(part: BatchSlice | LogGap, id: EventId) -> BatchSlice | LogGap | None:
    if isinstance(part, LogGap):
        return part.remainder_after(id)
    batch, start, stop = part
    skip = id.n - batch.first + 1 if id.fence == batch.fence else batch.length
    return (batch, max(start, skip), stop) if skip < stop else None
