"""How a process ends the tasks that are left, also those that lose a cancellation, as redis-py's can in Python 3.11."""

import asyncio

from sse_hub.server.process import run
from sse_hub.tasks import CANCEL_AGAIN_SECONDS, cancel_and_wait
from tests.support.settings import DEADLINE_SECONDS


async def losing(cancellations: int) -> None:
    """Go on for DEADLINE_SECONDS after each of the first `cancellations`."""
    for _ in range(cancellations):
        try:
            await asyncio.sleep(DEADLINE_SECONDS)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(DEADLINE_SECONDS)


async def begin(cancellations: int) -> asyncio.Task[None]:
    """A task that runs, and loses so many."""
    task = asyncio.create_task(losing(cancellations))
    await asyncio.sleep(0)
    return task


def test_a_process_ends_what_is_left_even_if_it_loses_a_cancellation() -> None:
    """A hub did not stop: asyncio cancels the tasks that are left once, then waits for them for ever."""

    async def main() -> asyncio.Task[None]:
        return await begin(cancellations=1)

    assert run(main()).cancelled()


async def test_who_ends_a_task_and_is_cancelled_itself_ends_it_all_the_same() -> None:
    """Tasks that end others are cancelled repeatedly, too: the second cancellation cut off the wait for the others."""
    other = await begin(cancellations=2)

    async def own() -> None:
        try:
            await asyncio.sleep(DEADLINE_SECONDS)
        finally:
            await cancel_and_wait([other])

    owner = asyncio.create_task(own())
    await asyncio.sleep(0)
    for _ in range(2):
        owner.cancel()
        await asyncio.sleep(CANCEL_AGAIN_SECONDS / 10)
    await asyncio.wait([owner])

    assert owner.cancelled()
    assert other.cancelled()
