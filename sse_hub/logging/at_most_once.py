"""
Plain delivery: PUBLISH in a pipeline, each line at most once.

    lines --> PUBLISH ... --> a reply to each, else the line is unsure
"""

from collections.abc import Sequence

from redis.exceptions import RedisError, ResponseError

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

    def deliver(self, lines: Sequence[bytes]) -> Outcome:
        """See Delivery."""
        try:
            self._connection.connect()
        except (RedisError, OSError) as error:
            self._connection.close()
            return Outcome(retry=lines, error=error_text(error))
        refused: list[bytes] = []
        reason, replies = "", 0
        try:
            for line, reply in zip(
                lines, self._connection.execute([("PUBLISH", self._channel, line) for line in lines]), strict=True
            ):
                replies += 1
                if isinstance(reply, ResponseError):
                    refused.append(line)
                    reason = error_text(reply)
        except (RedisError, OSError) as error:
            self._connection.close()
            return Outcome(retry=refused, unsure=lines[replies:], error=error_text(error))
        return Outcome(retry=refused, error=reason)

    def reset_after_fork(self) -> None:
        """See Delivery."""
        self._connection.reset_after_fork()

    def close(self) -> None:
        """See Delivery."""
        self._connection.close()
