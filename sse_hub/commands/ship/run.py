"""
A run of the shipper from start to end.

    scan the folders --> save new files --> put batches while there is room --> save positions --> wait for a change
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from sse_hub.broker.keys import LogKeys
from sse_hub.commands.ship.folder import FileStatus, read_statuses
from sse_hub.commands.ship.names import channel_of, followed_paths, watched_folders
from sse_hub.commands.ship.progress import Progress
from sse_hub.commands.ship.registry import Registry
from sse_hub.commands.ship.rotation import RotationTracker
from sse_hub.commands.ship.watcher import FolderWatcher
from sse_hub.commands.shipping.sender import BatchSender
from sse_hub.formats.joining import NewJoiner
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

SCAN_SECONDS = 1.0
PENDING_SECONDS = 0.1
SAVE_SECONDS = 1.0
# Batches of one file before the next file has its turn.
BATCHES_PER_FILE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipPlan:
    """
    What to do. With `once`, end once all existing lines have been published; `new_joiner` joins lines, None: each is
    published by itself; `ingest` is what the hubs follow.
    """

    patterns: tuple[str, ...]
    redis_url: str = field(repr=False)
    registry: Path
    channel: str = "{name}"
    from_start: bool = False
    new_joiner: NewJoiner | None = None
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
        self._trackers: dict[Path, RotationTracker] = {}
        self._first_scan = True
        self._watcher = FolderWatcher()
        self._progress = Progress()
        self._scanned_at = self._saved_at = float("-inf")
        self._saved_lines = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Ship until `stopping` is set, or with `once` until done. Raises InvalidSetting, RegistryUnavailable."""
        sending = asyncio.create_task(self.sender.run())
        stop = asyncio.create_task(stopping.wait())
        try:
            while not stopping.is_set() and not sending.done():
                await self._scan()
                sent_any = self._put_batches()
                self._save(SAVE_SECONDS)
                if self._progress.due:
                    self._progress.show(
                        sum(tracker.unread_bytes() for tracker in self._trackers.values()), self.sender.published_lines
                    )
                if sent_any:
                    await asyncio.sleep(0)
                elif self._plan.once and self._finished():
                    break
                else:
                    await self._wait(stop)
            await self.sender.finish(sending)
            if sending.done():
                sending.result()
        finally:
            await cancel_and_wait((sending, stop))
            await self._watcher.close()
            self._progress.close()
            self._save(0)
            for tracker in self._trackers.values():
                tracker.close()

    async def _scan(self) -> None:
        """Scan the folders if it is time to."""
        now = time.monotonic()
        searching = any(tracker.searching_copy for tracker in self._trackers.values())
        if not (self._watcher.changed.is_set() or searching or now >= self._scanned_at + SCAN_SECONDS):
            return
        self._scanned_at = now
        self._watcher.changed.clear()
        patterns = self._plan.patterns
        # Before the folders are listed, so that no change is missed in between.
        await self._watcher.watch(watched_folders(patterns))
        statuses: dict[Path, list[FileStatus]] = {}
        known = len(self._registry.states)
        for path in followed_paths(patterns):
            if path not in self._trackers:
                self._trackers[path] = self._new_tracker(path)
        for tracker in self._trackers.values():
            folder = tracker.path.parent
            if folder not in statuses:
                statuses[folder] = read_statuses(folder)
            tracker.scan(statuses[folder])
        if self._first_scan or len(self._registry.states) != known:
            self._registry.patterns |= self._patterns
            # Before any line of a new file is published: otherwise a crash would leave it unidentified.
            self._registry.save()
        if self._first_scan:
            self._log_missing_files()
        self._first_scan = False

    def _log_missing_files(self) -> None:
        # A mistyped name would look like a silent file.
        for pattern in self._plan.patterns:
            if not any(path.exists() for path in followed_paths((pattern,))):
                logger.warning("file_missing path=%(path)s", {"path": pattern})

    def _new_tracker(self, path: Path) -> RotationTracker:
        plan = self._plan
        # A file that appeared later is read from its beginning, even if no shipper was running then.
        used_before = self._patterns <= self._known_patterns
        from_start = plan.from_start or used_before or not self._first_scan
        return RotationTracker(
            path.absolute(), channel_of(plan.channel, path.absolute()), plan.new_joiner, self._registry, from_start
        )

    def _put_batches(self) -> bool:
        """Put the batches there is room for; whether there were any."""
        sent_any = False
        for tracker in self._trackers.values():
            batches = tracker.batches()
            for _ in range(BATCHES_PER_FILE):
                if not self.sender.has_room or (batch := next(batches, None)) is None:
                    break
                self.sender.put(batch)
                sent_any = True
            batches.close()
        return sent_any

    def _finished(self) -> bool:
        waiting = any(tracker.waiting for tracker in self._trackers.values())
        return self.sender.ready.is_set() and self.sender.idle and self.sender.has_room and not waiting

    async def _wait(self, stop: "asyncio.Task[bool]") -> None:
        pending = any(tracker.waiting for tracker in self._trackers.values())
        seconds = PENDING_SECONDS if pending else max(0.0, self._scanned_at + SCAN_SECONDS - time.monotonic())
        waits = [asyncio.create_task(event.wait()) for event in (self._watcher.changed, self.sender.changed)]
        try:
            await asyncio.wait((*waits, stop), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        self.sender.changed.clear()

    def _save(self, after_seconds: float) -> None:
        now = time.monotonic()
        if self.sender.published_lines == self._saved_lines or now < self._saved_at + after_seconds:
            return
        for tracker in self._trackers.values():
            tracker.update_fingerprints()
        self._registry.save()
        self._saved_at, self._saved_lines = now, self.sender.published_lines


async def ship_files(plan: ShipPlan, stopping: asyncio.Event) -> int:
    """
    Carry out `plan`; the number of lines published.

    Raises InvalidSetting if the plan is not valid, RegistryUnavailable if positions can't be stored.
    """
    registry = Registry(plan.registry)
    try:
        shipper = Shipper(plan, registry)
        await shipper.run(stopping)
        return shipper.sender.published_lines
    finally:
        registry.close()
