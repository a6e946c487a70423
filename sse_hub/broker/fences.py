"""
Fences: markers that give all sessions a common point in the order of lines.

    issue() --> lua/fence.lua on Redis --> sse-hub:fence --> session --> seen(F) --> next_fence() returns

However many joins wait, one fence at most is on its way; those who come meanwhile share the next.
"""

import asyncio
import logging

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker import keys
from sse_hub.broker.scripts import script
from sse_hub.hub.counters import Counters

logger = logging.getLogger(__name__)


class FenceIssuer:
    """Issues fences. `last` is the highest fence seen, `seen_at` the loop's time when it came."""

    def __init__(self, commands: redis.asyncio.Redis, counters: Counters, loop: asyncio.AbstractEventLoop) -> None:
        self.last = 0
        self.seen_at = float("-inf")
        self._loop = loop
        self._counters = counters
        self._script = commands.register_script(script("clock", "fence"))
        self._waiting: dict[asyncio.Future[int], None] = {}
        self._served: dict[asyncio.Future[int], None] = {}
        self._session_there = False
        self._refused = False
        self._round: asyncio.Task[None] | None = None
        self._returned_at: float | None = None
        self._seen = asyncio.Event()

    async def next_fence(self) -> int:
        """A fence issued after this call, once it has come back on the session. Waits as long as that takes."""
        # Not the one on its way: it may have been issued before the caller's channel was subscribed.
        waiter: asyncio.Future[int] = self._loop.create_future()
        self._waiting[waiter] = None
        self.issue()
        try:
            return await waiter
        finally:
            self._waiting.pop(waiter, None)

    def fail_waiting(self, error: Exception) -> None:
        """Raise `error` to all who wait."""
        for waiter in (*self._waiting, *self._served):
            if not waiter.done():
                waiter.set_exception(error)

    def issue(self) -> None:
        """Send a fence on its way, unless one is, or no session is there to see it come back."""
        if self._round is None and self._session_there:
            self._returned_at = None
            self._round = self._loop.create_task(self._issue_and_wait())
            self._round.add_done_callback(self._end_round)

    def fence_seen(self, fence: int) -> None:
        """`fence` has come on the session, and the hub knows it already."""
        self.last = fence
        self.seen_at = self._loop.time()
        self._seen.set()

    @property
    def has_waiting(self) -> bool:
        """True when somebody waits for a fence that has not been issued."""
        return bool(self._waiting)

    def seconds_overdue(self) -> float:
        """
        How long ago Redis published the fence that has not come back; 0.0 when none is on its way.

        One that Redis has not published says nothing of the session: a server that stands still has it still, and
        goes on sending to it when it wakes.
        """
        return self._loop.time() - self._returned_at if self._round and self._returned_at else 0.0

    def session_started(self) -> None:
        """A session is there and has all its subscriptions: it will see what is issued from now on."""
        self._session_there = True
        self.issue()

    def session_lost(self) -> None:
        """The session is gone, and the fence on its way with it. Those who wait get one from the next session."""
        self._session_there = False
        if self._round:
            self._round.cancel()
            self._round = None

    async def _issue_and_wait(self) -> None:
        served, self._waiting = self._waiting, {}
        self._served = served
        begun = self._loop.time()
        try:
            fence = int(await self._script(keys=[keys.CLOCK], args=[self.last, keys.FENCE_CHANNEL]))
            self._returned_at = self._loop.time()
            while self.last < fence:
                self._seen.clear()
                await self._seen.wait()
        except BaseException:
            self._waiting = {waiter: None for waiter in (*served, *self._waiting) if not waiter.done()}
            raise
        self._counters.fence_round_trips.add(self._loop.time() - begun)
        for waiter in served:
            if not waiter.done():
                waiter.set_result(fence)

    def _end_round(self, round: asyncio.Task[None]) -> None:
        if round.cancelled():
            return
        error = round.exception()
        if self._round is not round:
            # Given up. Python 3.11 can lose a cancellation, so it may have gone on all the same, or failed; an error
            # that nobody looks at would be written to stderr.
            return
        self._round = None
        if error is None:
            self._refused = False
            if self._waiting:
                self.issue()
        elif isinstance(error, (RedisError, OSError)):
            # The source's watch tries again, at its own pace.
            if not self._refused:
                logger.warning("fence_failed error=%(error)r", {"error": str(error)})
            self._refused = True
            self._counters.redis_errors["fence"] += 1
        else:
            self._loop.call_exception_handler({"message": "a fence round failed", "exception": error})
