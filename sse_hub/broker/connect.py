"""
Connections to Redis: of the hub's own protocols, for commands, and for publishers.

    redis://user:password@host:port/0, rediss://…, unix://…
      --> RedisAddress.parse() --> connect() --> a protocol with its transport
      --> command_pool() --> Redis.from_pool()
      --> publisher_connection() --> connect(), send_packed_command(), read_response()
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, ConnectionPool, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from sse_hub.errors import InvalidSetting, error_text
from sse_hub.redis_url import validate

ANSWER_SECONDS = 5.0

AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)
Pool = TypeVar("Pool", bound=ConnectionPool)


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
    def parse(cls, url: str) -> "RedisAddress":
        """The address that `url` spells, as redis-py reads it. Raises ValueError for an URL that can't be used."""
        options: dict[str, object] = dict(parse_url(validate(url)))
        words = [str(options[name]) for name in ("username", "password") if options.get(name)]
        return cls(
            host=str(options.get("host", "localhost")),
            port=int(str(options.get("port", 6379))),
            path=str(options["path"]) if "path" in options else None,
            tls=_tls(options) if url.startswith("rediss://") else None,
            credentials=tuple(words) if options.get("password") else (),
        )

    async def connect(self, factory: Callable[[], AnyProtocol]) -> AnyProtocol:
        """A connected protocol made by `factory`. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self.path:
            _, protocol = await loop.create_unix_connection(factory, self.path)
        else:
            _, protocol = await loop.create_connection(factory, self.host, self.port, ssl=self.tls)
        return protocol


def command_pool(url: str, kind: type[Pool], **options: Any) -> Pool:
    """
    A pool of connections for commands to the server at `url`; `options` are those of `kind`.

    Every failure of its connections is one of redis-py's errors. Raises ValueError for an URL that can't be used.
    """
    pool: Pool = kind.from_url(validate(url), **options)
    # from_url() has chosen the class by the scheme: TCP, TLS or a Unix socket.
    pool.connection_class = _with_redis_errors(pool.connection_class)
    return pool


def publisher_connection(redis_url: str) -> AbstractConnection:
    """
    A connection for a publisher, not connected yet.

    It never repeats a command by itself: that could publish a line twice. Raises InvalidSetting for an URL that can't
    be used.
    """
    try:
        client = Redis.from_url(
            validate(redis_url),
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        connection: AbstractConnection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise InvalidSetting(f"The Redis URL is invalid: {error_text(error)}.") from None
    return connection


def _tls(options: Mapping[str, object]) -> ssl.SSLContext:
    authority, certificate, key = (options.get(f"ssl_{name}") for name in ("ca_certs", "certfile", "keyfile"))
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    if certificate:
        context.load_cert_chain(str(certificate), str(key) if key else None)
    return context


def _with_redis_errors(connection: type[AbstractConnection]) -> type[AbstractConnection]:
    class Connection(connection):  # type: ignore[misc,valid-type]
        async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
            try:
                await super().send_packed_command(command, check_health)
            except RuntimeError as error:
                # uvloop raises this for a connection that was lost after redis-py's check; it would end our tasks.
                raise RedisConnectionError(f"The connection was lost: {error}") from None

    return Connection
