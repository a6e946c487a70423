"""
One look at the log: which one it is, where it begins, how far it is complete, in the same step as what is read.

    looked() --> lua/look.lua --> Look, answer          read_page() --> lua/page.lua --> RawPage, with its Look

The log can be lost between any two looks, and be begun anew, or filled again: what is missing in it then looks like
what was never there.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import RedisError

from sse_hub.broker.keys import CHANNELS, LogKeys, log_key
from sse_hub.errors import LogUnavailable
from sse_hub.hub.backend import LogSnapshot, RawEntry, RawPage

Script = Callable[..., Awaitable[Any]]


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
