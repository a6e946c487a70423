"""
The source: always one session to Redis, replaced at once when it ends, and watched by fences.

    Session ──► lines, fences ──► Receiver            watch, four times a second: has a fence come recently?
       └─ ended ──► a new Session ──► its first fence ──► Receiver.session_started()
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import redis.asyncio

from sse_hub.broker.fences import FenceIssuer
from sse_hub.broker.session import Session
from sse_hub.config import Config
from sse_hub.errors import SourceUnavailable, error_text
from sse_hub.hub.backend import Receiver
from sse_hub.hub.counters import Counters

logger = logging.getLogger(__name__)

# A fence is issued when none has come for this long, so that ids and the checkpoints of idle streams move on.
FENCE_SECONDS = 1.0
# A session is replaced when a fence has not come back for this long: it is dead, frozen, or on another server.
FENCE_TIMEOUT_SECONDS = 1.0
# The source is ready when a fence came back within this time.
READY_SECONDS = 3.0
WATCH_SECONDS = 0.25
# Longer than a session takes to be replaced, shorter than a client waits before it gives up.
JOIN_SECONDS = 3.0
BACKOFF_SECONDS = (0.0, 0.05, 0.1, 0.25, 0.5)


class RedisSource:
    """The `Source` of a hub: one Redis or Valkey server."""

    def __init__(
        self, config: Config, redis_url: str, commands: redis.asyncio.Redis, receiver: Receiver, counters: Counters
    ) -> None:
        loop = asyncio.get_running_loop()
        self._url = redis_url
        self._receiver = receiver
        self._patterns = config.ingest
        self._extra_channels: dict[str, None] = {}
        self._counters = counters
        self._fences = FenceIssuer(commands, counters, loop)
        self._loop = loop
        self._session: Session | None = None
        self._has_fence = False
        self._failures = 0
        # Why this server is refused; empty for one that is served.
        self.refusal = ""

    @property
    def ready(self) -> bool:
        """True when a fence came back on the present session within READY_SECONDS."""
        return self._has_fence and self.fence_age_seconds < READY_SECONDS

    @property
    def fence_age_seconds(self) -> float:
        """Time since the last fence came."""
        return self._loop.time() - self._fences.received_at

    async def join(self, names: Sequence[str]) -> int:
        """
        See `backend.Source`. Waits for a session. Raises SourceUnavailable after JOIN_SECONDS, and at once if the
        server is refused.
        """
        if self.refusal:
            raise SourceUnavailable(self.refusal)
        self._extra_channels |= dict.fromkeys(names)
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await self._subscribe(names)
                fence = await self._fences.next_fence()
                await self._receiver.wait_applied()
                return fence
        except TimeoutError:
            raise SourceUnavailable(f"Redis did not answer within {JOIN_SECONDS:.0f} s.") from None

    def fail_waiting(self) -> None:
        """See `backend.Source`."""
        self._fences.fail_waiting(SourceUnavailable("The hub is stopping."))

    def leave(self, names: Sequence[str]) -> None:
        """See `backend.Source`."""
        for name in names:
            self._extra_channels.pop(name, None)
        if self._session and not self._session.ended.done():
            self._session.unsubscribe(names)

    def refuse(self, reason: str) -> None:
        """End the session, and open no other one: lines of this server can't get ids. `reason` says what is wrong."""
        self.refusal = reason
        if self._session:
            self._session.close(reason)

    async def run(self) -> None:
        """Keep a session until cancelled, or none on a server that is refused."""
        while not self.refusal:
            await asyncio.sleep(BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)])
            await self._run_session()
        await self._loop.create_future()

    # What a session calls.

    def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """Lines before the first fence of a session have no ids: they are part of the gap before it."""
        if self._has_fence:
            self._receiver.lines_received(payloads)

    def fence_received(self, fence: int) -> None:
        """Pass `fence` on to the receiver, then to the joins that wait for it."""
        if self._has_fence:
            self._receiver.fence_received(fence)
        else:
            self._has_fence = True
            self._failures = 0
            self._counters.redis_sessions += 1
            self._receiver.session_started(fence)
            logger.info("session_started fence=%(fence)d", {"fence": fence})
        self._fences.fence_received(fence)

    def channel_subscribed(self, channel: str) -> None:
        """See `Receiver`."""
        self._receiver.channel_subscribed(channel)

    def invalid_fence(self, payload: bytes, last: int) -> None:
        """Some other client has published on the fence channel. All are counted, the first one is logged."""
        if not self._counters.invalid_fences:
            logger.warning("invalid_fence payload=%(payload)r last=%(last)d", {"payload": payload[:32], "last": last})
        self._counters.invalid_fences += 1

    # The rest.

    async def _run_session(self) -> None:
        # The last session may have received a fence before it was completely opened.
        self._has_fence = False
        try:
            session = await Session.open(
                self._url, self, tuple(self._extra_channels), self._patterns, self._fences.last
            )
        except (OSError, TimeoutError, UnicodeError) as error:
            if self._failures == 0:
                logger.warning("redis_unreachable error=%(error)r", {"error": error_text(error)})
            self._failures += 1
            self._counters.redis_errors["connect"] += 1
            return
        self._session = session
        if self.refusal:
            # It came while this session was opened.
            session.close(self.refusal)
        watch = self._loop.create_task(self._watch(session))
        try:
            await asyncio.wait((session.ended, watch), return_when=asyncio.FIRST_COMPLETED)
            if watch.done():
                # It ends before the session only if there is a bug.
                watch.result()
            logger.warning("session_ended reason=%(reason)r", {"reason": str(session.ended.exception())})
            self._failures += 0 if self._has_fence else 1
            self._counters.redis_errors["session"] += 1
        finally:
            self._session, self._has_fence = None, False
            self._receiver.session_lost()
            session.close("replaced")
            watch.cancel()
            self._fences.session_lost()

    async def _watch(self, session: Session) -> None:
        try:
            async with asyncio.timeout(FENCE_TIMEOUT_SECONDS):
                # Channels may have been joined while the session was opened.
                await self._subscribe(tuple(self._extra_channels))
        except TimeoutError:
            session.close(f"a subscription was not confirmed within {FENCE_TIMEOUT_SECONDS:.0f} s")
            return
        self._fences.session_started()
        while not session.ended.done():
            await asyncio.sleep(WATCH_SECONDS)
            if self._fences.seconds_overdue() > FENCE_TIMEOUT_SECONDS and not session.read_buffer.overloaded:
                session.close(f"a fence did not come back within {FENCE_TIMEOUT_SECONDS:.0f} s")
            elif self._fences.has_waiting or self.fence_age_seconds > FENCE_SECONDS:
                self._fences.issue()

    async def _subscribe(self, names: Sequence[str]) -> None:
        try:
            if self._session:
                await self._session.subscribe(names)
        except OSError:
            # The next session subscribes to them, and the joins get their fence from that one.
            logger.debug("subscribe_interrupted names=%(names)d", {"names": len(names)})
