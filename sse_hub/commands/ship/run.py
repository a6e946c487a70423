"""
A run of the shipper from start to end.

    scan the folders --> save new files --> put batches while there is room --> save positions --> wait for a change
"""

import asyncio
import logging
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sse_hub.commands.ship.folder import FileStatus, find_below, read_status, read_statuses
from sse_hub.commands.ship.names import (
    blocking_error,
    channel_of,
    followed_paths,
    link_targets,
    refuse_folders,
    watched_folders,
)
from sse_hub.commands.ship.progress import Progress
from sse_hub.commands.ship.registry import Registry
from sse_hub.commands.ship.rotation import RotationTracker
from sse_hub.commands.ship.watcher import FolderWatcher
from sse_hub.commands.shipping.records import LineFormat
from sse_hub.commands.shipping.sender import BatchSender
from sse_hub.errors import FileUnreadable
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
    What to do. Files that match `excluded` are left out, and rotated ones are looked for in the folders `rotated_in`,
    too. With `once`, end once all existing lines have been published; `ingest` is what the hubs follow.
    """

    patterns: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    rotated_in: tuple[Path, ...] = ()
    redis_url: str = field(repr=False)
    registry: Path
    channel: str = "{name}"
    from_start: bool = False
    lines: LineFormat = LineFormat()
    once: bool = False
    ingest: tuple[str, ...] = ("*",)


class Shipper:
    """One run."""

    def __init__(self, plan: ShipPlan, registry: Registry) -> None:
        self._plan = plan
        self._registry = registry
        self.sender = BatchSender(plan.redis_url, registry, plan.ingest)
        self._patterns = {str(Path(pattern).absolute()) for pattern in plan.patterns}
        self._known_patterns = set(registry.patterns)
        self._trackers: dict[Path, RotationTracker] = {}
        self._paths_of_channels: dict[str, Path] = {}
        # Where files are that have left the folder of their followed name.
        self._moved: dict[RotationTracker, list[Path]] = {}
        self._unreadable: set[Path] = set()
        self._access_checked_at = float("-inf")
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

    def unreadable(self) -> set[Path]:
        """The files and folders that could not be read."""
        return self._unreadable.union(*(tracker.unreadable for tracker in self._trackers.values()))

    async def _scan(self) -> None:
        """Scan the folders if it is time to."""
        now = time.monotonic()
        searching = any(tracker.searching_copy for tracker in self._trackers.values())
        if not (self._watcher.changed.is_set() or searching or now >= self._scanned_at + SCAN_SECONDS):
            return
        self._scanned_at = now
        self._watcher.changed.clear()
        patterns = self._plan.patterns
        paths = followed_paths(patterns, self._plan.excluded)
        # Before the folders are listed, so that no change is missed in between.
        await self._watcher.watch(watched_folders([*patterns, *link_targets(paths)]))
        known = len(self._registry.states)
        for path in paths:
            if path not in self._trackers:
                self._trackers[path] = self._new_tracker(path)
        listing = _Listing(paths)
        for tracker in self._trackers.values():
            tracker.scan(self._statuses_for(tracker, listing))
            if tracker.lost_readers():
                self._search_below(tracker, listing)
        if self._first_scan or len(self._registry.states) != known:
            self._registry.patterns |= self._patterns
            # Before any line of a new file is published: otherwise a crash would leave it unidentified.
            self._registry.save()
        self._log_unreadable_files()
        if self._first_scan:
            self._log_missing_files()
        self._first_scan = False

    def _statuses_for(self, tracker: RotationTracker, listing: "_Listing") -> list[FileStatus]:
        """The files of the folder of `tracker`, and those elsewhere that may belong to its followed name."""
        folder = tracker.path.parent
        found = list(listing.of(folder))
        target = Path(os.path.realpath(tracker.path)).parent
        for other in {target, *self._plan.rotated_in} - {folder}:
            found += [replace(each, name=str(other.absolute() / each.name)) for each in listing.of(other)]
        moved = self._moved.get(tracker, [])
        return found + [status for path in moved if (status := read_status(path, str(path)))]

    def _search_below(self, tracker: RotationTracker, listing: "_Listing") -> None:
        """Look for files that were rotated into a folder below while no shipper ran."""
        wanted = {reader.state.file_id for reader in tracker.lost_readers()}
        found = find_below(tracker.path.parent, wanted)
        if found:
            self._moved.setdefault(tracker, []).extend(found)
            tracker.scan(self._statuses_for(tracker, listing))
        tracker.give_up_lost()

    def _log_unreadable_files(self) -> None:
        if self._scanned_at < self._access_checked_at + SCAN_SECONDS:
            return
        self._access_checked_at = self._scanned_at
        found: dict[Path, OSError] = dict(
            blocked for pattern in self._plan.patterns if (blocked := blocking_error(pattern)) is not None
        )
        for path, error in found.items():
            if path not in self._unreadable:
                logger.warning("file_unreadable path=%(path)s error=%(error)r", {"path": path, "error": error.strerror})
        self._unreadable = set(found)

    def _log_missing_files(self) -> None:
        # A mistyped name would look like a silent file.
        for pattern in self._plan.patterns:
            if blocking_error(pattern) is None and not any(map(os.path.exists, followed_paths((pattern,)))):
                logger.warning("file_missing path=%(path)s", {"path": pattern})

    def _new_tracker(self, path: Path) -> RotationTracker:
        plan = self._plan
        # A file that appeared later is read from its beginning, even if no shipper was running then.
        used_before = self._patterns <= self._known_patterns
        from_start = plan.from_start or used_before or not self._first_scan
        channel = channel_of(plan.channel, path.absolute())
        other = self._paths_of_channels.setdefault(channel, path)
        if other != path and "{" in plan.channel:
            logger.warning(
                "channel_shared channel=%(channel)s path=%(path)s other=%(other)s",
                {"channel": channel, "path": path, "other": other},
            )
        return RotationTracker(path.absolute(), channel, plan.lines, self._registry, from_start)

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


class _Listing:
    """The status of each file in the folders asked for, each read once. `paths` are the followed names."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._names: dict[Path, list[str]] = {}
        for path in paths:
            self._names.setdefault(path.absolute().parent, []).append(path.name)
        self._statuses: dict[Path, list[FileStatus]] = {}

    def of(self, folder: Path) -> list[FileStatus]:
        if folder not in self._statuses:
            self._statuses[folder] = read_statuses(folder, self._names.get(folder, ()))
        return self._statuses[folder]


async def ship_files(plan: ShipPlan, stopping: asyncio.Event) -> int:
    """
    Carry out `plan`; the number of lines published.

    Raises InvalidSetting if the plan is not valid, RegistryUnavailable if positions can't be stored, FileUnreadable if
    with `once` a file could not be read.
    """
    refuse_folders(plan.patterns)
    registry = Registry(plan.registry)
    try:
        shipper = Shipper(plan, registry)
        await shipper.run(stopping)
        if plan.once and (unreadable := shipper.unreadable()):
            raise FileUnreadable(f"Not all files could be read: {', '.join(map(str, sorted(unreadable)))}.")
        return shipper.sender.published_lines
    finally:
        registry.close()
