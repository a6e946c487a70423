"""
Durable delivery: lines are kept until the hub's log has them; lines in doubt are looked up in it.

    lines --> lua/publish.lua: fence, lines, fence --> watermark --> lua/recorded.lua: are they there?
       disconnected or missing --> a fence, the log complete up to it --> only lines it lacks are sent again

The key in lua/publish.lua makes a second attempt do nothing while Redis knows of the first. The lookup in the log is
for a Redis that has lost its memory, since the hub writes back what it had received. If neither knows, because the hub
is late by more than MAX_WAIT_SECONDS, a line may be published twice: both copies have the same `line_id`.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import LogUnavailable, error_text
from sse_hub.logging.connection import RedisConnection
from sse_hub.logging.delivery import Outcome

MAX_WAIT_SECONDS = 5.0
POLL_SECONDS = 0.003
# A recorder advances the watermark once a second.
MAX_WATERMARK_AGE_MS = 3_000
KEY_MS = 600_000
PAGE_LINES = 500


@dataclass(slots=True)
class _Attempt:
    """
    Lines that have been tried, for the first time after fence `after_fence`; `in_doubt` once they may be published.
    With `incomplete`, `key` is of no use any more: they were published, but the log lacks some.
    """

    lines: list[bytes]
    after_fence: int
    key: str
    in_doubt: bool = False
    incomplete: bool = False


class DurableDelivery:
    """Publishes lines until the log has them. `ingest` are the patterns that the hub records."""

    # One round takes about 20 ms, the recorder's own pace.
    max_lines = 1_000
    max_bytes = 256 * 1024
    resends_unsure = True

    def __init__(self, connection: RedisConnection, channel: str, ingest: Sequence[str]) -> None:
        self._connection = connection
        self._channel = channel
        self._partition = connection.partition
        self._keys = LogKeys.of(connection.partition, ingest)
        self._min_fence = 0
        self._attempt: _Attempt | None = None
        self._publish_script = script("clock", "publish")
        self._fence_script = script("clock", "fence")
        self._check_script = script("recorded")

    def deliver(self, lines: Sequence[bytes]) -> Outcome:
        """See Delivery. No line is ever unsure: it is sent again."""
        pending = self._attempt.lines if self._attempt else list(lines)
        remaining = lines[len(pending) :]
        try:
            # First: only then the names of the keys are known.
            self._connection.connect()
            if self._attempt and self._attempt.in_doubt:
                pending = self._missing(self._attempt)
            if pending and not self._record(pending):
                return Outcome(retry=[*pending, *remaining], error="The log does not have all lines.")
        except (RedisError, OSError, LogUnavailable) as error:
            self._connection.close()
            return Outcome(retry=[*pending, *remaining], error=error_text(error))
        self._attempt = None
        return Outcome(retry=remaining)

    def reset_after_fork(self) -> None:
        """See Delivery."""
        self._attempt = None
        self._connection.reset_after_fork()

    def close(self) -> None:
        """See Delivery."""
        self._connection.close()

    def _record(self, lines: list[bytes]) -> bool:
        """Publish `lines`, and wait for the log. False if it lacks some."""
        watermark = self._fresh_watermark()
        attempt = self._attempt
        if attempt is None or attempt.incomplete or len(attempt.lines) != len(lines):
            base = attempt.after_fence if attempt else watermark
            attempt = self._attempt = _Attempt(lines, base, self._partition.published(os.urandom(12).hex()))
        attempt.in_doubt = True
        try:
            fence = self._publish(attempt)
        except ResponseError:
            # The script had no memory for its key, or no permission: then it has done nothing.
            attempt.in_doubt = False
            raise
        self._wait_complete(fence + 1)
        _, missing, last = self._connection.run_script(
            self._check_script, [self._partition.log(self._channel)], [fence, len(lines)]
        )
        if missing or not last:
            attempt.incomplete = True
            return False
        self._connection.call("DEL", attempt.key)
        return True

    def _publish(self, attempt: _Attempt) -> int:
        """The fence before the lines, which are published now or were by an earlier attempt."""
        names = (self._partition.clock, self._partition.fences, self._partition.left)
        args = (self._min_fence, self._partition.fence_channel, self._channel, "0", KEY_MS, 0, len(attempt.lines))
        reply: Any = self._connection.run_script(self._publish_script, [*names, attempt.key], [*args, *attempt.lines])
        fence = int(reply[0])
        self._min_fence = max(self._min_fence, fence + 1)
        return fence

    def _missing(self, attempt: _Attempt) -> list[bytes]:
        """The lines of `attempt` that the log lacks, once it has all that was published before now."""
        args = (self._min_fence, self._partition.fence_channel)
        fence = int(
            self._connection.run_script(self._fence_script, [self._partition.clock, self._partition.fences], args)
        )
        self._min_fence = max(self._min_fence, fence)
        self._wait_complete(fence)
        missing = dict.fromkeys(attempt.lines)
        begin, end = f"{attempt.after_fence}-0", f"{fence}-0"
        while missing:
            page: Any = self._connection.call(
                "XRANGE", self._partition.log(self._channel), begin, end, "COUNT", PAGE_LINES
            )
            for _, fields in page:
                if fields[0] == b"l":
                    missing.pop(fields[1], None)
            if len(page) < PAGE_LINES:
                break
            begin = "(" + page[-1][0].decode()
        return list(missing)

    def _fresh_watermark(self) -> int:
        """The watermark. Raises LogUnavailable if no hub records: lines would be published for nobody."""
        watermark = self._watermark()
        seconds, microseconds = self._connection.call("TIME")
        if watermark < int(seconds) * 1000 + int(microseconds) // 1000 - MAX_WATERMARK_AGE_MS:
            raise LogUnavailable("No hub is recording.")
        return watermark

    def _wait_complete(self, fence: int) -> None:
        """Return once the log is complete up to `fence`. Raises LogUnavailable after MAX_WAIT_SECONDS."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while self._watermark() < fence:
            if time.monotonic() > deadline:
                raise LogUnavailable(f"The log has not reached fence {fence} within {MAX_WAIT_SECONDS:.0f} s.")
            time.sleep(POLL_SECONDS)

    def _watermark(self) -> int:
        return int(self._connection.call("GET", self._keys.watermark) or 0)
