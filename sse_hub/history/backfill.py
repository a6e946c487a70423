"""
A cut session, mended: what this process missed meanwhile is read from the log, if another process has recorded it.

    source --> Mender --> hub             begin(fence) after a cut --> lines wait --> the log is complete up to `fence`
                                          --> Hub.fill() --> the lines that waited; where nobody has recorded: a break
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from sse_hub.errors import LogUnavailable
from sse_hub.history.lease import LeaseState
from sse_hub.history.reader import LogReader
from sse_hub.hub.hub import Hub
from sse_hub.hub.replay import read_merged
from sse_hub.protocol.ids import EventId
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# How long live lines may wait. Whoever is to take over recording does so within this time, or will not.
BACKFILL_SECONDS = 2.0
POLL_SECONDS = 0.03


class Backfill:
    """Stands between the source and the hub, and holds back what comes while rings are mended."""

    def __init__(self, hub: Hub, log: LogReader, stand: Callable[[], Awaitable[LeaseState]]) -> None:
        self._hub = hub
        self._log = log
        self._lease_state = stand
        self._held_back: list[Callable[[], None]] | None = None
        self._done = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # What the source calls.

    def session_lost(self) -> None:
        """The session has ended; what was held back came after it was cut before, and is missing now."""
        if self._task:
            self._task.cancel()
        self._task = None
        self._held_back = None
        self._hub.session_lost()

    def session_started(self, fence: int) -> None:
        """A new session has seen its first fence."""
        self._done.clear()
        self._held_back = []
        work = self._load_recorded(fence) if self._hub.first_fence is None else self._backfill(fence)
        self._task = asyncio.get_running_loop().create_task(work, name="mend")
        self._task.add_done_callback(_report_failure)
        if self._hub.first_fence is None:
            self._release(partial(self._hub.session_started, fence))

    def fence_received(self, fence: int) -> None:
        """See `Hub.fence`."""
        if self._held_back is None:
            self._hub.fence_received(fence)
        else:
            self._held_back.append(partial(self._hub.fence_received, fence))

    def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """See `Hub.lines`."""
        if self._held_back is None:
            self._hub.lines_received(payloads)
        else:
            self._held_back.append(partial(self._hub.lines_received, payloads))

    def channel_subscribed(self, name: str) -> None:
        """See `Hub.follow`."""
        if self._held_back is None:
            self._hub.channel_subscribed(name)
        else:
            self._held_back.append(partial(self._hub.channel_subscribed, name))

    async def wait_done(self) -> None:
        """Return when nothing is held back."""
        await self._done.wait()

    async def close(self) -> None:
        """End what is under way."""
        if self._task:
            await cancel_and_wait([self._task])

    # The rest.

    def _release(self, begin: Callable[[], None]) -> None:
        held, self._held_back = self._held_back or [], None
        for each in (begin, *held):
            each()
        self._done.set()

    async def _backfill(self, fence: int) -> None:
        begin = partial(self._hub.session_started, fence)
        try:
            async with asyncio.timeout(BACKFILL_SECONDS):
                if await self._wait_recorded(fence):
                    await self._fill(fence)
                    begin = partial(self._hub.session_backfilled, fence)
        except (LogUnavailable, TimeoutError) as error:
            logger.info("backfill_failed error=%(error)r", {"error": str(error)})
        finally:
            # After a fault of ours, too: what is held back would grow for as long as the session lasts.
            if self._is_current():
                self._release(begin)

    def _is_current(self) -> bool:
        # Python 3.11 can lose a cancellation (tasks.py): then this goes on for a session that has ended.
        return asyncio.current_task() is self._task

    async def _wait_recorded(self, fence: int) -> bool:
        while True:
            standing = await self._lease_state()
            if standing.watermark >= fence:
                return True
            if not standing.others:
                return False
            await asyncio.sleep(POLL_SECONDS)

    async def _fill(self, fence: int) -> None:
        hub = self._hub
        seen = EventId(hub.last_fence, 0)
        after = {}
        for name, last in (await self._log.last_ids(fence)).items():
            # Another group's: this log's watermark says nothing of it.
            if not hub.registry.covers(name):
                continue
            channel = hub.registry.get(name.encode())
            had = max(seen, channel.ring.last) if channel else seen
            if last > had:
                after[name] = had
        async for parts in read_merged(self._log, after, hub.last_fence, fence):
            if not self._is_current():
                return
            hub.fill(parts)

    async def _load_recorded(self, fence: int) -> None:
        """What was recorded before this process began to listen at `fence`."""
        try:
            if await self._log.wait_complete(fence) < fence:
                return
            breaks = await self._log.gaps(0, fence)
            told = EventId(max((hole.before.fence for hole in breaks.gaps), default=0), 0)
            recorded_channels = await self._log.channels(fence)
            if self._is_current():
                self._hub.load_recorded(recorded_channels, told)
        except LogUnavailable as error:
            logger.info("log_unreadable error=%(error)r", {"error": str(error)})


def _report_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        task.get_loop().call_exception_handler({"message": "mending failed", "exception": error, "task": task})
