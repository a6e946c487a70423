"""
CPU and memory of the running containers, every few seconds, each on a channel of the container.

    engine.usage() --> stats_between() --> PUBLISH docker.<name>.stats          Redis unreachable: left out
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

import orjson
from redis.exceptions import RedisError

from sse_hub.broker.plain_publisher import PlainPublisher
from sse_hub.commands.docker.containers import Container
from sse_hub.commands.docker.engine import Engine
from sse_hub.commands.docker.usage import Usage, parse_usage, stats_between
from sse_hub.errors import EngineUnavailable

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 2.0
# The engine reads the control groups of one container for each request.
MAX_REQUESTS = 4


class StatsPublisher:
    """Publishes the stats of the containers `running()`. Raises InvalidSetting if `redis_url` can't be used."""

    def __init__(self, engine: Engine, redis_url: str, running: Callable[[], Iterable[Container]]) -> None:
        self._engine = engine
        self._publisher = PlainPublisher(redis_url)
        self._running = running
        self._previous: dict[str, Usage] = {}
        self._request_slots = asyncio.Semaphore(MAX_REQUESTS)

    async def run(self) -> None:
        """Publish until cancelled."""
        try:
            while True:
                started = asyncio.get_running_loop().time()
                containers = list(self._running())
                found = await asyncio.gather(*map(self._stats_line, containers))
                self._previous = {each.id: self._previous[each.id] for each in containers if each.id in self._previous}
                await self._publish([line for line in found if line is not None])
                await asyncio.sleep(max(0.1, started + INTERVAL_SECONDS - asyncio.get_running_loop().time()))
        finally:
            await self._publisher.close()

    async def _stats_line(self, container: Container) -> tuple[str, bytes] | None:
        async with self._request_slots:
            try:
                now = parse_usage(await self._engine.usage(container.id))
            except EngineUnavailable:
                # The follower of its log reports this.
                return None
        before = self._previous.pop(container.id, None)
        if now is None:
            return None
        self._previous[container.id] = now
        found = stats_between(before, now) if before else None
        return (container.stats, orjson.dumps(found)) if found else None

    async def _publish(self, lines: list[tuple[str, bytes]]) -> None:
        if not lines:
            return
        try:
            await self._publisher.connect()
            error = (await self._publisher.publish(lines)).error
        except (RedisError, OSError) as refused:
            error = refused
        if error:
            logger.debug("stats_skipped error=%(error)r", {"error": str(error)})
