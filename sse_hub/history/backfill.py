"""
What this process missed between two sessions, read from the log if another process recorded it.

    source --> Backfill --> Ingest
                  └── a session after a cut: hold back what comes --> how far is the log complete?
                      --> Ingest.fill() up to there --> for the rest a gap --> what was held back
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from sse_hub.errors import LogUnavailable
from sse_hub.history.lease import LeaseState
from sse_hub.history.reader import LogReader
from sse_hub.hub.ingest import Ingest
from sse_hub.hub.replay import read_merged
from sse_hub.protocol.ids import EventId
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# How long live lines may be held back. A process that takes over recording does so within this time, or not at all.
BACKFILL_SECONDS = 2.0
POLL_SECONDS = 0.03
# How often a process tries to read what was recorded before it began.
LOAD_TRIES = 5


class Backfill:
    """
    A `Receiver` around an `Ingest`: passes everything on, and holds it back while rings are filled from the log.

    `request_lease` requests the lease for this process; the watermark in its answer says how far the log is complete.
    """

    def __init__(self, ingest: Ingest, log: LogReader, request_lease: Callable[[], Awaitable[LeaseState]]) -> None:
        self._ingest = ingest
        self._log = log
        self._request_lease = request_lease
        # What was received while rings are filled, as the calls to make then. None: nothing is held back.
        self._held_back: list[Callable[[], None]] | None = None
        # Set while all that this session has received has been passed on.
        self._applied = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # What the source calls.

    def session_lost(self) -> None:
        """See `Receiver`. What is still held back came after a gap that was not filled: it is lost with the session."""
        if self._task:
            self._task.cancel()
        self._task = None
        self._held_back = None
        self._ingest.session_lost()

    def session_leaving(self) -> bool:
        """See `Receiver`. What is held back would be lost with the session."""
        return self._held_back is None and self._ingest.session_leaving()

    def session_started(self, fence: int, reason: str = "recorder-down") -> None:
        """See `Receiver`. The first session of a process has nothing to fill, its rings begin with it."""
        if self._ingest.first_fence is None:
            self._start(self._load_recorded(fence))
            self._ingest.session_started(fence, reason)
            self._applied.set()
        else:
            self._applied.clear()
            self._held_back = []
            self._ingest.filling_since = fence
            self._start(self._backfill(fence, reason))

    def session_forked(self, common: int, fence: int) -> None:
        """See `Receiver`. Nothing is filled in: what the log has since `common` belongs to another branch."""
        self._log.leave_branch()
        self._ingest.session_forked(common, fence)
        self._applied.set()

    def fence_received(self, fence: int) -> None:
        """See `Receiver`."""
        if self._held_back is None:
            self._ingest.fence_received(fence)
        else:
            self._held_back.append(partial(self._ingest.fence_received, fence))

    def lines_missing(self, after: int, reason: str) -> None:
        """See `Receiver`."""
        if self._held_back is None:
            self._ingest.lines_missing(after, reason)
        else:
            self._held_back.append(partial(self._ingest.lines_missing, after, reason))

    def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """See `Receiver`."""
        if self._held_back is None:
            self._ingest.lines_received(payloads)
        else:
            self._held_back.append(partial(self._ingest.lines_received, payloads))

    def channel_subscribed(self, name: str) -> None:
        """See `Receiver`."""
        if self._held_back is None:
            self._ingest.channel_subscribed(name)
        else:
            self._held_back.append(partial(self._ingest.channel_subscribed, name))

    async def wait_applied(self) -> None:
        """Return when nothing is held back."""
        await self._applied.wait()

    async def close(self) -> None:
        """End what is under way."""
        if self._task:
            await cancel_and_wait([self._task])

    # The rest.

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work, name="backfill")
        self._task.add_done_callback(_report_failure)

    def _is_current(self) -> bool:
        # Python 3.11 can lose a cancellation (tasks.py): then a task goes on for a session that has ended.
        return asyncio.current_task() is self._task

    async def _backfill(self, fence: int, reason: str) -> None:
        """Fill the rings up to `fence`, the first one of the session, and pass on what was held back meanwhile."""
        filled_to = 0
        try:
            async with asyncio.timeout(BACKFILL_SECONDS):
                filled_to = await self._try_filling(fence)
        except (LogUnavailable, TimeoutError) as error:
            logger.info("backfill_failed error=%(error)r", {"error": str(error)})
        finally:
            # Also after an unexpected error: what is held back would grow for as long as the session lasts.
            if self._is_current():
                self._release(fence, reason, filled_to)

    async def _try_filling(self, fence: int) -> int:
        """
        Fill the rings up to `fence`, or as far as anybody has recorded, as often as the log can't be read.

        Returns the fence up to which they are filled.
        """
        while True:
            try:
                recorded_to = min(fence, await self._wait_recorded(fence))
                # After a failover to a server that lags, the log may reach less far than before.
                if recorded_to > self._ingest.last_fence:
                    await self._fill(recorded_to)
                return recorded_to
            except LogUnavailable as error:
                # What cut the session may cut the other connections a moment later. Then the log still has the lines,
                # and what was filled in stays: the next try goes on there.
                logger.info("backfill_repeated error=%(error)r", {"error": str(error)})
                await asyncio.sleep(POLL_SECONDS)

    def _release(self, fence: int, reason: str, filled_to: int) -> None:
        held_back, self._held_back = self._held_back or [], None
        if filled_to > self._ingest.last_fence:
            self._ingest.session_backfilled(fence, filled_to, reason)
        else:
            self._ingest.session_started(fence, reason)
        for deliver in held_back:
            deliver()
        self._applied.set()

    async def _wait_recorded(self, fence: int) -> int:
        """
        Wait until another process has recorded up to `fence`, while there is one that lacks less than this one would.

        Returns the fence up to which the log is complete.
        """
        while True:
            state = await self._request_lease()
            if state.watermark >= fence or not state.others:
                return state.watermark
            await asyncio.sleep(POLL_SECONDS)

    async def _fill(self, fence: int) -> None:
        """Fill the rings up to `fence`, up to which the log is complete."""
        ingest = self._ingest
        seen = EventId(ingest.last_fence, 0)
        after = {}
        for name, last in (await self._log.last_ids(fence)).items():
            # Another group records the others: the watermark of this log says nothing of them.
            if not ingest.registry.covers(name):
                continue
            channel = ingest.registry.get(name.encode())
            received = max(seen, channel.ring.last) if channel else seen
            if last > received:
                after[name] = received
        # A first try may have filled in gaps of the whole log.
        since = max(ingest.last_fence, ingest.registry.start.fence)
        async for parts in read_merged(self._log, after, since, fence):
            if not self._is_current():
                return
            ingest.fill(parts)

    async def _load_recorded(self, fence: int) -> None:
        """Load what was recorded before this process received its first fence, `fence`."""
        for _ in range(LOAD_TRIES):
            try:
                if await self._log.wait_complete(fence) < fence:
                    return
                gaps = (await self._log.gaps(0, fence)).gaps
                gaps_known_to = EventId(max((gap.before.fence for gap in gaps), default=0), 0)
                recorded_channels = await self._log.channels(fence)
                if self._is_current():
                    self._ingest.load_recorded(recorded_channels, gaps_known_to)
                return
            except LogUnavailable as error:
                logger.info("log_unreadable error=%(error)r", {"error": str(error)})
                await asyncio.sleep(POLL_SECONDS)


def _report_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        task.get_loop().call_exception_handler({"message": "a backfill failed", "exception": error, "task": task})
