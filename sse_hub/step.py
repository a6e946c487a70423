"""
One look at the log: which one it is, where it begins, how far it is complete, in the same step as what is read.

    a command --> looked() --> Look, answer          read_page() --> lua/page.lua --> RawPage, with its Look

The log can be lost between any two looks, and be begun anew, or filled again: what is missing in it then looks like
what was never there.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.errors import LogUnavailable
from sse_hub.keys import CHANNELS, LogKeys, log_key
from sse_hub.pages import Look, RawEntry, RawPage


async def looked(commands: redis.asyncio.Redis, log_keys: LogKeys, *command: str) -> tuple[Look, Any]:
    """A look, and the answer to `command` in the same step. Raises LogUnavailable."""
    pipeline: Any = commands.pipeline(transaction=True)
    pipeline.get(log_keys.watermark)
    pipeline.xrange(log_keys.breaks, count=1)
    pipeline.xrevrange(log_keys.breaks, count=1)
    pipeline.execute_command(*command)
    try:
        watermark, first, last, answer = await pipeline.execute()
    except (RedisError, OSError) as error:
        raise LogUnavailable(f"The log can't be read: {error or type(error).__name__}.") from None
    return Look.of(watermark, first, last), answer


async def read_page(
    script: Callable[..., Awaitable[Any]], log_keys: LogKeys, channel: str, asked: tuple[str | int, ...]
) -> RawPage:
    """What lua/page.lua says of `channel`, `asked` for a range of it. Raises LogUnavailable."""
    names = [log_key(channel), CHANNELS, log_keys.watermark, log_keys.breaks]
    try:
        reply = await script(keys=names, args=[*asked, channel])
    except (RedisError, OSError) as error:
        raise LogUnavailable(f"The log can't be read: {error or type(error).__name__}.") from None
    raw, more, length, deleted, known, watermark, first, last = reply
    look = Look.of(watermark, _entries(first), _entries(last))
    info = {"length": length, "max-deleted-entry-id": deleted or None}
    return RawPage(_entries(raw), bool(more), info if length >= 0 else None, known or b"0-0 0", look)


def _entries(raw: Any) -> list[RawEntry]:
    # As a script gives them.
    return [(id, dict(zip(words[::2], words[1::2], strict=True))) for id, words in raw]
