"""
Publishes numbered lines at a rate, and keeps an exact account of which were published.

    CanaryLines --> batch --> PublishedLines.add_batch() --> PlainPublisher --> a reply for each, else .mark_unsure()
"""

import asyncio
import logging
import time
from contextlib import suppress

from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.plain_publisher import PlainPublisher
from sse_hub.broker.receivers import Reply
from sse_hub.commands.canary.lines import CanaryLines
from sse_hub.commands.canary.published import PublishedLines
from sse_hub.errors import error_text

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.005
BATCH_LINES = 500
# If it is later than this, the schedule restarts: lines delayed by a pause are not sent in a burst.
MAX_LATE_SECONDS = 0.5
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


class CanaryPublisher:
    """
    Publishes until stop(). Raises InvalidSetting if `redis_url` can't be used.

    `last_error` is the current error of Redis, "" if there is none. `has_subscribers` is true once anything was
    subscribed to the channel when a line was published.
    """

    def __init__(
        self, redis_url: str, channel: str, lines_per_second: int, lines: CanaryLines, published: PublishedLines
    ) -> None:
        self.last_error = ""
        self.has_subscribers = False
        self._publisher = PlainPublisher(redis_url)
        self._channel = channel
        self._lines_per_second = lines_per_second
        self._lines = lines
        self._published = published
        self._stopping = asyncio.Event()

    async def connect(self) -> None:
        """Return once Redis is connected, however long that takes."""
        wait_seconds = FIRST_WAIT_SECONDS
        while True:
            try:
                await self._publisher.connect()
            except (RedisError, OSError) as error:
                self._set_error(error)
            else:
                self._clear_error()
                return
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)

    async def run(self) -> None:
        """Publish until stop(). If Redis is unreachable, wait for it and continue with the next line."""
        while not self._stopping.is_set():
            await self.connect()
            try:
                await self._publish()
            except (RedisError, OSError) as error:
                self._set_error(error)
                await self.close()

    def stop(self) -> None:
        """Make run() return after the lines in flight."""
        self._stopping.set()

    async def close(self) -> None:
        """Close the connection, if there is one."""
        await self._publisher.close()

    def _set_error(self, error: Exception) -> None:
        if not self.last_error:
            logger.warning("redis_lost error=%(error)r", {"error": str(error)})
        self.last_error = error_text(error)

    def _clear_error(self) -> None:
        if self.last_error:
            logger.info("redis_restored")
            self.last_error = ""

    async def _publish(self) -> None:
        started, sent = time.perf_counter(), 0
        while not self._stopping.is_set():
            due = int((time.perf_counter() - started) * self._lines_per_second) + 1 - sent
            if due > BATCH_LINES and due > MAX_LATE_SECONDS * self._lines_per_second:
                started, sent, due = time.perf_counter(), 0, 1
            if due > 0:
                count = min(due, BATCH_LINES)
                await self._send(count)
                sent += count
            if due <= BATCH_LINES:
                next_at = started + sent / self._lines_per_second
                await self._sleep(max(TICK_SECONDS, next_at - time.perf_counter()))

    async def _send(self, count: int) -> None:
        first = self._published.attempted + 1
        texts = [self._lines.line(seq) for seq in range(first, first + count)]
        seqs = self._published.add_batch(count, time.perf_counter())
        read = 0
        try:
            replies, error = await self._publisher.publish([(self._channel, text) for text in texts])
            for seq, reply in zip(seqs, replies, strict=True):
                self._take_reply(seq, reply)
                read += 1
        finally:
            # When it is cancelled.
            self._published.mark_unsure(seqs[read:])
        if error:
            raise error

    def _take_reply(self, seq: int, reply: Reply) -> None:
        if reply is None or isinstance(reply, ResponseError):
            self._published.mark_unsure(range(seq, seq + 1))
        if isinstance(reply, ResponseError):
            self._set_error(reply)
        elif reply is not None:
            self._clear_error()
            self.has_subscribers = self.has_subscribers or reply != 0

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
