"""
How background tasks are ended for certain.

    tasks --> cancel_and_wait() --> none of them is running
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

logger = logging.getLogger(__name__)

CANCEL_AGAIN_SECONDS = 0.1
GIVE_UP_SECONDS = 2.0


async def cancel_and_wait(tasks: Collection[asyncio.Task[Any]]) -> None:
    """
    Cancel `tasks` repeatedly until all have ended; log those that have not within GIVE_UP_SECONDS.

    Once is not enough: `asyncio.wait_for` of Python 3.11, which redis-py uses, swallows a cancellation that arrives as
    its inner call ends (https://github.com/python/cpython/issues/86296), and the task continues. For the same reason
    the caller, which may itself be cancelled several times meanwhile, ends only when they have.
    """
    running = set(tasks)
    deadline = asyncio.get_running_loop().time() + GIVE_UP_SECONDS
    cancelled: asyncio.CancelledError | None = None
    while running and asyncio.get_running_loop().time() < deadline:
        for task in running:
            task.cancel()
        try:
            await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
        except asyncio.CancelledError as error:
            cancelled = error
        running = {task for task in running if not task.done()}
    if running:
        logger.error("tasks_not_ended names=%(names)s", {"names": ",".join(task.get_name() for task in running)})
    if cancelled:
        raise cancelled
