"""
Connections of redis-py to the server that has the partition: for the hub's commands, and for publishers.

    Topology --> command_pool() --> Redis.from_pool()
    URL --> publisher_connection() --> connect(), send_packed_command(), read_response()
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from sse_hub.broker.address import connection_arguments
from sse_hub.broker.keys import Partition
from sse_hub.broker.topology import Primary, Topology
from sse_hub.errors import InvalidSetting, error_text

ANSWER_SECONDS = 5.0

Pool = TypeVar("Pool", bound=ConnectionPool)


def command_pool(topology: Topology, kind: type[Pool], **options: Any) -> Pool:
    """
    A pool of connections for commands to the server that has the partition; `options` are those of `kind`.

    Every failure of its connections is one of redis-py's errors. After the partition has moved, each connection is
    replaced before its next use.
    """

    async def locate() -> Primary:
        prefix = topology.partition.prefix
        await topology.wait_asked()
        if topology.partition.prefix != prefix:
            raise RedisConnectionError("This is a node of a cluster: the names of the keys have just changed")
        return topology.primary

    connection, arguments = connection_arguments(topology.servers, ("", 0))
    pool: Pool = kind(connection_class=_following(connection, locate), **arguments, **options)
    return pool


def publisher_connection(redis_url: str, partition: Partition) -> AbstractConnection:
    """
    A connection for a publisher, not connected yet; each connect() asks where `partition` is.

    It never repeats a command by itself: that could publish a line twice. Raises InvalidSetting for an URL that can't
    be used.
    """
    return topology_connection(publisher_topology(redis_url, partition))


def publisher_client(redis_url: str, partition: Partition) -> Redis:
    """
    A client for commands to the server that has `partition`; each new connection asks where that is.

    It never repeats a command by itself. Raises InvalidSetting for an URL that can't be used.
    """
    return topology_client(publisher_topology(redis_url, partition))


def publisher_topology(redis_url: str, partition: Partition) -> Topology:
    """What publishers ask where `partition` is. Raises InvalidSetting for an URL that can't be used."""
    try:
        return Topology(redis_url, partition)
    except ValueError as error:
        raise InvalidSetting(f"The Redis URL is invalid: {error_text(error)}.") from None


def topology_connection(topology: Topology) -> AbstractConnection:
    """As publisher_connection(), of a topology that need not run."""
    pool: ConnectionPool = topology_client(topology).connection_pool
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
    return connection


def topology_client(topology: Topology) -> Redis:
    """As publisher_client(), of a topology that need not run."""
    connection, arguments = connection_arguments(topology.servers, ("", 0))
    return Redis.from_pool(
        ConnectionPool(
            connection_class=_following(connection, topology.find, only_new=True),
            **arguments,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    )


def _following(
    connection: type[AbstractConnection], locate: Callable[[], Awaitable[Primary]], only_new: bool = False
) -> type[AbstractConnection]:
    """
    A class of connections to the server that `locate` returns.

    An open one is left where it is with `only_new`; otherwise it is replaced when that is another server by now.
    """

    class Connection(connection):  # type: ignore[misc,valid-type]
        identity: object = None  # of the primary that it is, or was, connected to

        async def connect(self) -> None:
            if self.is_connected and only_new:
                return
            primary = await locate()
            if self.is_connected and self.identity != primary.identity:
                await self.disconnect(nowait=True)
            self.identity = primary.identity
            if not getattr(self, "path", None):
                self.host, self.port = primary.server
            await super().connect()

        async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
            try:
                await super().send_packed_command(command, check_health)
            except RuntimeError as error:
                # uvloop raises this for a connection that was lost after redis-py's check; it would end our tasks.
                raise RedisConnectionError(f"The connection was lost: {error}") from None

    return Connection
