"""
Forgets channels that have had no line for a long time, and some of those of which there are too many.

    idle for long --> once a minute, lua/prune.lua, some channels at a time
    too many      --> the largest groups give up those with the fewest lines --> lua/forget.lua, with their lines

Only the process that records does this.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import Partition
from sse_hub.broker.scripts import script
from sse_hub.errors import LogUnavailable, error_text
from sse_hub.history.append_batch import SCRIPT_LINES
from sse_hub.history.reader import NAME_RETENTION_FACTOR, LogReader
from sse_hub.hub.new_names import group_of
from sse_hub.protocol.ids import EventId

logger = logging.getLogger(__name__)

PRUNE_SECONDS = 60.0
COUNT_SECONDS = 2.0
# With too many channels, so many are kept, of those allowed: or each new one would be too many.
KEPT = 0.95
# Channels forgotten in one script.
SOME = 100


class ChannelPruner:
    """Removes channels from the list of recorded ones: idle ones, and those beyond `max_channels`."""

    def __init__(
        self, commands: redis.asyncio.Redis, partition: Partition, log: LogReader, retain_ms: int, max_channels: int
    ) -> None:
        self._partition = partition
        self._log = log
        self._retain_ms = retain_ms
        self._max_channels = max_channels
        self._prune_script: Any = commands.register_script(script("prune"))
        self._forget_script: Any = commands.register_script(script("forget"))
        self._prune_at = self._count_at = 0.0

    async def prune(self, now: float, fence: int) -> None:
        """
        Every PRUNE_SECONDS, forget channels whose last line is older than NAME_RETENTION_FACTOR × `retain_ms`; every
        COUNT_SECONDS, those of which there are too many.

        `now` is the event loop's time in seconds, `fence` the present fence in ms. Raises LogUnavailable.
        """
        try:
            if now > self._prune_at:
                self._prune_at = now + PRUNE_SECONDS
                await self._forget_idle(fence - NAME_RETENTION_FACTOR * self._retain_ms)
            if now > self._count_at:
                self._count_at = now + COUNT_SECONDS
                await self._forget_excess()
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"Channels can't be forgotten: {error_text(error)}.") from None

    async def _forget_idle(self, oldest: int) -> None:
        keys = [self._partition.channels, self._partition.recent]
        forgotten, some = 0, SCRIPT_LINES
        while some == SCRIPT_LINES:
            some = await self._prune_script(keys=keys, args=[oldest, SCRIPT_LINES])
            forgotten += some
        if forgotten:
            logger.info("channels_pruned channels=%(channels)d", {"channels": forgotten})

    async def _forget_excess(self) -> None:
        channels = await self._log.channels(self._log.watermark)
        if len(channels) <= self._max_channels:
            return
        # A copy: the directory changes while the scripts run.
        chosen = [(name, channels[name]) for name in excess(channels, int(self._max_channels * KEPT))]
        partition, forgotten = self._partition, 0
        for at in range(0, len(chosen), SOME):
            some = chosen[at : at + SOME]
            keys = [partition.channels, partition.recent, partition.forgotten]
            keys += [partition.log(name) for name, _ in some]
            args = [word for name, (last, count) in some for word in (name, group_of(name), f"{last} {count}")]
            forgotten += await self._forget_script(keys=keys, args=args)
        logger.warning(
            "channels_dropped channels=%(channels)d limit=%(limit)d",
            {"channels": forgotten, "limit": self._max_channels},
        )


def excess(channels: Mapping[str, tuple[EventId, int]], kept: int) -> list[str]:
    """
    The names to forget so that `kept` of `channels`, with their last ids and numbers of lines, are left.

    Each group keeps as many as the others, if it has them: so the largest ones lose some, those with the fewest lines
    first, and of these the oldest.
    """
    groups: dict[str, list[str]] = {}
    for name in channels:
        groups.setdefault(group_of(name), []).append(name)
    share = _share(Counter({group: len(names) for group, names in groups.items()}).values(), kept)
    candidates = [
        name
        for names in groups.values()
        if len(names) > share
        for name in sorted(names, key=lambda name: (channels[name][1], channels[name][0]))[: len(names) - share]
    ]
    candidates.sort(key=lambda name: (channels[name][1], channels[name][0]))
    return candidates[: len(channels) - kept]


def _share(sizes: Iterable[int], total: int) -> int:
    """The largest number such that groups of `sizes`, none with more than that, have at most `total` together."""
    ordered = sorted(sizes)
    for at, size in enumerate(ordered):
        left = len(ordered) - at
        if size * left > total:
            return total // left
        total -= size
    return ordered[-1] if ordered else 0
