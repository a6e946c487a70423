"""
The durable way: lines are kept until the hub's log has them, and what is in doubt is looked up in it.

    lines --> lua/publish.lua: fence, lines, fence --> watermark --> lua/published.lua: are they there?
       cut or missing --> a fence, the log complete up to it --> only what it lacks is sent again

The key in lua/publish.lua makes a second try do nothing while Redis knows of the first; the look into the log is for a
Redis that has lost its memory, since the hub gives it back what it had heard. Where neither knows, because the hub is
late by more than LATE_SECONDS, a line may be published twice: both have the same `line_id`.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError, ResponseError

from sse_hub.broker import keys
from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import LogUnavailable
from sse_hub.logging.connection import RedisConnection
from sse_hub.logging.delivery import Outcome, words_of

LATE_SECONDS = 5.0
POLL_SECONDS = 0.003
# A recorder moves the watermark once a second.
FRESH_MS = 3_000
KEY_MS = 600_000
PAGE_LINES = 500


@dataclass(slots=True)
class _Attempt:
    """
    Lines that have been tried, for the first time after fence `base`; `in_doubt` once they may be published.
    With `missed` what Redis knows of `key` is of no use: they were published, and the log lacks some.
    """

    lines: list[bytes]
    base: int
    key: str
    in_doubt: bool = False
    missed: bool = False


class Durable:
    """Publishes lines until the log has them. `ingest` are the patterns that the hub records."""

    # One turn takes about 20 ms, the recorder's own pace.
    most_lines = 1_000
    most_bytes = 256 * 1024
    repeats = True

    def __init__(self, link: RedisConnection, channel: str, ingest: Sequence[str]) -> None:
        self._link = link
        self._channel = channel
        self._watermark_key = LogKeys.of(ingest).watermark
        self._floor = 0
        self._attempt: _Attempt | None = None
        self._publish_script = script("clock", "publish")
        self._fence_script = script("clock", "fence")
        self._check_script = script("published")

    def deliver(self, lines: Sequence[bytes]) -> Outcome:
        """See Delivery: nothing is ever unsure, it is sent again."""
        mine = self._attempt.lines if self._attempt else list(lines)
        rest = lines[len(mine) :]
        try:
            if self._attempt and self._attempt.in_doubt:
                mine = self._missing(self._attempt)
            if mine and not self._recorded(mine):
                return Outcome(again=[*mine, *rest], error="The log does not have all lines.")
        except (RedisError, OSError, LogUnavailable) as error:
            self._link.close()
            return Outcome(again=[*mine, *rest], error=words_of(error))
        self._attempt = None
        return Outcome(again=rest)

    def forget(self) -> None:
        """See Delivery."""
        self._attempt = None
        self._link.forget()

    def close(self) -> None:
        """See Delivery."""
        self._link.close()

    # The rest.

    def _recorded(self, lines: list[bytes]) -> bool:
        """Publish `lines`, and wait for the log. False when it lacks some."""
        watermark = self._fresh_watermark()
        attempt = self._attempt
        if attempt is None or attempt.missed or len(attempt.lines) != len(lines):
            base = attempt.base if attempt else watermark
            attempt = self._attempt = _Attempt(lines, base, keys.published_key(os.urandom(12).hex()))
        attempt.in_doubt = True
        try:
            fence = self._publish(attempt)
        except ResponseError:
            # The script had no room for its key, or no right to begin: then it has done nothing.
            attempt.in_doubt = False
            raise
        self._await(fence + 1)
        _, holes, last = self._link.run(self._check_script, [keys.log_key(self._channel)], [fence, len(lines)])
        if holes or not last:
            attempt.missed = True
            return False
        self._link.call("DEL", attempt.key)
        return True

    def _publish(self, attempt: _Attempt) -> int:
        """The fence before the lines, published now or by an earlier try."""
        reply: Any = self._link.run(
            self._publish_script,
            [keys.CLOCK, attempt.key],
            [self._floor, keys.FENCE_CHANNEL, self._channel, "0", KEY_MS, *attempt.lines],
        )
        fence = int(reply[0])
        self._floor = max(self._floor, fence + 1)
        return fence

    def _missing(self, attempt: _Attempt) -> list[bytes]:
        """Those lines of `attempt` that the log does not have, once it has all that was published before now."""
        fence = int(self._link.run(self._fence_script, [keys.CLOCK], [self._floor, keys.FENCE_CHANNEL]))
        self._floor = max(self._floor, fence)
        self._await(fence)
        missing = dict.fromkeys(attempt.lines)
        begin, end = f"{attempt.base}-0", f"{fence}-0"
        while missing:
            page: Any = self._link.call("XRANGE", keys.log_key(self._channel), begin, end, "COUNT", PAGE_LINES)
            for _, fields in page:
                if fields[0] == b"l":
                    missing.pop(fields[1], None)
            if len(page) < PAGE_LINES:
                break
            begin = "(" + page[-1][0].decode()
        return list(missing)

    def _fresh_watermark(self) -> int:
        """The watermark. Raises LogUnavailable where no hub records: lines must not be published for nobody."""
        watermark = self._watermark()
        seconds, microseconds = self._link.call("TIME")
        if watermark < int(seconds) * 1000 + int(microseconds) // 1000 - FRESH_MS:
            raise LogUnavailable("No hub records lines at present.")
        return watermark

    def _await(self, fence: int) -> None:
        """Return when the log is complete up to `fence`. Raises LogUnavailable after LATE_SECONDS."""
        deadline = time.monotonic() + LATE_SECONDS
        while self._watermark() < fence:
            if time.monotonic() > deadline:
                raise LogUnavailable(f"The log has not reached {fence} in {LATE_SECONDS:.0f} s.")
            time.sleep(POLL_SECONDS)

    def _watermark(self) -> int:
        return int(self._link.call("GET", self._watermark_key) or 0)
