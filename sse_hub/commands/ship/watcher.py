"""
When to look at the folders again: as soon as something happens in them, and now and then all the same.

    folders --> watchfiles --> Notifier.happened
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
    """`happened` is set when a file in a watched folder was written, made, renamed or removed."""

    def __init__(self) -> None:
        self.happened = asyncio.Event()
        self._folders: set[Path] = set()
        self._task: asyncio.Task[None] | None = None
        self._said = False

    async def watch(self, folders: set[Path]) -> None:
        """Watch `folders`, which are there, and no others."""
        if folders == self._folders and self._task is not None and not self._task.done():
            return
        await self.close()
        self._folders = folders
        if folders:
            self._task = asyncio.create_task(self._watch(folders))

    async def close(self) -> None:
        """Watch nothing."""
        if self._task is not None:
            await cancel_and_wait((self._task,))
            self._task = None

    async def _watch(self, folders: set[Path]) -> None:
        try:
            changes = awatch(
                *folders, watch_filter=None, debounce=DEBOUNCE_MS, step=STEP_MS, recursive=False, rust_timeout=500
            )
            async for _ in changes:
                self.happened.set()
        except (OSError, RuntimeError) as error:
            # Out of watches, say: the look now and then has to do.
            if not self._said:
                logger.warning("file_watch_lost error=%(error)r", {"error": str(error)})
            self._said = True
