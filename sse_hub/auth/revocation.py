"""
Tokens that were revoked before they expired: a list in Redis, shared by all its hubs.

    sse-hub token revoke --> sse-hub:revoked --> refresh(), every few seconds --> Revocations.is_revoked(token_id)
                                            <-- entries that Redis has lost
"""

import logging
import math
import time
from collections.abc import Mapping

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import Partition
from sse_hub.errors import SourceUnavailable, error_text

logger = logging.getLogger(__name__)

# How long an entry stays after its token has expired, because another hub's clock may be behind.
CLOCK_MARGIN_SECONDS = 3600.0


class Revocations:
    """
    The list as this process knows it.

    An entry stays until its token has expired, even if Redis loses it.
    """

    def __init__(self, commands: redis.asyncio.Redis, partition: Partition) -> None:
        self._commands = commands
        self._partition = partition
        self._expiry_times: dict[str, float] | None = None

    def is_revoked(self, token_id: str) -> bool:
        """True when the token `token_id` has been revoked. A token without an id ("") can't be."""
        return self._expiry_times is not None and bool(token_id) and token_id in self._expiry_times

    async def ensure_loaded(self) -> None:
        """Read the list, unless it has been read before. Raises SourceUnavailable."""
        if self._expiry_times is None:
            await self._read()

    async def refresh(self) -> None:
        """Read the list, and write back what Redis has lost of it. If Redis doesn't answer, keep the list as it is."""
        try:
            listed = await self._read()
        except SourceUnavailable as error:
            logger.debug("revocations_not_read error=%(error)r", {"error": str(error)})
            return
        try:
            await self._restore(listed)
        except (RedisError, OSError) as error:
            # The entries stay in memory; the next refresh tries again.
            logger.warning("revocations_write_failed error=%(error)r", {"error": str(error)})

    async def _read(self) -> dict[str, float]:
        try:
            fields = await self._commands.hgetall(self._partition.revoked)
        except (RedisError, OSError) as error:
            raise SourceUnavailable(f"The list of revoked tokens can't be read: {error_text(error)}.") from None
        listed = {_text(token_id): _parse_time(value) for token_id, value in fields.items()}
        known = (self._expiry_times or {}) | listed
        self._expiry_times = {token_id: end for token_id, end in known.items() if not _is_outdated(end)}
        return listed

    async def _restore(self, listed: Mapping[str, float]) -> None:
        known = self._expiry_times or {}
        lost = {token_id: str(expires_at) for token_id, expires_at in known.items() if token_id not in listed}
        if lost:
            logger.warning("revocations_lost tokens=%(tokens)d", {"tokens": len(lost)})
            await self._commands.hset(self._partition.revoked, items=[field for pair in lost.items() for field in pair])
        outdated = [token_id for token_id, expires_at in listed.items() if _is_outdated(expires_at)]
        if outdated:
            await self._commands.hdel(self._partition.revoked, *outdated)


async def revoke(commands: redis.asyncio.Redis, partition: Partition, token_id: str, expires_at: float) -> None:
    """Add a token to the list, where it stays until it expires at `expires_at`, in seconds since the epoch."""
    await commands.hset(partition.revoked, token_id, str(expires_at))


def _text(field: str | bytes) -> str:
    return str(field, errors="replace") if isinstance(field, bytes) else field


def _parse_time(value: str | bytes) -> float:
    try:
        return float(value)
    except ValueError:
        # One invalid entry must not keep the others from being read.
        return math.inf


def _is_outdated(expires_at: float) -> bool:
    return expires_at + CLOCK_MARGIN_SECONDS < time.time()
