"""
The source: always one session to Redis, replaced at once when it ends, and watched by fences.

    Session ──► lines, fences ──► Mender ──► Hub            watch, four times a second: has a fence come lately?
       └─ ended ──► a new Session ──► its first fence ──► Mender.begin(): what came between is mended, or a gap
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import redis.asyncio

from sse_hub.broker.fences import Fencer
from sse_hub.broker.session import Session
from sse_hub.config import Config
from sse_hub.errors import SourceUnavailable
from sse_hub.history.backfill import Mender
from sse_hub.hub.counters import Tally

logger = logging.getLogger(__name__)

# A fence is issued when none came for this long, so that ids and idle checkpoints move on.
FENCE_SECONDS = 1.0
# A fence that has not come back after this long shows that the session is dead, frozen, or on another server.
RETURN_SECONDS = 1.0
# Ready means that a fence came back within this time.
READY_SECONDS = 3.0
WATCH_SECONDS = 0.25
# Longer than a session takes to be replaced, shorter than a client waits before it gives up.
JOIN_SECONDS = 3.0
BACKOFF_SECONDS = (0.0, 0.05, 0.1, 0.25, 0.5)


class RedisSource:
    """What the hub's protocol `Source` asks for, from one Redis or Valkey server."""

    def __init__(
        self, config: Config, redis_url: str, commands: redis.asyncio.Redis, mender: Mender, tally: Tally
    ) -> None:
        loop = asyncio.get_running_loop()
        self._url = redis_url
        self._mender = mender
        self._patterns = config.ingest
        self._outside: dict[str, None] = {}
        self._tally = tally
        self._fencer = Fencer(commands, tally, loop)
        self._loop = loop
        self._session: Session | None = None
        self._begun = False
        self._failures = 0

    @property
    def ready(self) -> bool:
        """True when a fence came back on the present session within READY_SECONDS."""
        return self._begun and self.fence_age_seconds < READY_SECONDS

    @property
    def fence_age_seconds(self) -> float:
        """Time since the last fence was seen."""
        return self._loop.time() - self._fencer.seen_at

    async def join(self, names: Sequence[str]) -> int:
        """See `hub.Source`. Waits for a session to be there; SourceUnavailable after JOIN_SECONDS."""
        self._outside |= dict.fromkeys(names)
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await self._subscribe(names)
                fence = await self._fencer.next_fence()
                await self._mender.whole()
                return fence
        except TimeoutError:
            raise SourceUnavailable(f"Redis did not answer within {JOIN_SECONDS:.0f} s.") from None

    def refuse(self) -> None:
        """See `hub.Source`."""
        self._fencer.refuse(SourceUnavailable("The hub is stopping."))

    def leave(self, names: Sequence[str]) -> None:
        """See `hub.Source`."""
        for name in names:
            self._outside.pop(name, None)
        if self._session and not self._session.ended.done():
            self._session.unsubscribe(names)

    async def run(self) -> None:
        """Keep a session until cancelled."""
        while True:
            await asyncio.sleep(BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)])
            await self._run_session()

    # What a session calls.

    def lines(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """Lines before the first fence of a session have no ids; they are part of the gap it begins with."""
        if self._begun:
            self._mender.lines(payloads)

    def fence(self, fence: int) -> None:
        """The hub first, then those who wait for the fence."""
        if self._begun:
            self._mender.fence(fence)
        else:
            self._begun = True
            self._failures = 0
            self._tally.sessions += 1
            self._mender.begin(fence)
            logger.info("session_began fence=%d", fence)
        self._fencer.seen(fence)

    def subscribed(self, channel: str) -> None:
        """The next fence is the first that all lines of `channel` can be counted from."""
        self._mender.follow(channel)

    def forged(self, payload: bytes, last: int) -> None:
        """Somebody publishes on the fences' channel what the script does not. One is logged, all are counted."""
        if not self._tally.forged_fences:
            logger.warning("fence_ignored payload=%r last=%d", payload[:32], last)
        self._tally.forged_fences += 1

    # The rest.

    async def _run_session(self) -> None:
        # One that was not opened to its end may have seen a fence.
        self._begun = False
        try:
            session = await Session.open(self._url, self, tuple(self._outside), self._patterns, self._fencer.last)
        except (OSError, TimeoutError, UnicodeError) as error:
            if self._failures == 0:
                logger.warning("redis_unreachable error=%r", str(error) or type(error).__name__)
            self._failures += 1
            self._tally.redis_errors["connect"] += 1
            return
        self._session = session
        watch = self._loop.create_task(self._watch(session))
        try:
            await asyncio.wait((session.ended, watch), return_when=asyncio.FIRST_COMPLETED)
            if watch.done():
                # It only ends before the session by a fault of ours.
                watch.result()
            logger.warning("session_ended reason=%r", str(session.ended.exception()))
            self._failures += 0 if self._begun else 1
            self._tally.redis_errors["session"] += 1
        finally:
            self._session, self._begun = None, False
            self._mender.cut()
            session.close("replaced")
            watch.cancel()
            self._fencer.give_up()

    async def _watch(self, session: Session) -> None:
        try:
            async with asyncio.timeout(RETURN_SECONDS):
                # Channels may have been asked for while the session was opened.
                await self._subscribe(tuple(self._outside))
        except TimeoutError:
            session.close(f"a subscription was not confirmed within {RETURN_SECONDS:.0f} s")
            return
        self._fencer.begin()
        while not session.ended.done():
            await asyncio.sleep(WATCH_SECONDS)
            if self._fencer.seconds_overdue() > RETURN_SECONDS and not session.inflow.flooded:
                session.close(f"a fence did not come back within {RETURN_SECONDS:.0f} s")
            elif self._fencer.wanted or self.fence_age_seconds > FENCE_SECONDS:
                self._fencer.issue()

    async def _subscribe(self, names: Sequence[str]) -> None:
        try:
            if self._session:
                await self._session.subscribe(names)
        except OSError:
            # The next session subscribes to them, and the fence that is waited for comes from that one.
            logger.debug("subscribe_interrupted names=%d", len(names))
