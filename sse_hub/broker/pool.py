"""
Pools of connections to Redis for commands, each of whose failures is one of redis-py's errors.

    redis://… --> pool_of(url, BlockingConnectionPool, …) --> Redis.from_pool()
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError

from sse_hub.redis_url import validate

Pool = TypeVar("Pool", bound=ConnectionPool)


def command_pool(url: str, kind: type[Pool], **options: Any) -> Pool:
    """A pool for the server at `url`. Raises ValueError where that can't be used."""
    pool: Pool = kind.from_url(validate(url), **options)
    # By the scheme of the URL it is one for TCP, TLS or a Unix socket.
    pool.connection_class = _telling(pool.connection_class)
    return pool


def _telling(connection: type[AbstractConnection]) -> type[AbstractConnection]:
    class Telling(connection):  # type: ignore[misc,valid-type]
        async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
            try:
                await super().send_packed_command(command, check_health)
            except RuntimeError as error:
                # uvloop's word for a connection that was lost after redis-py had looked; it would end our tasks.
                raise RedisConnectionError(f"The connection was lost: {error}") from None

    return Telling
