"""
Tokens that are valid no more before their time, as a list in Redis that all hubs of it share.

    sse-hub token revoke --> sse-hub:revoked --> refresh(), every few seconds --> Revocations.holds(token id)
                                            <-- what Redis has lost meanwhile
"""

import logging
import math
import time
from collections.abc import Mapping

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import REVOKED
from sse_hub.errors import SourceUnavailable

logger = logging.getLogger(__name__)

# How long the end of a token may be over before it is taken off: another hub's clock may be behind.
CLOCKS_SECONDS = 3600.0


class Revocations:
    """The list as this process knows it: what it has read stays, whatever Redis loses, until it has no use any more."""

    def __init__(self, commands: redis.asyncio.Redis) -> None:
        self._commands = commands
        self._ends: dict[str, float] | None = None

    def holds(self, token_id: str) -> bool:
        """True when the token called `token_id` has been revoked."""
        return self._ends is not None and bool(token_id) and token_id in self._ends

    async def known(self) -> None:
        """Return when the list has been read at least once: before, nobody knows. Raises SourceUnavailable."""
        if self._ends is None:
            await self._read()

    async def refresh(self) -> None:
        """Read the list, and write back what Redis has lost of it. Without an answer it stays as it is."""
        try:
            listed = await self._read()
        except SourceUnavailable as error:
            logger.debug("revocations_not_read error=%(error)r", {"error": str(error)})
            return
        try:
            await self._restore(listed)
        except (RedisError, OSError) as error:
            # Kept all the same, and tried again the next time.
            logger.warning("revocations_write_failed error=%(error)r", {"error": str(error)})

    async def _read(self) -> dict[str, float]:
        try:
            told = await self._commands.hgetall(REVOKED)
        except (RedisError, OSError) as error:
            raise SourceUnavailable(f"Redis does not say which tokens are revoked: {error}.") from None
        listed = {_text(token_id): _end(until) for token_id, until in told.items()}
        ends = (self._ends or {}) | listed
        self._ends = {token_id: until for token_id, until in ends.items() if not _is_over(until)}
        return listed

    async def _restore(self, listed: Mapping[str, float]) -> None:
        lost = [(token_id, str(until)) for token_id, until in (self._ends or {}).items() if token_id not in listed]
        if lost:
            logger.warning("revocations_lost tokens=%(tokens)d", {"tokens": len(lost)})
            await self._commands.hset(REVOKED, items=[word for pair in lost for word in pair])
        over = [token_id for token_id, until in listed.items() if _is_over(until)]
        if over:
            await self._commands.hdel(REVOKED, *over)


async def revoke(commands: redis.asyncio.Redis, token_id: str, until: float) -> None:
    """Put a token on the list, until its own time, in seconds since the epoch, is over."""
    await commands.hset(REVOKED, token_id, str(until))


def _text(told: str | bytes) -> str:
    return str(told, errors="replace") if isinstance(told, bytes) else told


def _end(told: str | bytes) -> float:
    try:
        return float(told)
    except ValueError:
        # One that nobody can read must not keep the others from being known.
        return math.inf


def _is_over(until: float) -> bool:
    return until + CLOCKS_SECONDS < time.time()
