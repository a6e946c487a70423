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
from sse_hub.history.lease import Standing
from sse_hub.history.reader import RedisLog
from sse_hub.hub.hub import Hub
from sse_hub.hub.replay import recorded
from sse_hub.protocol.ids import EventId
from sse_hub.tasks import cancelled

logger = logging.getLogger(__name__)

# How long live lines may wait. Whoever is to take over recording does so within this time, or will not.
MEND_SECONDS = 2.0
ASK_AGAIN_SECONDS = 0.03


class Mender:
    """Stands between the source and the hub, and holds back what comes while rings are mended."""

    def __init__(self, hub: Hub, log: RedisLog, stand: Callable[[], Awaitable[Standing]]) -> None:
        self._hub = hub
        self._log = log
        self._stand = stand
        self._held: list[Callable[[], None]] | None = None
        self._whole = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # What the source calls.

    def cut(self) -> None:
        """The session has ended; what was held back came after it was cut before, and is missing now."""
        if self._task:
            self._task.cancel()
        self._task = None
        self._held = None
        self._hub.cut()

    def begin(self, fence: int) -> None:
        """A new session has seen its first fence."""
        self._whole.clear()
        self._held = []
        work = self._learn(fence) if self._hub.reach is None else self._mend(fence)
        self._task = asyncio.get_running_loop().create_task(work, name="mend")
        self._task.add_done_callback(_report)
        if self._hub.reach is None:
            self._let_go(partial(self._hub.begin, fence))

    def fence(self, fence: int) -> None:
        """See `Hub.fence`."""
        if self._held is None:
            self._hub.fence(fence)
        else:
            self._held.append(partial(self._hub.fence, fence))

    def lines(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """See `Hub.lines`."""
        if self._held is None:
            self._hub.lines(payloads)
        else:
            self._held.append(partial(self._hub.lines, payloads))

    def follow(self, name: str) -> None:
        """See `Hub.follow`."""
        if self._held is None:
            self._hub.follow(name)
        else:
            self._held.append(partial(self._hub.follow, name))

    async def whole(self) -> None:
        """Return when nothing is held back."""
        await self._whole.wait()

    async def close(self) -> None:
        """End what is under way."""
        if self._task:
            await cancelled([self._task])

    # The rest.

    def _let_go(self, begin: Callable[[], None]) -> None:
        held, self._held = self._held or [], None
        for each in (begin, *held):
            each()
        self._whole.set()

    async def _mend(self, fence: int) -> None:
        begin = partial(self._hub.begin, fence)
        try:
            async with asyncio.timeout(MEND_SECONDS):
                if await self._covered(fence):
                    await self._fill(fence)
                    begin = partial(self._hub.mended, fence)
        except (LogUnavailable, TimeoutError) as error:
            logger.info("mend_failed error=%r", str(error))
        finally:
            # After a fault of ours, too: what is held back would grow for as long as the session lasts.
            if self._current():
                self._let_go(begin)

    def _current(self) -> bool:
        # Python 3.11 can lose a cancellation (tasks.py): then this goes on for a session that has ended.
        return asyncio.current_task() is self._task

    async def _covered(self, fence: int) -> bool:
        while True:
            standing = await self._stand()
            if standing.watermark >= fence:
                return True
            if not standing.others:
                return False
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def _fill(self, fence: int) -> None:
        hub = self._hub
        seen = EventId(hub.last_fence, 0)
        after = {}
        for name, last in (await self._log.last_ids(fence)).items():
            # Another group's: this log's watermark says nothing of it.
            if not hub.directory.covers(name):
                continue
            channel = hub.directory.get(name.encode())
            had = max(seen, channel.ring.last) if channel else seen
            if last > had:
                after[name] = had
        async for parts in recorded(self._log, after, hub.last_fence, fence):
            if not self._current():
                return
            hub.fill(parts)

    async def _learn(self, fence: int) -> None:
        """What was recorded before this process began to listen at `fence`."""
        try:
            if await self._log.complete_to(fence) < fence:
                return
            breaks = await self._log.breaks(0, fence)
            told = EventId(max((hole.before.fence for hole in breaks.holes), default=0), 0)
            recorded_channels = await self._log.channels(fence)
            if self._current():
                self._hub.learn(recorded_channels, told)
        except LogUnavailable as error:
            logger.info("log_unread error=%r", str(error))


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        task.get_loop().call_exception_handler({"message": "mending failed", "exception": error, "task": task})
