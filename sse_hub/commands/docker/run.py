"""
A run of `sse-hub docker` from start to end.

    list of containers --> a ContainerFollower for each --> save positions          events: list again at once
"""

import asyncio
import logging
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sse_hub.commands.docker.containers import Container, check_template, parse_container
from sse_hub.commands.docker.engine import Engine, log_loop_error
from sse_hub.commands.docker.follower import ContainerFollower
from sse_hub.commands.docker.positions import Positions
from sse_hub.commands.docker.stats import StatsPublisher
from sse_hub.commands.shipping.sender import BatchSender
from sse_hub.errors import EngineUnavailable
from sse_hub.formats.joining import NewJoiner
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

LIST_SECONDS = 5.0
SAVE_SECONDS = 1.0
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerPlan:
    """
    What to do. Only containers with all of `labels` are followed; `new_joiner` joins lines, None: each is published by
    itself; `ingest` is what the hubs follow.
    """

    engine: str
    redis_url: str = field(repr=False)
    registry: Path
    channel: str = "docker.{name}"
    labels: tuple[str, ...] = ()
    from_start: bool = False
    stats: bool = False
    new_joiner: NewJoiner | None = None
    ingest: tuple[str, ...] = ("*",)


class ContainerShipper:
    """One run. Its tasks: the sender, a follower for each container, the engine's events, and `--stats`."""

    def __init__(self, plan: DockerPlan, positions: Positions, engine: Engine) -> None:
        self._plan = plan
        self._positions = positions
        self._engine = engine
        self.sender = BatchSender(plan.redis_url, positions, plan.ingest)
        self._followers: dict[str, tuple[ContainerFollower, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._events_missed = True
        self._saved_lines = 0
        self._error = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow containers until `stopping` is set. Raises InvalidSetting, RegistryUnavailable."""
        tasks = [asyncio.create_task(self.sender.run()), asyncio.create_task(self._follow_engine())]
        if self._plan.stats:
            stats = StatsPublisher(self._engine, self._plan.redis_url, self._running)
            tasks.append(asyncio.create_task(stats.run()))
        stop = asyncio.create_task(stopping.wait())
        try:
            while not stop.done() and not any(task.done() for task in tasks):
                await asyncio.wait((stop, *tasks), timeout=SAVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                self._save()
            await cancel_and_wait([*tasks[1:], *(task for _, task in self._followers.values())])
            await self.sender.finish(tasks[0])
        finally:
            await cancel_and_wait([stop, *tasks, *(task for _, task in self._followers.values())])
            self._save()
        for task in tasks:
            if not task.cancelled():
                task.result()

    def _running(self) -> list[Container]:
        return [follower.container for follower, _ in self._followers.values() if follower.container.running]

    async def _follow_engine(self) -> None:
        """Keep the followers up to date with the engine's containers; while it is unreachable, wait for it."""
        wait_seconds = FIRST_WAIT_SECONDS
        while True:
            watching: asyncio.Task[None] | None = None
            try:
                await self._engine.connect()
                await self._set_default_since()
                watching = asyncio.create_task(self._watch_events())
                while not watching.done():
                    await self._update_followers()
                    if self._error:
                        logger.info("engine_restored")
                        self._error = ""
                    wait_seconds = FIRST_WAIT_SECONDS
                    await self._wait(watching)
                watching.result()
            except EngineUnavailable as error:
                if str(error) != self._error:
                    logger.warning("engine_lost error=%(error)r", {"error": str(error)})
                self._error = str(error)
            finally:
                if watching is not None:
                    await cancel_and_wait((watching,))
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)

    async def _set_default_since(self) -> None:
        if self._positions.default_since is not None:
            return
        since = 0
        if not self._plan.from_start:
            text = await self._engine.system_time()
            try:
                since = int(datetime.fromisoformat(text[:19] + "+00:00").timestamp()) if text.endswith("Z") else 0
            except ValueError:
                since = 0
            # An engine that reports no time, or not in UTC, is assumed to have this machine's clock.
            since = since or int(time.time())
        self._positions.default_since = since
        self._positions.save()

    async def _watch_events(self) -> None:
        async with aclosing(self._engine.events()) as events:
            async for event in events:
                if not event:
                    # Earlier events are not reported: a container may have run and stopped again meanwhile.
                    self._events_missed = True
                follower, _ = self._followers.get(str(event.get("id", "")), (None, None))
                if follower is not None:
                    follower.wake()
                self._changed.set()

    async def _wait(self, watching: "asyncio.Task[None]") -> None:
        waiting = asyncio.create_task(self._changed.wait())
        await asyncio.wait((waiting, watching), timeout=LIST_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _update_followers(self) -> None:
        """List the containers, and start and update their followers."""
        self._changed.clear()
        events_missed, self._events_missed = self._events_missed, False
        try:
            records = await self._engine.containers(self._plan.labels)
        except EngineUnavailable:
            self._events_missed = events_missed
            raise
        found = [container for record in records if (container := parse_container(record, self._plan.channel))]
        self._positions.add(container.id for container in found)
        self._followers = {id: each for id, each in self._followers.items() if not _ended(each[1])}
        if events_missed:
            for follower, _ in self._followers.values():
                follower.wake()
        for container in found:
            if container.id not in self._followers:
                self._start(container)
                continue
            follower, _ = self._followers[container.id]
            follower.container = container
            if container.running and follower.idle:
                follower.wake()

    def _start(self, container: Container) -> None:
        logger.info(
            "container_followed name=%(name)s channel=%(channel)s",
            {"name": container.name, "channel": container.stdout},
        )
        follower = ContainerFollower(self._engine, self.sender, self._positions, container, self._plan.new_joiner)
        self._followers[container.id] = follower, asyncio.create_task(follower.run())

    def _save(self) -> None:
        if self.sender.published_lines == self._saved_lines:
            return
        self._saved_lines = self.sender.published_lines
        for follower, _ in self._followers.values():
            follower.update_positions()
        self.sender.forget(self._positions.forget())
        self._positions.save()


def _ended(task: "asyncio.Task[None]") -> bool:
    """Whether `task` has ended. Raises the error it ended with."""
    if task.done():
        task.result()
    return task.done()


async def ship_containers(plan: DockerPlan, stopping: asyncio.Event) -> int:
    """
    Carry out `plan` until `stopping` is set; the number of lines published.

    Raises InvalidSetting if the plan is not valid, RegistryUnavailable if positions can't be stored.
    """
    check_template(plan.channel)
    asyncio.get_running_loop().set_exception_handler(log_loop_error)
    engine = Engine(plan.engine)
    try:
        positions = Positions(plan.registry)
        try:
            containers = ContainerShipper(plan, positions, engine)
            await containers.run(stopping)
            return containers.sender.published_lines
        finally:
            positions.close()
    finally:
        await engine.close()
