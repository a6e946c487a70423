"""
A connection to Redis for one thread: commands in a pipeline, and each reply that arrived, even if the connection dies.

    commands --> RedisConnection.execute() --> replies, one by one

For a connection that died, redis-py's own pipelines don't report which commands were answered before.
"""

import socket
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha1
from typing import Any

from redis.asyncio.connection import UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from sse_hub.broker.address import connection_arguments
from sse_hub.broker.keys import Partition
from sse_hub.logging.finder import BLOCKING, Finder
from sse_hub.redis_url import Kind

Command = tuple[str | bytes | int, ...]

CONNECT_SECONDS = 3.0
# A frozen server continues when it wakes, and replies: giving up earlier would make lines unsure. The kernel detects a
# peer that is gone without notice after USER_TIMEOUT_MS, where it has this setting.
ANSWER_SECONDS = 60.0
USER_TIMEOUT_MS = 20_000


class RedisConnection:
    """
    A connection to `url`, opened when it is needed. Raises ValueError if the URL can't be used.

    `partition` has the names of the hubs' keys there.
    """

    def __init__(self, url: str) -> None:
        self.partition = Partition()
        self._finder = Finder(url, self.partition)
        # The first name resolution imports this codec. A process forked in the middle of that can never import it.
        "localhost".encode("idna")
        kind, arguments = connection_arguments(self._finder.servers, ("", 0))
        if kind is not UnixDomainSocketConnection:
            options = {socket.TCP_USER_TIMEOUT: USER_TIMEOUT_MS} if hasattr(socket, "TCP_USER_TIMEOUT") else {}
            arguments |= {"socket_connect_timeout": CONNECT_SECONDS}
            arguments |= {"socket_keepalive": True, "socket_keepalive_options": options}
        arguments |= {"socket_timeout": ANSWER_SECONDS, "retry": Retry(NoBackoff(), 0), "protocol": 2}
        self._make_connection = partial(BLOCKING[kind], **arguments)
        self._connection: Any = self._make_connection()
        # Of the primary that it is, or was, connected to.
        self._identity: object = None
        self._shas: dict[str, str] = {}

    @property
    def kind(self) -> Kind:
        """What the URL names; a cluster, too, once a URL of one server has turned out to name a node of one."""
        return self._finder.kind

    def connect(self) -> None:
        """Connect, unless it is connected. Raises RedisError, OSError."""
        if self._connection.is_connected and self._closed_by_server():
            self._connection.disconnect()
        if not self._connection.is_connected:
            primary = self._finder.find()
            self._identity = primary.identity
            if not self._finder.servers.path:
                self._connection.host, self._connection.port = primary.server
        self._connection.connect()

    def execute(self, commands: Sequence[Command]) -> Iterator[Any]:
        """
        Send `commands` in one write after connect(), and yield the reply to each as it arrives; a ResponseError is
        yielded, not raised.

        All replies must be consumed, or the connection closed. Raises RedisError, OSError.
        """
        self._connection.send_packed_command(self._connection.pack_commands(commands))
        for _ in commands:
            try:
                yield self._connection.read_response()
            except ResponseError as error:
                yield error

    def call(self, *command: str | bytes | int) -> Any:
        """The reply to one command. Raises RedisError, OSError; ResponseError if Redis refuses it."""
        (reply,) = self.execute([command])
        if isinstance(reply, ResponseError):
            raise reply
        return reply

    def run_script(self, text: str, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:
        """The result of the Lua script `text`. Raises as call() does."""
        sha = self._shas.get(text)
        if sha is None:
            sha = self._shas[text] = sha1(text.encode(), usedforsecurity=False).hexdigest()
        command = ("EVALSHA", sha, len(keys), *keys, *args)
        try:
            return self.call(*command)
        except NoScriptError:
            # Only then: an embedded Redis has the scripts of publishers, and lets them load none.
            self.call("SCRIPT", "LOAD", text)
        return self.call(*command)

    def has_moved(self) -> bool:
        """Whether another server has the partition than the one it is connected to; False if none says so."""
        try:
            return self._finder.find().identity != self._identity
        except (RedisError, OSError):
            return False

    def _closed_by_server(self) -> bool:
        """Whether the server has closed an idle connection: commands sent into it would be lost."""
        try:
            return bool(self._connection.can_read(0))
        except (RedisError, OSError):
            return True

    def close(self) -> None:
        """Close the connection; connect() opens a new one."""
        self._connection.disconnect()

    def reset_after_fork(self) -> None:
        """In a forked process: leave the connection to the parent."""
        # In another process, redis-py only closes the file descriptor.
        self._connection.disconnect()
        self._connection = self._make_connection()
