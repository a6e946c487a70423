"""
Where the partition is, for a thread: asked without an event loop and without other threads.

    URL --> Finder.find(): asks one server after the other --> answers --> the one with the highest epoch

The app's thread may have an event loop, or be a greenlet; at the exit of the interpreter, no thread can be started.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis.asyncio.connection
import redis.connection
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from sse_hub.broker.address import ASK_SECONDS, HostPort, connection_arguments
from sse_hub.broker.keys import CLUSTER_PREFIX, Partition
from sse_hub.broker.topology import (
    MAX_ASKED,
    Answer,
    Primary,
    is_in_cluster,
    newest,
    node_answer,
    sentinel_answer,
    sentinel_commands,
)
from sse_hub.errors import error_text
from sse_hub.redis_url import Kind, parse

# The blocking class in place of each that connection_arguments() returns.
BLOCKING: dict[
    type[redis.asyncio.connection.AbstractConnection], Callable[..., redis.connection.AbstractConnection]
] = {
    redis.asyncio.connection.Connection: redis.connection.Connection,
    redis.asyncio.connection.SSLConnection: redis.connection.SSLConnection,
    redis.asyncio.connection.UnixDomainSocketConnection: redis.connection.UnixDomainSocketConnection,
}
# A server that does not answer at all must not cost the whole time for a flush, as long as another one answers.
ROUNDS_SECONDS = (0.2, ASK_SECONDS)


class Finder:
    """
    Asks the servers of `url`. Raises ValueError if it can't be used.

    `partition` gets another prefix when the URL of one server turns out to name a node of a cluster, and `kind`
    changes to "cluster".
    """

    def __init__(self, url: str, partition: Partition) -> None:
        self.servers = parse(url)
        self.kind: Kind = self.servers.kind
        self._partition = partition
        self._seeds: tuple[HostPort, ...] = self.servers.hosts or ((str(self.servers.path), 0),)
        # Those that have answered last come first.
        self._known = list(self._seeds)
        self._primary: Primary | None = None
        if self.kind == "cluster":
            partition.prefix = CLUSTER_PREFIX

    def find(self) -> Primary:
        """The server that has the partition, asked for now. Raises RedisError, OSError."""
        if self.kind == "single" and self._primary:
            return self._primary
        errors: dict[HostPort, str] = {}
        for seconds in ROUNDS_SECONDS:
            answers: dict[HostPort, Answer] = {}
            for server in self._known:
                try:
                    answers[server] = self._ask(server, seconds)
                    errors.pop(server, None)
                except (RedisError, OSError, UnicodeError) as error:
                    errors[server] = error_text(error)
                except (ValueError, TypeError, AttributeError, LookupError) as error:
                    errors[server] = f"its answer is not understood ({error!r})"
            if answers:
                learned = (server for answer in answers.values() for server in answer.servers)
                self._known = list(dict.fromkeys((*answers, *self._seeds, *learned)))[:MAX_ASKED]
            if found := newest(answers.values(), self._primary):
                self._primary = found
                return found
        raise RedisConnectionError(self._text_of(errors))

    def _text_of(self, errors: dict[HostPort, str]) -> str:
        if self.kind == "single":
            return "".join(errors.values())
        named = (f"{host}:{port}: {why}" for (host, port), why in errors.items())
        return "; ".join(named) or "no node says who has the slot of {sse-hub}"

    def _ask(self, server: HostPort, seconds: float) -> Answer:
        kind, arguments = connection_arguments(self.servers, server, self.kind == "sentinel")
        arguments |= {"socket_timeout": seconds, "socket_connect_timeout": seconds}
        connection: Any = BLOCKING[kind](**arguments, retry=Retry(NoBackoff(), 0), protocol=2)
        try:
            connection.connect()
            if self.kind == "single":
                return self._mode(connection, server)
            if self.kind == "sentinel":
                commands = sentinel_commands(self.servers.name)
                connection.send_packed_command(connection.pack_commands(commands))
                return sentinel_answer([connection.read_response(disconnect_on_error=False) for _ in commands])
            return self._ask_node(connection, server)
        finally:
            connection.disconnect()

    def _mode(self, connection: Any, server: HostPort) -> Answer:
        hello = None
        with suppress(ResponseError):
            hello = _call(connection, "HELLO", 2)
        if not is_in_cluster(hello):
            return Answer(Primary(server))
        self.kind = "cluster"
        self._partition.prefix = CLUSTER_PREFIX
        return self._ask_node(connection, server)

    def _ask_node(self, connection: Any, server: HostPort) -> Answer:
        return node_answer(_call(connection, "CLUSTER", "SLOTS"), _call(connection, "CLUSTER", "NODES"), server)


def _call(connection: Any, *words: str | int) -> Any:
    connection.send_command(*words)
    return connection.read_response()
