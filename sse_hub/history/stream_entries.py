"""
One look at the log: which one it is, where it begins, how far it is complete, in the same step as what is read.

    looked() --> lua/look.lua --> Look, answer          read_page() --> lua/page.lua --> RawPage, with its Look

The log can be lost between any two looks, and be begun anew, or filled again: what is missing in it then looks like
what was never there.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from sse_hub.broker.keys import CHANNELS, LogKeys, log_key
from sse_hub.errors import LogUnavailable
from sse_hub.hub.backend import NO_LIMIT, BatchSlice, LogGap
from sse_hub.hub.ring import Batch
from sse_hub.protocol.ids import EventId

Script = Callable[..., Awaitable[Any]]

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


async def read_with_snapshot(script: Script, log_keys: LogKeys, key: str, *command: str) -> tuple[LogSnapshot, Any]:
    """A look, and the answer to `command` of `key` in the same step, by lua/look.lua. Raises LogUnavailable."""
    try:
        watermark, first, last, answer = await script(keys=[log_keys.watermark, log_keys.breaks, key], args=command)
    except (RedisError, OSError) as error:
        raise LogUnavailable(f"The log can't be read: {error or type(error).__name__}.") from None
    return LogSnapshot.of(watermark, entries_of(first), entries_of(last)), answer


async def read_page(script: Script, log_keys: LogKeys, channel: str, asked: tuple[str | int, ...]) -> RawPage:
    """What lua/page.lua says of `channel`, `asked` for a range of it. Raises LogUnavailable."""
    names = [log_key(channel), CHANNELS, log_keys.watermark, log_keys.breaks]
    try:
        reply = await script(keys=names, args=[*asked, channel])
    except (RedisError, OSError) as error:
        raise LogUnavailable(f"The log can't be read: {error or type(error).__name__}.") from None
    raw, more, length, deleted, known, watermark, first, last = reply
    look = LogSnapshot.of(watermark, entries_of(first), entries_of(last))
    info = {"length": length, "max-deleted-entry-id": deleted or None}
    return RawPage(entries_of(raw), bool(more), info if length >= 0 else None, known or b"0-0 0", look)


def entries_of(raw: Any) -> list[RawEntry]:
    """Entries of a stream as a script gives them."""
    return [(id, dict(zip(words[::2], words[1::2], strict=True))) for id, words in raw]


def entry_id(text: bytes) -> EventId:
    """The id that Redis spells `text`."""
    fence, _, n = text.partition(b"-")
    return EventId(int(fence), int(n))


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
