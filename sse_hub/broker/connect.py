"""
Where a Redis is, and how a connection of our own gets there.

    redis://user:password@host:port/0, rediss://…, unix://… --> Address --> connect() --> a protocol with its transport
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from redis.asyncio.connection import parse_url

from sse_hub.redis_url import validate

AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A server, by `path` of a socket or by `host` and `port`, and what AUTH says there, if anything."""

    host: str
    port: int
    path: str | None
    tls: ssl.SSLContext | None
    credentials: tuple[str, ...] = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """The address that `url` spells, as redis-py reads it. Raises ValueError."""
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


def _tls(options: Mapping[str, object]) -> ssl.SSLContext:
    authority, certificate, key = (options.get(f"ssl_{name}") for name in ("ca_certs", "certfile", "keyfile"))
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    if certificate:
        context.load_cert_chain(str(certificate), str(key) if key else None)
    return context
