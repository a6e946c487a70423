"""
The pace of a drain: it ends all open streams spread over a window, so that clients don't all reconnect at once.

    Drain.run(subscribers, end) --> end(), one after the other --> finish_now(): all that are left, at once
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

from sse_hub.hub.subscriber import Subscriber

# How long the subscribers that were ended last get to read what was written to them, before they are cut.
GRACE_SECONDS = 0.3
# With many streams, several are ended in one step: a timer for each would be late before it started.
TICK_SECONDS = 0.01


class Drain:
    """Ends streams one after the other. `window_seconds` is the time from the first to the last."""

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._finishing = asyncio.Event()

    def finish_now(self) -> None:
        """Make run() end all remaining streams at once."""
        self._finishing.set()

    async def run(self, subscribers: Sequence[Subscriber], end: Callable[[Subscriber], None]) -> None:
        """Call `end` with each of `subscribers`, spread evenly over the window."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        # Hubs that stop in the same moment must not end their streams in step, above all those with one stream each.
        phase = random.random()
        for number, subscriber in enumerate(_slowest_first(subscribers)):
            wait = started + (number + phase) * self._window_seconds / len(subscribers) - loop.time()
            if wait > 0:
                await self._pause(max(wait, TICK_SECONDS))
            end(subscriber)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._finishing.wait()


def _slowest_first(subscribers: Sequence[Subscriber]) -> list[Subscriber]:
    # They need the rest of the window to read what they have not been sent yet.
    return sorted(subscribers, key=lambda subscriber: subscriber.position is None)
