"""
All containers from the start to the end.

    list of containers --> a Follower for each --> save positions          events: look at once; else every few seconds
"""

import asyncio
import logging
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sse_hub.broker.keys import LogKeys
from sse_hub.commands.docker.containers import Container, check_template, container_of
from sse_hub.commands.docker.engine import Engine, log_loop_error
from sse_hub.commands.docker.follower import ContainerFollower
from sse_hub.commands.docker.positions import Positions
from sse_hub.commands.docker.stats import StatsPublisher
from sse_hub.commands.shipping.sender import BatchSender
from sse_hub.errors import EngineUnavailable
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
SAVE_SECONDS = 1.0
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerPlan:
    """What to do. Only containers with all of `labels` are followed; `ingest` is what the hubs follow."""

    engine: str
    redis_url: str = field(repr=False)
    registry: Path
    channel: str = "docker.{name}"
    labels: tuple[str, ...] = ()
    from_start: bool = False
    stats: bool = False
    ingest: tuple[str, ...] = ("*",)


class ContainerShipper:
    """One run. Its tasks: the sender, a follower for each container, the engine's events, and figures if wanted."""

    def __init__(self, plan: DockerPlan, positions: Positions, engine: Engine) -> None:
        self._plan = plan
        self._positions = positions
        self._engine = engine
        self.sender = BatchSender(plan.redis_url, positions, LogKeys.of(plan.ingest).watermark)
        self._followers: dict[str, tuple[ContainerFollower, asyncio.Task[None]]] = {}
        self._happened = asyncio.Event()
        self._missed = True
        self._saved_lines = 0
        self._trouble = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow until `stopping` is set. Raises InvalidSetting, RegistryUnavailable."""
        tasks = [asyncio.create_task(self.sender.run()), asyncio.create_task(self._follow())]
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

    async def _follow(self) -> None:
        """Look at what the engine has, again and again; while it is away, wait for it."""
        wait_seconds = FIRST_WAIT_SECONDS
        while True:
            listening: asyncio.Task[None] | None = None
            try:
                await self._engine.connect()
                await self._begin()
                listening = asyncio.create_task(self._listen())
                while not listening.done():
                    await self._look()
                    if self._trouble:
                        logger.info("engine_restored")
                        self._trouble = ""
                    wait_seconds = FIRST_WAIT_SECONDS
                    await self._pause(listening)
                listening.result()
            except EngineUnavailable as error:
                if str(error) != self._trouble:
                    logger.warning("engine_lost error=%(error)r", {"error": str(error)})
                self._trouble = str(error)
            finally:
                if listening is not None:
                    await cancel_and_wait((listening,))
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)

    async def _begin(self) -> None:
        if self._positions.began is not None:
            return
        began = 0
        if not self._plan.from_start:
            told = await self._engine.now()
            try:
                began = int(datetime.fromisoformat(told[:19] + "+00:00").timestamp()) if told.endswith("Z") else 0
            except ValueError:
                began = 0
            # An engine that does not tell its time, or in another zone, is taken to have ours.
            began = began or int(time.time())
        self._positions.began = began
        self._positions.save()

    async def _listen(self) -> None:
        async with aclosing(self._engine.events()) as events:
            async for event in events:
                if not event:
                    # What happened before is not told: a container may have run meanwhile, and stopped again.
                    self._missed = True
                follower, _ = self._followers.get(str(event.get("id", "")), (None, None))
                if follower is not None:
                    follower.wake()
                self._happened.set()

    async def _pause(self, listening: "asyncio.Task[None]") -> None:
        waiting = asyncio.create_task(self._happened.wait())
        await asyncio.wait((waiting, listening), timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _look(self) -> None:
        """Take in which containers there are."""
        self._happened.clear()
        missed, self._missed = self._missed, False
        try:
            records = await self._engine.containers(self._plan.labels)
        except EngineUnavailable:
            self._missed = missed
            raise
        found = [container for record in records if (container := container_of(record, self._plan.channel))]
        self._positions.add(container.id for container in found)
        self._followers = {id: each for id, each in self._followers.items() if not _ended(each[1])}
        if missed:
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
        follower = ContainerFollower(self._engine, self.sender, self._positions, container)
        self._followers[container.id] = follower, asyncio.create_task(follower.run())

    def _save(self) -> None:
        if self.sender.lines == self._saved_lines:
            return
        self._saved_lines = self.sender.lines
        for follower, _ in self._followers.values():
            follower.note()
        self.sender.forget(self._positions.forget())
        self._positions.save()


def _ended(task: "asyncio.Task[None]") -> bool:
    """Whether `task` has; what it died of is raised."""
    if task.done():
        task.result()
    return task.done()


async def follow(plan: DockerPlan, stopping: asyncio.Event) -> int:
    """
    Carry out `plan` until `stopping` is set; how many lines were published.

    Raises InvalidSetting where it can't be, RegistryUnavailable where positions can't be kept.
    """
    check_template(plan.channel)
    asyncio.get_running_loop().set_exception_handler(log_loop_error)
    engine = Engine(plan.engine)
    try:
        positions = Positions(plan.registry)
        try:
            containers = ContainerShipper(plan, positions, engine)
            await containers.run(stopping)
            return containers.sender.lines
        finally:
            positions.close()
    finally:
        await engine.close()
