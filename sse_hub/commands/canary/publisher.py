"""
Numbered lines into Redis at a rate, and an exact account of which were published.

    Lines --> batch --> Ledger.begin() --> PUBLISH ... --> an answer for each, else Ledger.doubt()

It has a connection of its own: a client that repeats a command after a cut would publish lines twice.
"""

import asyncio
import logging
import time
from contextlib import suppress

from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.connect import publisher_connection
from sse_hub.commands.canary.ledger import Ledger
from sse_hub.commands.canary.lines import CanaryLines

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.005
BATCH_LINES = 500
# Later than this the schedule begins anew: what a pause has held up is not made up for in a burst.
LATE_SECONDS = 0.5
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


class CanaryPublisher:
    """
    Publishes until stop(); InvalidSetting when `redis_url` can't be used.

    `last_error` is the trouble that there is with Redis in words, `heard` true once anybody subscribed to the channel
    as a line was published.
    """

    def __init__(self, redis_url: str, channel: str, lines_per_second: int, lines: CanaryLines, ledger: Ledger) -> None:
        self.last_error = ""
        self.heard = False
        self._connection = publisher_connection(redis_url)
        self._channel = channel
        self._lines_per_second = lines_per_second
        self._lines = lines
        self._ledger = ledger
        self._stopping = asyncio.Event()

    async def connect(self) -> None:
        """Return when Redis is there, however long that takes."""
        wait_seconds = FIRST_WAIT_SECONDS
        while True:
            try:
                await self._connection.connect()  # type: ignore[no-untyped-call]
            except (RedisError, OSError) as error:
                self._lost(error)
            else:
                self._back()
                return
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)

    async def run(self) -> None:
        """Publish. When Redis is away, wait for it and go on with the next line."""
        while not self._stopping.is_set():
            await self.connect()
            try:
                await self._publish()
            except (RedisError, OSError) as error:
                self._lost(error)
                await self.close()

    def stop(self) -> None:
        """Let run() return after the lines on their way."""
        self._stopping.set()

    async def close(self) -> None:
        """Close the connection, if there is one."""
        await self._connection.disconnect(nowait=True)

    def _lost(self, error: Exception) -> None:
        if not self.last_error:
            logger.warning("redis_lost error=%(error)r", {"error": str(error)})
        self.last_error = str(error) or type(error).__name__

    def _back(self) -> None:
        if self.last_error:
            logger.info("redis_restored")
            self.last_error = ""

    async def _publish(self) -> None:
        began, sent = time.perf_counter(), 0
        while not self._stopping.is_set():
            due = int((time.perf_counter() - began) * self._lines_per_second) + 1 - sent
            if due > BATCH_LINES and due > LATE_SECONDS * self._lines_per_second:
                began, sent, due = time.perf_counter(), 0, 1
            if due > 0:
                count = min(due, BATCH_LINES)
                await self._send(count)
                sent += count
            if due <= BATCH_LINES:
                next_at = began + sent / self._lines_per_second
                await self._pause(max(TICK_SECONDS, next_at - time.perf_counter()))

    async def _send(self, count: int) -> None:
        first = self._ledger.begun + 1
        texts = [self._lines.line(seq) for seq in range(first, first + count)]
        packed = self._connection.pack_commands([("PUBLISH", self._channel, text) for text in texts])
        seqs = self._ledger.begin(count, time.perf_counter())
        answered = 0
        try:
            await self._connection.send_packed_command(packed)
            for seq in seqs:
                await self._take_answer(seq)
                answered += 1
        finally:
            self._ledger.doubt(seqs[answered:])

    async def _take_answer(self, seq: int) -> None:
        try:
            receivers = await self._connection.read_response()
        except ResponseError as error:
            self._ledger.doubt(range(seq, seq + 1))
            self._lost(error)
        else:
            self._back()
            self.heard = self.heard or receivers != 0

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
