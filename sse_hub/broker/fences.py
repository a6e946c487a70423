"""
Fences: markers that give all sessions common points in the order of lines.

    issue() --> lua/fence.lua in Redis --> sse-hub:fence --> session --> fence_received(F) --> next_fence() returns

At most one fence is on its way, however many joins wait. Joins that start meanwhile share the next one.
"""

import asyncio
import logging
from collections.abc import Callable

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import Partition
from sse_hub.broker.refusals import refusal
from sse_hub.broker.scripts import script
from sse_hub.broker.session import SETTLE_MS
from sse_hub.errors import error_text
from sse_hub.hub.counters import Counters

logger = logging.getLogger(__name__)

SETTLE_SECONDS = SETTLE_MS / 1000


class FenceIssuer:
    """Issues fences. `last` is the highest fence received, `received_at` the loop's time when it came."""

    def __init__(
        self,
        commands: redis.asyncio.Redis,
        partition: Partition,
        counters: Counters,
        loop: asyncio.AbstractEventLoop,
        refused: Callable[[str], None],
    ) -> None:
        """`refused` is called when the server may not issue fences now, see `refusals`."""
        self.last = 0
        self.received_at = float("-inf")
        self._loop = loop
        self._refused = refused
        self._partition = partition
        self._counters = counters
        self._script = commands.register_script(script("clock", "fence"))
        self._waiting: dict[asyncio.Future[int], None] = {}
        self._served: dict[asyncio.Future[int], None] = {}
        self._has_session = False
        self._failed = False
        self._unsettled = 0
        self._round: asyncio.Task[None] | None = None
        self._published_at: float | None = None
        self._received = asyncio.Event()

    async def next_fence(self) -> int:
        """A fence issued after this call, when it has come back on the session. Waits for as long as that takes."""
        # Not the one on its way: it may have been issued before the caller's channels were subscribed.
        waiter: asyncio.Future[int] = self._loop.create_future()
        self._waiting[waiter] = None
        self.issue()
        try:
            return await waiter
        finally:
            self._waiting.pop(waiter, None)

    def fail_waiting(self, error: Exception) -> None:
        """Raise `error` in all calls of next_fence() that wait."""
        for waiter in (*self._waiting, *self._served):
            if not waiter.done():
                waiter.set_exception(error)

    def issue(self) -> None:
        """Issue a fence, unless one is on its way, or there is no session to receive it."""
        if self._round is None and self._has_session:
            self._published_at = None
            self._round = self._loop.create_task(self._issue_and_wait())
            self._round.add_done_callback(self._end_round)

    def fence_received(self, fence: int) -> None:
        """`fence` has come on the session, and the hub's receiver has it already."""
        self.last = fence
        self.received_at = self._loop.time()
        self._received.set()

    def fence_unsettled(self, fence: int) -> None:
        """`fence` has come, but the receiver can't count from it: another is issued SETTLE_SECONDS later."""
        self._unsettled = fence
        self._received.set()

    @property
    def has_waiting(self) -> bool:
        """True when next_fence() was called since the last fence was issued."""
        return bool(self._waiting)

    def seconds_overdue(self) -> float:
        """
        How long ago Redis published the fence that has not come back yet; 0.0 when there is none.

        A fence that Redis has not published says nothing about the session: a server that is frozen keeps it, and goes
        on sending to it afterwards.
        """
        return self._loop.time() - self._published_at if self._round and self._published_at else 0.0

    def session_started(self) -> None:
        """A session has all its subscriptions: it will receive what is issued from now on."""
        self._has_session = True
        self.issue()

    def session_lost(self) -> None:
        """The session has ended, and lost the fence on its way. Waiting joins get one from the next session."""
        self._has_session = False
        if self._round:
            self._round.cancel()
            self._round = None

    async def _issue_and_wait(self) -> None:
        served, self._waiting = self._waiting, {}
        self._served = served
        started = self._loop.time()
        try:
            fence = await self._publish()
            while self.last < fence:
                # First: it may have come back on the session before Redis's answer came here.
                if self._unsettled >= fence:
                    self._published_at = None
                    await asyncio.sleep(SETTLE_SECONDS)
                    fence = await self._publish()
                    continue
                self._received.clear()
                await self._received.wait()
        except BaseException:
            self._waiting = {waiter: None for waiter in (*served, *self._waiting) if not waiter.done()}
            raise
        self._counters.fence_round_trips.add(self._loop.time() - started)
        for waiter in served:
            if not waiter.done():
                waiter.set_result(fence)

    async def _publish(self) -> int:
        args = (max(self.last, self._unsettled), self._partition.fence_channel)
        keys = [self._partition.clock, self._partition.fences]
        fence = int(await self._script(keys=keys, args=args))
        self._published_at = self._loop.time()
        return fence

    def _end_round(self, round: asyncio.Task[None]) -> None:
        if round.cancelled():
            return
        error = round.exception()
        if self._round is not round:
            # Cancelled. Python 3.11 can lose a cancellation, so the task may have gone on, or failed. Its error was
            # retrieved above, or asyncio would write it to stderr.
            return
        self._round = None
        if error is None:
            self._failed = False
            if self._waiting:
                self.issue()
        elif isinstance(error, (RedisError, OSError)):
            # The source's watch issues the next one.
            if not self._failed:
                logger.warning("fence_failed error=%(error)r", {"error": refusal(error) or error_text(error)})
            self._failed = True
            self._counters.redis_errors["fence"] += 1
            if why := refusal(error):
                self._refused(why)
        else:
            self._loop.call_exception_handler({"message": "a fence round failed", "exception": error})
