"""
The pace of a drain: the ends of all open streams, spread over a window, so that clients don't all come back at once.

    Drain.run(subscribers, end) --> end(), one after the other --> hurry(): all that are left, now
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

from sse_hub.hub.subscriber import Subscriber

# How long those who were ended last get to take what was written to them; who does not read is cut.
GRACE_SECONDS = 0.3
# With many streams several are ended at a time: a timer for each would be late before it began.
TICK_SECONDS = 0.01


class Drain:
    """When each stream ends. `window_seconds` is the time from the first end to the last."""

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._hurried = asyncio.Event()

    def finish_now(self) -> None:
        """Make run() end all that are left at once."""
        self._hurried.set()

    async def run(self, subscribers: Sequence[Subscriber], end: Callable[[Subscriber], None]) -> None:
        """Call `end` with each of `subscribers`, evenly over the window."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        # Hubs that stop in the same moment must not end their streams in step, least of all those that have only one.
        phase = random.random()
        for number, subscriber in enumerate(_slowest_first(subscribers)):
            wait = begun + (number + phase) * self._window_seconds / len(subscribers) - loop.time()
            if wait > 0:
                await self._pause(max(wait, TICK_SECONDS))
            end(subscriber)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()


def _slowest_first(subscribers: Sequence[Subscriber]) -> list[Subscriber]:
    # They need the rest of the window to take what they are owed.
    return sorted(subscribers, key=lambda subscriber: subscriber.position is None)
