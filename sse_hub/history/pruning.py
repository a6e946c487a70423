"""
Forgets the names of channels that have had no line for a long time.

    once a minute, in the process that records: LogReader.channels() --> lua/prune.lua
"""

import logging
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import CHANNELS
from sse_hub.broker.scripts import script
from sse_hub.errors import LogUnavailable, error_text
from sse_hub.history.append_batch import SCRIPT_LINES
from sse_hub.history.reader import NAME_RETENTION_FACTOR, LogReader

logger = logging.getLogger(__name__)

PRUNE_SECONDS = 60.0


class ChannelPruner:
    """Removes idle channels from the list of recorded ones. `retain_ms` is how long lines are kept."""

    def __init__(self, commands: redis.asyncio.Redis, log: LogReader, retain_ms: int) -> None:
        self._log = log
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
        channels = await self._log.channels(self._log.watermark)
        # With the state it was in: the script leaves a channel alone that has had a line since.
        idle = [(name, f"{last} {count}") for name, (last, count) in channels.items() if last.fence < oldest]
        forgotten = 0
        try:
            for start in range(0, len(idle), SCRIPT_LINES):
                args = [word for pair in idle[start : start + SCRIPT_LINES] for word in pair]
                forgotten += await self._script(keys=[CHANNELS], args=args)
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"Idle channels can't be forgotten: {error_text(error)}.") from None
        if forgotten:
            logger.info("channels_pruned channels=%(channels)d", {"channels": forgotten})
