"""
Work that runs beside the server and ends with it, such as the demo.

    BackgroundTask --> running(): started, watched, cancelled
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sse_hub.server.process import Shutdown
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """`run` is called with the URL of the Redis in use, and runs until it is cancelled; `name` is for the log."""

    name: str
    run: Callable[[str], Coroutine[Any, Any, None]]


@asynccontextmanager
async def running(background: BackgroundTask | None, redis_url: str, shutdown: Shutdown) -> AsyncIterator[None]:
    """Run `background`, if there is one, for as long as the block."""
    if background is None:
        yield
        return
    task = start_watched(background.run(redis_url), background.name, shutdown)
    try:
        yield
    finally:
        await cancel_and_wait((task,))


def start_watched(work: Coroutine[Any, Any, None], name: str, shutdown: Shutdown) -> asyncio.Task[None]:
    """Run `work` as a task. If it ends before `shutdown` is requested, log that and stop the process."""

    def ended(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if not shutdown.requested.is_set():
            logger.critical("task_died name=%(name)s", {"name": name}, exc_info=error)
            shutdown.fail()

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task
