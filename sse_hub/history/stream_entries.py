"""
Entries of the log's streams: read from Redis, and parsed into lines and gaps.

    read_with_snapshot() --> lua/snapshot.lua --> LogSnapshot, reply         page_reads.py --> lua/pages.lua --> RawPage
    RawPage --> parse_entries(): lines and recorded gaps          RawPage --> lost_gaps(): what the stream has lost

Every read comes with a snapshot, taken in the same step: which log it was, and how far that was complete. Between two
reads the log may be lost and started again, and then lines that are missing look like lines that never were.
"""

from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from sse_hub.broker.keys import LogKeys
from sse_hub.errors import LogUnavailable, error_text
from sse_hub.hub.backend import NO_LIMIT, BatchSlice, LogGap
from sse_hub.hub.ring import Batch
from sse_hub.protocol.ids import EventId

# Fences are about a second apart. Anybody who may write to the log can write any number.
MAX_MS_DIGITS = 8

Script = Callable[..., Awaitable[Any]]

RawEntry = tuple[bytes, Mapping[bytes, bytes]]
"""An entry of a stream: its id, and its fields."""


class LogSnapshot(NamedTuple):
    """
    A log at the time of a read.

    `log_id` names it as in `LogGaps`; it starts at `starts_at`, for `reason`, and is complete up to fence `complete_to`
    (ms; -1 where there is no log).
    """

    log_id: str
    starts_at: EventId
    reason: str
    complete_to: int

    @classmethod
    def parse(cls, watermark: bytes | None, first_gap: Any, last_gap: Any) -> "LogSnapshot":
        """From the watermark, and the first and last entry of the stream of gaps, as a script returns them."""
        if not watermark or not first_gap:
            return cls("", EventId(0, 0), "", -1)
        [(id, fields)], [(last_id, _)] = entries_of(first_gap), entries_of(last_gap)
        # The stream of gaps is limited: if there were very many, the one that started the log is gone.
        reason = fields[b"r"].decode() if fields[b"a"] == b"0" else "trimmed"
        return cls(f"{id!r} {fields.get(b't')!r} {last_id!r}", entry_id(id), reason, int(watermark))


class RawPage(NamedTuple):
    """
    A page of lua/pages.lua: entries of a channel's stream, in the direction they were read in.

    `more` is true when the page is full. `length` is how many entries the whole stream has, None if there is no stream;
    `last_deleted` is the highest id deleted from it, None if Redis doesn't say (before 7.0). `last_recorded` and
    `recorded_lines` are what the list of recorded channels has of the channel. If it is not in the list, it may have
    had lines up to fence `forgotten_to` (ms).
    """

    entries: list[RawEntry]
    more: bool
    length: int | None
    last_deleted: EventId | None
    last_recorded: EventId
    recorded_lines: int
    forgotten_to: int
    snapshot: LogSnapshot


async def read_with_snapshot(script: Script, log_keys: LogKeys, key: str, *command: str) -> tuple[LogSnapshot, Any]:
    """A snapshot, and the reply to `command` for `key`, read in one step. Raises LogUnavailable."""
    try:
        watermark, first_gap, last_gap, reply = await script(
            keys=[log_keys.watermark, log_keys.gaps, key], args=command
        )
    except (RedisError, OSError) as error:
        raise LogUnavailable(f"The log can't be read: {error_text(error)}.") from None
    return LogSnapshot.parse(watermark, first_gap, last_gap), reply


def entries_of(raw: Any) -> list[RawEntry]:
    """The entries of a stream, as a script returns them."""
    return [(id, dict(zip(fields[::2], fields[1::2], strict=True))) for id, fields in raw]


def entry_id(text: bytes) -> EventId:
    """The id that Redis writes as `text`."""
    fence, _, n = text.partition(b"-")
    return EventId(int(fence), int(n))


def parse_channel_state(text: bytes) -> tuple[EventId, int]:
    """What `Partition.channels` has of a channel: its last id, and how many lines were recorded."""
    last, _, count = text.partition(b" ")
    return entry_id(last), int(count)


def parse_entries(channel: str, after: EventId, entries: Sequence[RawEntry]) -> list[BatchSlice | LogGap]:
    """The `entries` of a stream after id `after` (see `Partition.log`), oldest first, as batches of lines and gaps."""
    parts: list[BatchSlice | LogGap] = []
    lines: list[bytes] = []
    moments = array("q")
    first, last = EventId(0, 0), after

    def close_batch() -> None:
        nonlocal moments
        if lines:
            batch = Batch(channel, 0, first.fence, first.n, lines.copy(), NO_LIMIT, moments)
            parts.append((batch, 0, batch.length))
            lines.clear()
            moments = array("q")

    for text, fields in entries:
        id = entry_id(text)
        if b"l" in fields:
            if not lines or id != (last.fence, last.n + 1):
                close_batch()
                first = id
            lines.append(fields[b"l"])
            moments.append(id.fence + _ms_after_fence(fields))
        else:
            close_batch()
            parts.append(_parse_gap_marker(channel, last, id, fields.get(b"g", b"log-lost -")))
        last = id
    close_batch()
    return parts


def _ms_after_fence(fields: Mapping[bytes, bytes]) -> int:
    # An older hub has not recorded it: then the fence is the best there is.
    text = fields.get(b"m", b"")
    return int(text) if text.isdigit() and len(text) <= MAX_MS_DIGITS else 0


def _parse_gap_marker(channel: str, after: EventId, id: EventId, text: bytes) -> LogGap:
    reason, _, lost = text.decode("ascii", "replace").partition(" ")
    return LogGap(channel, after, EventId(id.fence, id.n + 1), int(lost) if lost.isdecimal() else None, reason)


def lost_gaps(channel: str, after: EventId, entries: Sequence[RawEntry], page: RawPage, oldest: int) -> list[LogGap]:
    """
    The gap, if any, where the stream has lost lines after `after` and before `entries`, the first ones of `page`.

    Lines from before fence `oldest` (ms) are not kept, so their loss counts as trimming.
    """
    last_lost = _last_lost(page, entry_id(entries[0][0]) if entries else None)
    if last_lost <= after:
        return []
    vanished = page.length is None and page.last_recorded == last_lost and last_lost.fence >= oldest
    lost = last_lost.n - after.n if last_lost.fence == after.fence else None
    before = EventId(last_lost.fence, last_lost.n + 1)
    return [LogGap(channel, after, before, lost, "log-lost" if vanished else "trimmed")]


def _last_lost(page: RawPage, first: EventId | None) -> EventId:
    """The id up to which a stream has lost its lines. `first` is the id of its first entry, None if it has none."""
    if page.length is None:
        # All lines, if there ever were any.
        return max(page.last_recorded, EventId(page.forgotten_to + (page.forgotten_to > 0), 0))
    if page.last_deleted is not None:
        return page.last_deleted
    # Redis 6.2 doesn't say. If some lines are missing, those before the first entry are lost. If that is the first of
    # its fence, the id before it is unknown; then a client right before it gets a gap although it may lack nothing.
    if first and page.recorded_lines > page.length:
        return EventId(first.fence, first.n - 1)
    return EventId(0, 0)
