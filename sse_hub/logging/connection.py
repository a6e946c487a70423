"""
One connection to Redis for one thread: commands in a pipeline, and an answer to each that came, also where it dies.

    commands --> Link.ask() --> answers, one by one

redis-py's own pipelines say of a connection that died only that it did, not which commands were answered before.
"""

import socket
from collections.abc import Iterator, Sequence
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from sse_hub.redis_url import validate

Command = tuple[str | bytes | int, ...]

CONNECT_SECONDS = 3.0
# A frozen server goes on where it was when it wakes, and answers: giving it up would make lines unsure. A peer that is
# gone without a word is noticed by the kernel, as GONE_MS has it, where there is such a setting.
ANSWER_SECONDS = 60.0
GONE_MS = 20_000


class RedisConnection:
    """A connection to `url` that is made when it is needed. ValueError when the URL can't be used."""

    def __init__(self, url: str) -> None:
        # The first name looked up imports this codec. A process forked from half-way through that never gets it again.
        "localhost".encode("idna")
        options = {socket.TCP_USER_TIMEOUT: GONE_MS} if hasattr(socket, "TCP_USER_TIMEOUT") else {}
        is_tcp = not url.startswith("unix:")
        client = Redis.from_url(
            validate(url),
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            **({"socket_connect_timeout": CONNECT_SECONDS} if is_tcp else {}),
            **({"socket_keepalive": True, "socket_keepalive_options": options} if is_tcp else {}),
        )
        self._pool = client.connection_pool
        self._connection: Any = self._pool.make_connection()
        self._scripts: dict[str, str] = {}

    def connect(self) -> None:
        """Return when there is a connection. Raises RedisError, OSError."""
        if self._connection.is_connected and self._ended():
            self._connection.disconnect()
        self._connection.connect()

    def ask(self, commands: Sequence[Command]) -> Iterator[Any]:
        """
        Send `commands` as one, and give the answer to each as it comes; a ResponseError is given, not raised.

        All answers must be taken, or the link closed. Raises RedisError, OSError.
        """
        self._connection.send_packed_command(self._connection.pack_commands(commands))
        for _ in commands:
            try:
                yield self._connection.read_response()
            except ResponseError as error:
                yield error

    def call(self, *command: str | bytes | int) -> Any:
        """The answer to one command. Raises RedisError, OSError; ResponseError where Redis refuses it."""
        (answer,) = self.ask([command])
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    def run(self, text: str, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:
        """What the script `text` returns. Raises as call()."""
        sha = self._scripts.get(text)
        if sha is None:
            sha = self._scripts[text] = self.call("SCRIPT", "LOAD", text).decode()
        try:
            return self.call("EVALSHA", sha, len(keys), *keys, *args)
        except ResponseError as error:
            if not str(error).startswith("NOSCRIPT") and type(error).__name__ != "NoScriptError":
                raise
        del self._scripts[text]
        return self.run(text, keys, args)

    def _ended(self) -> bool:
        """True when the server has ended the connection while nothing was asked: what is sent into it is lost."""
        try:
            return bool(self._connection.can_read(0))
        except (RedisError, OSError):
            return True

    def close(self) -> None:
        """End the connection; the next command makes a new one."""
        self._connection.disconnect()

    def forget(self) -> None:
        """In a forked process: leave the connection to the parent."""
        # redis-py closes the file descriptor alone, where the process is another.
        self._connection.disconnect()
        self._connection = self._pool.make_connection()
