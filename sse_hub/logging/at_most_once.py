"""
Plain delivery: PUBLISH in a pipeline, each line at most once.

    lines --> PUBLISH ... --> a reply to each, else the line is unsure      nobody there --> again, where the hubs are
"""

from collections.abc import Sequence

from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.receivers import ReceiverCheck, Reply, unheard
from sse_hub.errors import error_text
from sse_hub.logging.connection import RedisConnection
from sse_hub.logging.delivery import Outcome


class AtMostOnceDelivery:
    """Publishes each line at most once: if the connection dies before the reply, the line is not sent again."""

    # The lines that one round holds the interpreter for, and that may be unsure after a disconnect.
    max_lines = 200
    max_bytes = 256 * 1024
    resends_unsure = False

    def __init__(self, connection: RedisConnection, channel: str) -> None:
        self._connection = connection
        self._channel = channel
        self._check = ReceiverCheck()

    def deliver(self, lines: Sequence[bytes]) -> Outcome:
        """See Delivery."""
        try:
            self._connection.connect()
        except (RedisError, OSError) as error:
            self._connection.close()
            return Outcome(retry=lines, error=error_text(error))
        replies, failed = self._publish(lines)
        again: set[int] = set()
        if not failed and self._hubs_have_moved(replies):
            self._connection.close()
            if self._connection.kind == "sentinel":
                # A cluster's nodes send each other what is published: there, the hubs may have got it all the same.
                again.update(unheard(replies))
        retry, unsure = [], []
        reason = failed
        for at, (line, reply) in enumerate(zip(lines, replies, strict=True)):
            if reply is None:
                unsure.append(line)
            elif isinstance(reply, ResponseError):
                retry.append(line)
                reason = failed or reply
            elif at in again:
                retry.append(line)
        return Outcome(retry, unsure, error_text(reason) if reason else "")

    def _publish(self, lines: Sequence[bytes]) -> tuple[list[Reply], RedisError | OSError | None]:
        """A reply for each line, and why some are None."""
        replies: list[Reply] = []
        try:
            for reply in self._connection.execute([("PUBLISH", self._channel, line) for line in lines]):
                replies.append(reply)
        except (RedisError, OSError) as error:
            self._connection.close()
            return replies + [None] * (len(lines) - len(replies)), error
        return replies, None

    def _hubs_have_moved(self, replies: Sequence[Reply]) -> bool:
        if self._connection.kind == "single" or not self._check.due((self._channel, reply) for reply in replies):
            return False
        return self._connection.has_moved()

    def reset_after_fork(self) -> None:
        """See Delivery."""
        self._connection.reset_after_fork()

    def close(self) -> None:
        """See Delivery."""
        self._connection.close()
