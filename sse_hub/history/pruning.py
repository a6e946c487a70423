"""
Forgets the names of channels that have had no line for long.

    once a minute, in the process that records: RedisLog.channels() --> lua/prune.lua
"""

import logging
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import CHANNELS
from sse_hub.broker.scripts import script
from sse_hub.errors import LogUnavailable
from sse_hub.history.append_batch import SCRIPT_LINES
from sse_hub.history.reader import KEPT_TIMES, LogReader

logger = logging.getLogger(__name__)

PRUNE_SECONDS = 60.0


class ChannelPruner:
    """What forgets them, `retain_ms` being how long lines are kept."""

    def __init__(self, commands: redis.asyncio.Redis, log: LogReader, retain_ms: int) -> None:
        self._log = log
        self._retain_ms = retain_ms
        self._script: Any = commands.register_script(script("prune"))
        self._due_at = 0.0

    async def prune(self, now: float, fence: int) -> None:
        """
        Every PRUNE_SECONDS, forget who had none for KEPT_TIMES as long as lines are kept, up to `fence`.

        `now` is the loop's time. Raises LogUnavailable.
        """
        if now <= self._due_at:
            return
        self._due_at = now + PRUNE_SECONDS
        oldest = fence - KEPT_TIMES * self._retain_ms
        known = await self._log.channels(self._log.watermark)
        aged = [(name, f"{last} {count}") for name, (last, count) in known.items() if last.fence < oldest]
        forgotten = 0
        try:
            for at in range(0, len(aged), SCRIPT_LINES):
                words = [each for pair in aged[at : at + SCRIPT_LINES] for each in pair]
                forgotten += await self._script(keys=[CHANNELS], args=words)
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"Old channels can't be forgotten: {error}.") from None
        if forgotten:
            logger.info("channels_pruned channels=%(channels)d", {"channels": forgotten})
