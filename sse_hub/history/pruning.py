"""
Forgets the names of channels that have had no line for a long time.

    once a minute, in the process that records: lua/prune.lua, for some channels at a time
"""

import logging
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import CHANNELS, RECENT
from sse_hub.broker.scripts import script
from sse_hub.errors import LogUnavailable, error_text
from sse_hub.history.append_batch import SCRIPT_LINES
from sse_hub.history.reader import NAME_RETENTION_FACTOR

logger = logging.getLogger(__name__)

PRUNE_SECONDS = 60.0


class ChannelPruner:
    """Removes idle channels from the list of recorded ones. `retain_ms` is how long lines are kept."""

    def __init__(self, commands: redis.asyncio.Redis, retain_ms: int) -> None:
        self._retain_ms = retain_ms
        self._script: Any = commands.register_script(script("prune"))
        self._due_at = 0.0

    async def prune(self, now: float, fence: int) -> None:
        """
        Every PRUNE_SECONDS, forget channels whose last line is older than NAME_RETENTION_FACTOR × `retain_ms`.

        `now` is the event loop's time in seconds, `fence` the present fence in ms. Raises LogUnavailable.
        """
        if now <= self._due_at:
            return
        self._due_at = now + PRUNE_SECONDS
        oldest = fence - NAME_RETENTION_FACTOR * self._retain_ms
        forgotten = some = SCRIPT_LINES
        try:
            while some == SCRIPT_LINES:
                some = await self._script(keys=[CHANNELS, RECENT], args=[oldest, SCRIPT_LINES])
                forgotten += some
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"Idle channels can't be forgotten: {error_text(error)}.") from None
        forgotten -= SCRIPT_LINES
        if forgotten:
            logger.info("channels_pruned channels=%(channels)d", {"channels": forgotten})
