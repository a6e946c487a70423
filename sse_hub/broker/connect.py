"""
Connections of redis-py to the server that has the partition: for the hub's commands, and for publishers.

    Topology --> command_pool() --> Redis.from_pool()
    URL --> publisher_connection() --> connect(), send_packed_command(), read_response()
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, TypeVar
from weakref import WeakSet

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from sse_hub.broker.address import connection_arguments
from sse_hub.broker.keys import Partition
from sse_hub.broker.refusals import refusal
from sse_hub.broker.topology import Primary, Topology
from sse_hub.errors import InvalidSetting, error_text

ANSWER_SECONDS = 5.0

Pool = TypeVar("Pool", bound=ConnectionPool)


def command_pool(topology: Topology, kind: type[Pool], **options: Any) -> Pool:
    """
    A pool of connections for commands to the server that has the partition; `options` are those of `kind`.

    Every failure of its connections is one of redis-py's errors. After the partition has moved, each connection is
    replaced before its next use. A command that a server refuses because another one has the partition is often the
    first sign of a move, so `topology` then asks at once.
    """

    async def locate() -> Primary:
        prefix = topology.partition.prefix
        await topology.wait_asked()
        if topology.partition.prefix != prefix:
            raise RedisConnectionError("This is a node of a cluster: the names of the keys have just changed")
        return topology.primary

    connection, arguments = connection_arguments(topology.servers, ("", 0))
    following = _following(connection, locate, topology.suspect)
    pool: Pool = kind(connection_class=following, **arguments, **options)
    topology.on_move(lambda: following.leave_all_but(topology.primary))
    return pool


def publisher_connection(redis_url: str, partition: Partition) -> "_Following":
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


def topology_connection(topology: Topology) -> "_Following":
    """As publisher_connection(), to where `topology` says."""
    connection: _Following = _publisher_pool(topology).make_connection()  # type: ignore[no-untyped-call]
    return connection


def topology_client(topology: Topology) -> Redis:
    """As publisher_client(), for where `topology` says."""
    return Redis.from_pool(_publisher_pool(topology))


def _publisher_pool(topology: Topology) -> ConnectionPool:
    connection, arguments = connection_arguments(topology.servers, ("", 0))
    return ConnectionPool(
        connection_class=_following(connection, topology.find, lambda: None, only_new=True),
        **arguments,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class _Following(AbstractConnection):
    """
    A connection to the server that `locate` returns, which is asked for at each use.

    An open one is left where it is with `only_new`; otherwise it is replaced when that is another server by now.
    `refused` is called when a server refuses a command, see `refusals`.
    """

    locate: ClassVar[Callable[[], Awaitable[Primary]]]
    refused: ClassVar[Callable[[], None]]
    only_new: ClassVar[bool]
    used: "ClassVar[WeakSet[_Following]]"
    _identity: object = None
    _connecting: asyncio.Timeout | None = None

    def leads_to(self, primary: Primary) -> bool:
        """Whether it is, or was, a connection to `primary`."""
        return self._identity == primary.identity

    async def connect(self) -> None:
        if self.is_connected and self.only_new:
            return
        primary = await type(self).locate()
        if self.is_connected and self._identity != primary.identity:
            await self.disconnect(nowait=True)
        if self.is_connected:
            return
        self._identity = primary.identity
        if not getattr(self, "path", None):
            self.host, self.port = primary.server
        self.used.add(self)
        try:
            async with asyncio.timeout(None) as self._connecting:
                await super().connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise RedisConnectionError(f"{primary} no longer has its place") from None
        finally:
            self._connecting = None

    async def disconnect(
        self,
        nowait: bool = False,
        error: Exception | None = None,
        failure_count: int | None = None,
        health_check_failed: bool = False,
    ) -> None:
        # Never waits: over TLS that would be for the goodbye of a server that may never answer.
        await super().disconnect(True, error, failure_count, health_check_failed)

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except (RuntimeError, AttributeError) as error:
            if isinstance(error, AttributeError) and self._writer is not None:
                raise
            # uvloop raises a RuntimeError for a connection that was lost after redis-py's check, and redis-py itself an
            # AttributeError for one that was closed since, as when the hub stops; either would end our tasks.
            raise RedisConnectionError(f"The connection was lost: {error}") from None

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)
        except ResponseError as error:
            if refusal(error):
                type(self).refused()
            raise

    @classmethod
    def leave_all_but(cls, primary: Primary) -> None:
        """Fail at once what is under way with other servers than `primary`: they may never answer."""
        for each in cls.used:
            if each._identity != primary.identity:
                each._leave()

    def _leave(self) -> None:
        if self._connecting:
            self._connecting.reschedule(asyncio.get_running_loop().time())
        elif self._writer:
            # Not disconnect(), which would take the connection from under the task that reads from it.
            self._writer.transport.abort()


def _following(
    connection: type[AbstractConnection],
    locate: Callable[[], Awaitable[Primary]],
    refused: Callable[[], None],
    only_new: bool = False,
) -> type[_Following]:
    """A class of connections like `connection` that follow what `locate` returns, see _Following."""
    own = {"locate": staticmethod(locate), "refused": staticmethod(refused), "only_new": only_new, "used": WeakSet()}
    return type("Connection", (_Following, connection), own)
