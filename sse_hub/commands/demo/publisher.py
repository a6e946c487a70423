"""
Publishes steps through Redis: the lines of a burst leave in one pipeline; while Redis is unreachable they wait.

    steps --> burst (up to the next pause) --> PUBLISH ... --> pause --> steps
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import closing

from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.plain_publisher import PlainPublisher
from sse_hub.commands.demo.step import Step, Steps
from sse_hub.errors import error_text

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0

_logger = logging.getLogger(__name__)


class DemoPublisher:
    """Publishes the steps of any number of programs. Raises InvalidSetting if `redis_url` can't be used."""

    def __init__(self, redis_url: str) -> None:
        self._publisher = PlainPublisher(redis_url)
        # One burst at once: so there is one back-off, and its messages are logged once, not once per program.
        self._lock = asyncio.Lock()

    async def run(self, steps: Steps) -> None:
        """Publish `steps` at their pace, until they end or the task is cancelled; they are closed in either case."""
        burst: list[Step] = []
        with closing(steps):
            for step in steps:
                burst.append(step)
                if step.pause_seconds:
                    await self.publish(burst)
                    burst.clear()
                    await asyncio.sleep(step.pause_seconds)
            await self.publish(burst)

    async def publish(self, burst: Sequence[Step]) -> None:
        """Return once Redis has all lines of `burst`, in order. A disconnect may publish some of them twice."""
        async with self._lock:
            try:
                await self._send(burst)
            except (RedisError, OSError) as error:
                _logger.warning("Redis is unreachable, the demo waits: %s", error_text(error))
                attempts = await self._send_when_back(burst)
                _logger.info("Redis is reachable again after %d attempts, the demo continues", attempts)

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        await self._publisher.close()

    async def _send(self, burst: Sequence[Step]) -> None:
        await self._publisher.connect()
        replies, error = await self._publisher.publish([(step.channel, step.line) for step in burst])
        refused = [reply for reply in replies if isinstance(reply, ResponseError)]
        for each in (error, *refused):
            if each:
                raise each

    async def _send_when_back(self, burst: Sequence[Step]) -> int:
        """Retry until it succeeds; the number of attempts."""
        wait_seconds = FIRST_WAIT_SECONDS
        attempts = 0
        while True:
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
            attempts += 1
            try:
                await self._send(burst)
            except (RedisError, OSError):
                continue
            return attempts
