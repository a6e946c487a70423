"""
How one of the servers in a URL is reached: by the hub's own protocols, and by redis-py.

    RedisServers, host and port --> RedisAddress.of() --> connect() --> a protocol with its transport
                                --> connection_to() --> a connection of redis-py
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio.connection import AbstractConnection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import Connection as TcpConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo

from sse_hub.redis_url import RedisServers

ASK_SECONDS = 1.0
# What redis-py tells servers of itself. It would read that anew, from the files of its package, for each connection.
DRIVER = DriverInfo()

HostPort = tuple[str, int]
"""Host and port."""

AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """
    Where a server is: at the Unix socket `path`, or at `host` and `port`, over TLS where `tls` is not None.

    `credentials` are the arguments of AUTH; empty without a password.
    """

    host: str
    port: int
    path: str | None
    tls: ssl.SSLContext | None
    credentials: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, servers: RedisServers, server: HostPort) -> "RedisAddress":
        """The address of `server`, which is one of `servers`."""
        words = tuple(filter(None, (servers.username, servers.password)))
        host, port = server
        return cls(host, port, servers.path, _tls(servers), words if servers.password else ())

    async def connect(self, factory: Callable[[], AnyProtocol]) -> AnyProtocol:
        """A connected protocol made by `factory`. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self.path:
            _, protocol = await loop.create_unix_connection(factory, self.path)
        else:
            _, protocol = await loop.create_connection(factory, self.host, self.port, ssl=self.tls)
        return protocol


def connection_to(servers: RedisServers, server: HostPort, sentinel: bool = False) -> AbstractConnection:
    """A connection to one of `servers`, or to one of their Sentinels, not connected yet."""
    kind, arguments = connection_arguments(servers, server, sentinel)
    arguments |= {"socket_timeout": ASK_SECONDS, "socket_connect_timeout": ASK_SECONDS}
    return kind(**arguments, retry=Retry(NoBackoff(), 0), protocol=2)


def connection_arguments(
    servers: RedisServers, server: HostPort, sentinel: bool = False
) -> tuple[type[AbstractConnection], dict[str, Any]]:
    """redis-py's class for connections to `server`, and its arguments: address, credentials, database, TLS."""
    username, password = servers.username, servers.password
    if sentinel:
        username, password = servers.sentinel_username, servers.sentinel_password
    arguments: dict[str, Any] = {"db": 0 if sentinel else servers.database, "driver_info": DRIVER}
    if password:
        arguments |= {"username": username or None, "password": password}
    if servers.path:
        return UnixDomainSocketConnection, arguments | {"path": servers.path}
    arguments |= {"host": server[0], "port": server[1]}
    if not servers.tls:
        return TcpConnection, arguments
    tls = {"ssl_ca_certs": servers.ca_certs, "ssl_certfile": servers.certfile, "ssl_keyfile": servers.keyfile}
    return SSLConnection, arguments | tls


def _tls(servers: RedisServers) -> ssl.SSLContext | None:
    if not servers.tls:
        return None
    context = ssl.create_default_context(cafile=servers.ca_certs)
    if servers.certfile:
        context.load_cert_chain(servers.certfile, servers.keyfile)
    return context
