"""
The source: always one session with the server that has the partition, replaced at once when it ends, and watched.

    Topology.primary ──► Session ──► lines, fences ──► Receiver       watch, four times a second: has a fence come
                            │                                         recently?
                            └─ ended, or the partition has moved ──► a new Session
                                 └─ its first fence, compared ──► Receiver.session_started() or session_forked()
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.address import RedisAddress
from sse_hub.broker.bus_watch import BusWatch
from sse_hub.broker.departure import Departure
from sse_hub.broker.fences import FenceIssuer
from sse_hub.broker.refusals import CLUSTER_DOWN
from sse_hub.broker.session import Session
from sse_hub.broker.topology import Primary, Topology
from sse_hub.config import Config
from sse_hub.errors import SourceUnavailable, error_text
from sse_hub.hub.backend import Receiver
from sse_hub.hub.counters import Counters
from sse_hub.hub.fence_history import Branch, FenceHistory
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# A fence is issued when none has come for this long, so that ids and the checkpoints of idle streams move on.
FENCE_SECONDS = 1.0
# A session is replaced when a fence has not come back for this long: it is dead, frozen, or on another server.
FENCE_TIMEOUT_SECONDS = 1.0
# The source is ready when a fence came back within this time.
READY_SECONDS = 3.0
# A server that was replaced is left at once when no fence has come for this long: it stands still, and nothing that is
# announced there would be heard in time. But when it goes on, it would order what lay in its socket.
SILENT_SECONDS = 1.5
WATCH_SECONDS = 0.25
# Longer than a session takes to be replaced, shorter than a client waits before it gives up.
JOIN_SECONDS = 3.0
BACKOFF_SECONDS = (0.0, 0.05, 0.1, 0.25, 0.5)


class RedisSource:
    """The `Source` of a hub: a Redis or Valkey server, or those that Sentinels or a cluster put in its place."""

    def __init__(
        self,
        config: Config,
        topology: Topology,
        commands: redis.asyncio.Redis,
        receiver: Receiver,
        fences: FenceHistory,
        counters: Counters,
    ) -> None:
        """`fences` has those that `receiver` has received."""
        loop = asyncio.get_running_loop()
        self._topology = topology
        self._receiver = receiver
        self._patterns = config.ingest
        self._extra_channels: dict[str, None] = {}
        self._counters = counters
        self._fences = FenceIssuer(commands, topology.partition, counters, loop, self._fence_refused)
        self._bus = BusWatch(commands, topology)
        self._departure = Departure(topology, self._note_invalid_fence)
        self._history = fences
        self._server_fences: list[int] = []
        self._loop = loop
        self._session: Session | None = None
        self._has_fence = False
        self._failures = 0
        # Why this server is refused; empty for one that is served.
        self.refusal = ""
        # The server of the present session, and that of the last one which has received a fence.
        self._primary: Primary | None = None
        self._ordered_by: Primary | None = None
        topology.on_move(self._leave_server)

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

    def _leave_server(self) -> None:
        """
        The partition has moved. At once, before any command goes to its new server: with what the rings have got from
        the old one, this process could take the lease there, and record lines of a dead branch.
        """
        if not self._session or not self._primary or self._topology.names(self._primary):
            return
        answers = self._has_fence and self.fence_age_seconds < SILENT_SECONDS
        if answers and self._receiver.session_leaving():
            self._departure.leave(self._session, self._primary)
        else:
            self._session.close(f"{self._topology.primary} has its place")
            self._receiver.session_lost()

    async def run(self) -> None:
        """Keep a session until cancelled, or none on a server that is refused."""
        while not self.refusal:
            await self._topology.wait_changed(BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)])
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
            if after := self._bus.take_broken(fence):
                self._receiver.lines_missing(after, "bus")
        else:
            self._has_fence = True
            self._failures = 0
            self._counters.redis_sessions += 1
            self._start(fence)
        self._fences.fence_received(fence)

    def fences_known(self, fences: list[int]) -> None:
        """Which fences the server has had before this session."""
        self._server_fences = fences

    def fence_unsettled(self, fence: int) -> None:
        """A node of a cluster has just begun to order the lines."""
        self._fences.fence_unsettled(fence)

    def channel_subscribed(self, channel: str) -> None:
        """See `Receiver`."""
        self._receiver.channel_subscribed(channel)

    def is_moved(self) -> bool:
        """Some hub leaves the server here. Not believed before the session is open."""
        if self._session is None or self._primary is None:
            return False
        return self._departure.is_announced(self._session, self._primary)

    def invalid_fence(self, payload: bytes, last: int) -> None:
        """Some other client has published on the fence channel. All are counted, the first one is logged."""
        if not self._counters.invalid_fences:
            logger.warning("invalid_fence payload=%(payload)r last=%(last)d", {"payload": payload[:32], "last": last})
        self._counters.invalid_fences += 1

    # The rest.

    def _note_invalid_fence(self, payload: bytes) -> None:
        self.invalid_fence(payload, self._fences.last)

    def _start(self, fence: int) -> None:
        """The session has received its first fence: what has become of the last one's lines?"""
        primary = self._primary
        assert primary, "fences come on a session"
        if self._topology.names(primary):
            # Its epoch may have become known only since the session was opened.
            primary = self._topology.primary
        before, self._ordered_by = self._ordered_by or primary, primary
        moved = before.identity != primary.identity
        # It may have been elsewhere for a moment, and have come back: that takes a new epoch.
        reason = "failover" if moved or before.epoch != primary.epoch else "recorder-down"
        branch, common = self._history.compare(self._server_fences, moved)
        if not self._history.last:
            # Should this be a dead branch, clients may get lines of it that came before this process.
            self._history.learn(self._server_fences)
        if branch is Branch.FORKED:
            self._receiver.session_forked(common, fence)
            self._bus.session_started(fence, told_since=common)
        else:
            self._bus.session_started(fence)
            if branch is Branch.BEHIND:
                self._history.note_lost(common)
            self._receiver.session_started(fence, reason)
        logger.info(
            "session_started fence=%(fence)d server=%(server)s branch=%(branch)s",
            {"fence": fence, "server": str(primary), "branch": branch.value},
        )

    def _fence_refused(self, why: str) -> None:
        """The server may not order lines now. Where a part of the cluster is away, lines go on at this node."""
        self._topology.suspect()
        still_named = self._primary is not None and self._topology.names(self._primary)
        if self._session and not (why.startswith(CLUSTER_DOWN) and still_named):
            self._session.close(f"no fence: {why}")

    async def _run_session(self) -> None:
        # The last session may have received a fence before it was completely opened.
        self._has_fence = False
        self._server_fences = []
        await self._topology.wait_asked()
        try:
            self._primary = primary = self._topology.primary
            session = await Session.open(
                RedisAddress.of(self._topology.servers, primary.server),
                primary,
                self._topology.partition,
                self,
                tuple(self._extra_channels),
                self._patterns,
                self._fences.last,
            )
        except (RedisError, OSError, TimeoutError, UnicodeError) as error:
            self._topology.suspect()
            if self._failures == 0:
                logger.warning("redis_unreachable error=%(error)r", {"error": error_text(error)})
            self._failures += 1
            self._counters.redis_errors["connect"] += 1
            return
        self._session = session
        # It may have moved while this session was opened.
        self._leave_server()
        if self.refusal:
            # It came while this session was opened.
            session.close(self.refusal)
        watches = [self._loop.create_task(self._watch(session), name="session-watch")]
        if self._topology.kind == "cluster":
            bus_watch = self._bus.run(primary, lambda: self._fences.last, self._fences.issue)
            watches.append(self._loop.create_task(bus_watch, name="bus-watch"))
        try:
            await asyncio.wait((session.ended, *watches), return_when=asyncio.FIRST_COMPLETED)
            for watch in watches:
                if watch.done():
                    # It ends before the session only if there is a bug.
                    watch.result()
            logger.warning("session_ended reason=%(reason)r", {"reason": str(session.ended.exception())})
            self._failures += 0 if self._has_fence else 1
            self._counters.redis_errors["session"] += 1
        finally:
            self._topology.suspect()
            self._departure.cancel()
            self._session, self._has_fence = None, False
            self._receiver.session_lost()
            session.close("replaced")
            self._fences.session_lost()
            # One that lost its cancellation would go on beside those of the next session.
            await cancel_and_wait(watches)

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
