"""
A shipper from its start to its end.

    look at the folders --> save what is new --> batches, as there is room --> save positions --> wait for a change
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from sse_hub.broker.keys import LogKeys
from sse_hub.commands.ship.folder import FileStatus, read_statuses
from sse_hub.commands.ship.names import channel_of, folders, followed
from sse_hub.commands.ship.progress import Progress
from sse_hub.commands.ship.registry import Registry
from sse_hub.commands.ship.rotation import RotationTracker
from sse_hub.commands.ship.watcher import FolderWatcher
from sse_hub.commands.shipping.sender import BatchSender
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
PENDING_SECONDS = 0.1
SAVE_SECONDS = 1.0
# Of one file before the next has its turn.
TURN_BATCHES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipPlan:
    """What to do. `once` ends when all that is there has been published; `ingest` is what the hubs follow."""

    patterns: tuple[str, ...]
    redis_url: str = field(repr=False)
    registry: Path
    channel: str = "{name}"
    from_start: bool = False
    multiline: bool = False
    once: bool = False
    ingest: tuple[str, ...] = ("*",)


class Shipper:
    """One run."""

    def __init__(self, plan: ShipPlan, registry: Registry) -> None:
        self._plan = plan
        self._registry = registry
        self.sender = BatchSender(plan.redis_url, registry, LogKeys.of(plan.ingest).watermark)
        self._patterns = {str(Path(pattern).absolute()) for pattern in plan.patterns}
        self._known_patterns = set(registry.patterns)
        self._trails: dict[Path, RotationTracker] = {}
        self._first = True
        self._notifier = FolderWatcher()
        self._progress = Progress()
        self._looked_at = self._saved_at = float("-inf")
        self._saved_lines = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Ship until `stopping` is set, or all is done with `once`. Raises InvalidSetting, RegistryUnavailable."""
        sending = asyncio.create_task(self.sender.run())
        stop = asyncio.create_task(stopping.wait())
        try:
            while not stopping.is_set() and not sending.done():
                await self._look()
                moved = self._move()
                self._save(SAVE_SECONDS)
                if self._progress.due:
                    self._progress.show(sum(trail.behind() for trail in self._trails.values()), self.sender.lines)
                if moved:
                    await asyncio.sleep(0)
                elif self._plan.once and self._done():
                    break
                else:
                    await self._wait(stop)
            await self.sender.finish(sending)
            if sending.done():
                sending.result()
        finally:
            await cancel_and_wait((sending, stop))
            await self._notifier.close()
            self._progress.close()
            self._save(0)
            for trail in self._trails.values():
                trail.close()

    async def _look(self) -> None:
        """Take in what has happened in the folders, if it is time to."""
        now = time.monotonic()
        lost = any(trail.lost for trail in self._trails.values())
        if not (self._notifier.happened.is_set() or lost or now >= self._looked_at + LOOK_SECONDS):
            return
        self._looked_at = now
        self._notifier.happened.clear()
        patterns = self._plan.patterns
        # Before the folders are looked at, so that nothing falls between the look and the watch.
        await self._notifier.watch(folders(patterns))
        looks: dict[Path, list[FileStatus]] = {}
        known = len(self._registry.files)
        for path in followed(patterns):
            if path not in self._trails:
                self._trails[path] = self._trail(path)
        for trail in self._trails.values():
            folder = trail.path.parent
            if folder not in looks:
                looks[folder] = read_statuses(folder)
            trail.scan(looks[folder])
        if self._first or len(self._registry.files) != known:
            self._registry.patterns |= self._patterns
            # Before any line of a new file is published: else nobody would know it again after a crash.
            self._registry.save()
        if self._first:
            self._log_missing_files()
        self._first = False

    def _log_missing_files(self) -> None:
        # A name that was mistyped would look like a file that is quiet.
        for pattern in self._plan.patterns:
            if not any(path.exists() for path in followed((pattern,))):
                logger.warning("file_missing path=%(path)s", {"path": pattern})

    def _trail(self, path: Path) -> RotationTracker:
        plan = self._plan
        # What appears later is read from its beginning, also if that was while nobody looked.
        watched = self._patterns <= self._known_patterns
        new = plan.from_start or watched or not self._first
        return RotationTracker(
            path.absolute(), channel_of(plan.channel, path.absolute()), plan.multiline, self._registry, new
        )

    def _move(self) -> bool:
        """Hand on what there is room for; whether that was anything."""
        moved = False
        for trail in self._trails.values():
            batches = trail.batches()
            for _ in range(TURN_BATCHES):
                if not self.sender.room or (batch := next(batches, None)) is None:
                    break
                self.sender.put(batch)
                moved = True
            batches.close()
        return moved

    def _done(self) -> bool:
        waiting = any(trail.waiting for trail in self._trails.values())
        return self.sender.began.is_set() and self.sender.idle and self.sender.room and not waiting

    async def _wait(self, stop: "asyncio.Task[bool]") -> None:
        pending = any(trail.waiting for trail in self._trails.values())
        seconds = PENDING_SECONDS if pending else max(0.0, self._looked_at + LOOK_SECONDS - time.monotonic())
        waits = [asyncio.create_task(event.wait()) for event in (self._notifier.happened, self.sender.changed)]
        try:
            await asyncio.wait((*waits, stop), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        self.sender.changed.clear()

    def _save(self, after_seconds: float) -> None:
        now = time.monotonic()
        if self.sender.lines == self._saved_lines or now < self._saved_at + after_seconds:
            return
        for trail in self._trails.values():
            trail.mark()
        self._registry.save()
        self._saved_at, self._saved_lines = now, self.sender.lines


async def ship(plan: ShipPlan, stopping: asyncio.Event) -> int:
    """
    Carry out `plan`; how many lines were published.

    Raises InvalidSetting where it can't be, RegistryUnavailable where positions can't be kept.
    """
    registry = Registry(plan.registry)
    try:
        shipper = Shipper(plan, registry)
        await shipper.run(stopping)
        return shipper.sender.lines
    finally:
        registry.close()
