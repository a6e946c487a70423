"""
When to scan the folders again: as soon as something changes in them, and periodically anyway.

    folders --> watchfiles --> FolderWatcher.changed
"""

import asyncio
import logging
from pathlib import Path

from watchfiles import awatch

from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

STEP_MS = 10
DEBOUNCE_MS = 50


class FolderWatcher:
    """Sets `changed` when a file in a watched folder is written, created, renamed or removed."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._folders: set[Path] = set()
        self._task: asyncio.Task[None] | None = None
        self._logged = False

    async def watch(self, folders: set[Path]) -> None:
        """Watch `folders`, which must exist, and no others."""
        if folders == self._folders and self._task is not None and not self._task.done():
            return
        await self.close()
        self._folders = folders
        if folders:
            self._task = asyncio.create_task(self._watch(folders))

    async def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            await cancel_and_wait((self._task,))
            self._task = None

    async def _watch(self, folders: set[Path]) -> None:
        try:
            changes = awatch(
                *folders, watch_filter=None, debounce=DEBOUNCE_MS, step=STEP_MS, recursive=False, rust_timeout=500
            )
            async for _ in changes:
                self.changed.set()
        except (OSError, RuntimeError) as error:
            # Out of inotify watches, for example: the periodic scan must do.
            if not self._logged:
                logger.warning("file_watch_lost error=%(error)r", {"error": str(error)})
            self._logged = True
