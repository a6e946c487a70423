"""
Tokens that are valid no more before their time, as a list in Redis that all hubs of it share.

    sse-hub token revoke --> sse-hub:revoked --> refresh(), every few seconds --> Revocations.holds(token id)
"""

import logging
import time

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.errors import SourceUnavailable
from sse_hub.keys import REVOKED

logger = logging.getLogger(__name__)


class Revocations:
    """The list as it was when Redis last answered."""

    def __init__(self, commands: redis.asyncio.Redis) -> None:
        self._commands = commands
        self._ids: frozenset[str] | None = None

    def holds(self, token_id: str) -> bool:
        """True when the token called `token_id` has been revoked."""
        return self._ids is not None and bool(token_id) and token_id in self._ids

    async def known(self) -> None:
        """Return when the list has been read at least once: before, nobody knows. Raises SourceUnavailable."""
        if self._ids is None:
            await self._read()

    async def refresh(self) -> None:
        """Read the list. Without an answer it stays as it is."""
        try:
            await self._read()
        except SourceUnavailable as error:
            logger.debug("revocations_not_read error=%r", str(error))

    async def _read(self) -> None:
        try:
            listed = await self._commands.hgetall(REVOKED)
            now = time.time()
            over = [id for id, until in listed.items() if float(until) < now]
            if over:
                await self._commands.hdel(REVOKED, *over)
        except (RedisError, OSError, ValueError) as error:
            raise SourceUnavailable(f"Redis does not say which tokens are revoked: {error}.") from None
        self._ids = frozenset(str(id, errors="replace") if isinstance(id, bytes) else id for id in listed)


async def revoke(commands: redis.asyncio.Redis, token_id: str, until: float) -> None:
    """Put a token on the list, until its own time, in seconds since the epoch, is over."""
    await commands.hset(REVOKED, token_id, str(until))
