"""
A connection to Redis of our own publishers. It repeats nothing by itself: that could publish a line twice.

    redis://… --> connection_to(url) --> connect(), send_packed_command(), read_response()
"""

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sse_hub.errors import InvalidSetting
from sse_hub.redis_url import validate

ANSWER_SECONDS = 5.0


def publisher_connection(redis_url: str) -> AbstractConnection:
    """A connection that is not connected yet. Raises InvalidSetting when `redis_url` can't be used."""
    try:
        client = Redis.from_url(
            validate(redis_url),
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        connection: AbstractConnection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise InvalidSetting(f"The URL of Redis can't be used: {error}.") from None
    return connection
