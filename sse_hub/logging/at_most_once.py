"""
The plain way: PUBLISH in a pipeline, each line once at most.

    lines --> PUBLISH ... --> an answer to each, else the line is unsure
"""

from collections.abc import Sequence

from redis.exceptions import RedisError, ResponseError

from sse_hub.logging.connection import RedisConnection
from sse_hub.logging.delivery import Outcome, error_text


class AtMostOnceDelivery:
    """Publishes each line once at most: one whose connection dies before the answer is not sent again."""

    # What one turn holds the interpreter for, and what may be unsure after a cut.
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
        why, answered = "", 0
        try:
            for line, answer in zip(
                lines, self._connection.execute([("PUBLISH", self._channel, line) for line in lines]), strict=True
            ):
                answered += 1
                if isinstance(answer, ResponseError):
                    refused.append(line)
                    why = error_text(answer)
        except (RedisError, OSError) as error:
            self._connection.close()
            return Outcome(retry=refused, unsure=lines[answered:], error=error_text(error))
        return Outcome(retry=refused, error=why)

    def reset_after_fork(self) -> None:
        """See Delivery."""
        self._connection.reset_after_fork()

    def close(self) -> None:
        """See Delivery."""
        self._connection.close()
