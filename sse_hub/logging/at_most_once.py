"""
The plain way: PUBLISH in a pipeline, each line once at most.

    lines --> PUBLISH ... --> an answer to each, else the line is unsure
"""

from collections.abc import Sequence

from redis.exceptions import RedisError, ResponseError

from sse_hub.logging.connection import RedisConnection
from sse_hub.logging.delivery import Outcome, words_of


class AtMostOnce:
    """Publishes each line once at most: one whose connection dies before the answer is not sent again."""

    # What one turn holds the interpreter for, and what may be unsure after a cut.
    most_lines = 200
    most_bytes = 256 * 1024
    repeats = False

    def __init__(self, link: RedisConnection, channel: str) -> None:
        self._link = link
        self._channel = channel

    def deliver(self, lines: Sequence[bytes]) -> Outcome:
        """See Delivery."""
        try:
            self._link.connect()
        except (RedisError, OSError) as error:
            self._link.close()
            return Outcome(again=lines, error=words_of(error))
        refused: list[bytes] = []
        why, answered = "", 0
        try:
            for line, answer in zip(
                lines, self._link.ask([("PUBLISH", self._channel, line) for line in lines]), strict=True
            ):
                answered += 1
                if isinstance(answer, ResponseError):
                    refused.append(line)
                    why = words_of(answer)
        except (RedisError, OSError) as error:
            self._link.close()
            return Outcome(again=refused, unsure=lines[answered:], error=words_of(error))
        return Outcome(again=refused, error=why)

    def forget(self) -> None:
        """See Delivery."""
        self._link.forget()

    def close(self) -> None:
        """See Delivery."""
        self._link.close()
