"""
A session: one connection to Redis that receives pub/sub pushes. It never reconnects; any error ends it.

    open(): may this server order the lines? which fences does it have? --> subscribed
    socket --> hiredis reader --> fences and lines, in the order of Redis --> SessionEvents

The pub/sub client of redis-py reconnects by itself and does not report that lines were lost, hence this one.
Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2) and
https://redis.io/docs/latest/develop/pubsub/#wire-protocol-version.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, Protocol, cast

import hiredis

from sse_hub.broker.address import RedisAddress
from sse_hub.broker.keys import Partition
from sse_hub.broker.read_buffer import ReadBuffer
from sse_hub.broker.refusals import refusal
from sse_hub.broker.topology import Primary
from sse_hub.protocol.patterns import matches

CONNECT_SECONDS = 2.0
# The clocks of hub and Redis must differ by less than this; `lua/clock.lua` has the same limit.
MAX_FENCE_AHEAD_MS = 86_400_000
# In a cluster, a node's fences in its first moments are not counted from: a line that was published about when it began
# may stand before a fence here, and have stood after one of the node before there. `lua/clock.lua` has the same.
SETTLE_MS = 100
# `sse-hub:fences` has not many more.
MAX_FENCES = 2_000
# Instead of a fence: the primary that Sentinels name is another one, and all hubs are to leave this server here.
MOVED = b"moved"
CLUSTER_FENCE = re.compile(rb"(\d{1,16}) ([0-9a-f]{40}) (\d{1,16})")


class SessionEvents(Protocol):
    """The owner of a session, which gets what it receives, in order."""

    def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """Payloads by channel, all of them after the last fence."""

    def fence_received(self, fence: int) -> None:
        """A fence: what follows came after it."""

    def fences_known(self, fences: list[int]) -> None:
        """The fences that the server has had before this session, see `Partition.fences`; rising."""

    def channel_subscribed(self, channel: str) -> None:
        """Redis has confirmed the subscription to `channel`: its lines come from here on."""

    def fence_unsettled(self, fence: int) -> None:
        """A fence, but not one that lines can be counted from; one that is issued SETTLE_MS later is."""

    def is_moved(self) -> bool:
        """Some hub leaves this server here. If True, nothing more is received until resume() is called."""

    def invalid_fence(self, payload: bytes, last: int) -> None:
        """`payload` came on the fence channel, and can't be a fence after `last`."""


class SessionEnded(ConnectionError):
    """The connection was lost, or Redis sent something after which the session can't continue."""


class CommandRefused(SessionEnded):
    """Redis refused a command."""


class Session(asyncio.Protocol):
    """One connection. `ended` is done, with the reason as its exception, when it is over."""

    def __init__(
        self,
        events: SessionEvents,
        fence_channel: str,
        patterns: Sequence[str],
        last_fence: int,
        loop: asyncio.AbstractEventLoop,
        node: str = "",
    ) -> None:
        # The channels, by name, whose subscription Redis has confirmed.
        self.subscribed: set[str] = set()
        # While True, what comes waits.
        self.halted = False
        self.ended: asyncio.Future[None] = loop.create_future()
        # Retrieves the reason: asyncio would report it for a session whose end nobody waits for.
        self.ended.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._events = events
        self._fence_channel = fence_channel.encode()
        self._loop = loop
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        # While it is overloaded, a fence may wait in it.
        self.read_buffer = ReadBuffer(self._take, loop)
        self._replies: list[asyncio.Future[Any]] = []
        self._confirmations: dict[tuple[bytes, bytes], asyncio.Future[None]] = {}
        self._owner = _owner_of(patterns) if len(patterns) > 1 else None
        self._last_fence = last_fence
        # In a cluster: this server, and the tenure of the node that orders the lines, as far as is known.
        self._node = node.encode()
        self._tenure = 0
        self._settled_from = 0
        self._replaced_by = b""

    @classmethod
    async def open(
        cls,
        address: RedisAddress,
        primary: Primary,
        partition: Partition,
        events: SessionEvents,
        channels: Sequence[str],
        patterns: Sequence[str],
        last_fence: int,
    ) -> "Session":
        """
        A session with `primary`, at `address`, that is subscribed to fences, `channels` and `patterns`. Fences up to
        `last_fence` are invalid.

        Raises OSError (SessionEnded is one) or TimeoutError when the server can't be reached or refuses a command, and
        when it is not the one to order the lines of `partition`.
        """
        loop = asyncio.get_running_loop()
        async with _answer_in_time(address):
            session = await address.connect(
                lambda: cls(events, partition.fence_channel, patterns, last_fence, loop, primary.node)
            )
            try:
                if address.credentials:
                    await session._command("AUTH", *address.credentials)
                with suppress(CommandRefused):
                    # Shown by CLIENT LIST. An account may lack the right to it.
                    await session._command("CLIENT", "SETNAME", "sse-hub:session")
                await session._prove(partition)
                # Fences last: lines could not be counted from a fence of another hub that came between two
                # subscriptions.
                await session.subscribe((*channels, partition.fence_channel), patterns)
            except BaseException:
                session.close("not opened")
                raise
        return session

    async def subscribe(self, channels: Iterable[str], patterns: Iterable[str] = ()) -> None:
        """Subscribe to `patterns`, then to `channels`; return when all are confirmed. Raises SessionEnded."""
        names = [name for name in channels if name not in self.subscribed]
        confirmations = self._request("PSUBSCRIBE", patterns) + self._request("SUBSCRIBE", names)
        # Shielded: others may wait for the same confirmation, and a caller that is cancelled must not cancel it.
        await asyncio.gather(*map(asyncio.shield, confirmations))

    def unsubscribe(self, channels: Sequence[str]) -> None:
        """Unsubscribe from `channels`. Lines that are on their way still come."""
        self.subscribed.difference_update(channels)
        if channels:
            self._send("UNSUBSCRIBE", *channels)

    def resume(self) -> None:
        """Receive what has come since the session was halted."""
        self.halted = False
        self._take(b"")

    def close(self, reason: str) -> None:
        """End the session now."""
        self._end(SessionEnded(reason))

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast: uvloop's transports don't derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self.read_buffer.start(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        # What was received is still processed.
        self.read_buffer.finish(lambda: self._end(SessionEnded(f"connection lost: {error or 'closed by Redis'}")))

    def data_received(self, data: bytes) -> None:
        self.read_buffer.add(data)

    # The rest.

    async def _prove(self, partition: Partition) -> None:
        """
        Learn whether this server may order the lines now, and which fences it has, on this very connection: another one
        could be with another server. Raises SessionEnded.
        """
        if self._node and (node := await self._command("CLUSTER", "MYID")) != self._node:
            raise SessionEnded(f"node {node.decode()} answers at the address of node {self._node.decode()}")
        try:
            # A write that changes nothing. A replica refuses it, a node that does not own the slot, and a primary that
            # too few replicas follow.
            await self._command("SET", partition.clock, "0", "NX")
        except CommandRefused as error:
            # A full server, or an account without this right, can still order lines.
            if refusal(str(error)):
                raise
        if b"replica" in await self._role():
            # One that takes writes all the same (`replica-read-only no`): its primary never gets them.
            raise SessionEnded("this server is a replica")
        if self._node:
            clock = CLUSTER_FENCE.fullmatch(await self._command("GET", partition.clock) or b"")
            self._tenure = int(clock[3]) if clock else 0
        with suppress(CommandRefused):
            # An account of before may lack the right to it.
            newest = await self._command("XREVRANGE", partition.fences, "+", "-", "COUNT", str(MAX_FENCES))
            self._events.fences_known([int(id.partition(b"-")[0]) for id, _ in reversed(newest)])

    async def _role(self) -> Any:
        """What the server says that it is; nothing if it does not know the question, as a proxy may not."""
        try:
            hello = await self._command("HELLO", "2")
        except CommandRefused:
            return ()
        return [role for name, role in zip(hello[::2], hello[1::2], strict=False) if name == b"role"]

    def _take(self, data: bytes) -> None:
        if self.ended.done():
            return
        self._reader.feed(data)
        if self.halted:
            return
        try:
            self._receive()
        except (hiredis.ProtocolError, SessionEnded) as error:
            self._end(SessionEnded(str(error)))
        except BaseException as error:
            # Redis never sends this, or there is a bug: what came with it is lost, and only a new session makes a gap.
            self._end(SessionEnded(f"not understood: {error!r}"))
            raise

    def _receive(self) -> None:
        # All pushes of one read are one batch, cut only where a fence comes between them.
        gets = self._reader.gets
        owner, fence_channel = self._owner, self._fence_channel
        payloads: dict[bytes, list[bytes]] = {}
        while (push := gets()) is not False:
            if type(push) is list and push:
                kind = push[0]
                if kind == b"pmessage":
                    _, pattern, channel, payload = push
                    # If patterns overlap, a line comes once for each of them.
                    if owner is None or owner(channel) == pattern:
                        payloads.setdefault(channel, []).append(payload)
                    continue
                if kind == b"message":
                    _, channel, payload = push
                    if channel != fence_channel:
                        payloads.setdefault(channel, []).append(payload)
                        continue
                    payloads = self._take_fence(payload, payloads)
                    if self.halted:
                        return
                    continue
            self._answer(push)
        if payloads:
            self._events.lines_received(payloads)

    def _take_fence(self, payload: bytes, payloads: dict[bytes, list[bytes]]) -> dict[bytes, list[bytes]]:
        """Pass on the lines before the fence in `payload`, and the fence. Returns the lines not passed on."""
        if payload == MOVED and not self._node:
            if payloads:
                self._events.lines_received(payloads)
            self.halted = self._events.is_moved()
            return {}
        fence = self._parse_fence(payload)
        if not fence and not self._replaced_by:
            return payloads
        if payloads:
            self._events.lines_received(payloads)
        if not fence:
            # The lines before came in the order that all had at this node.
            raise SessionEnded(f"node {self._replaced_by.decode()} orders the lines now")
        if fence < self._settled_from:
            self._events.fence_unsettled(fence)
        else:
            self._events.fence_received(fence)
        return {}

    def _parse_fence(self, payload: bytes) -> int:
        """The fence in `payload`; 0 if it is none of this server. Then `_replaced_by` may be set."""
        node, tenure = b"", 0
        if not self._node:
            fence = int(payload) if payload.isdigit() and len(payload) <= 16 else 0
        elif words := CLUSTER_FENCE.fullmatch(payload):
            fence, node, tenure = int(words[1]), words[2], int(words[3])
        else:
            fence = 0
        # Any client that may PUBLISH can write to the fence channel. A number that does not rise, or that is far ahead,
        # can't be a fence of the script.
        if not max(tenure - 1, 0) < fence < time.time() * 1000 + MAX_FENCE_AHEAD_MS:
            self._events.invalid_fence(payload, self._last_fence)
            return 0
        if node != self._node:
            # It came over the bus. A fence of a past tenure lay in the socket of a server that was frozen until now.
            if tenure > self._tenure:
                self._replaced_by = node
            return 0
        if fence <= self._last_fence:
            self._events.invalid_fence(payload, self._last_fence)
            return 0
        self._last_fence, self._tenure = fence, tenure
        self._settled_from = tenure + SETTLE_MS if node else 0
        return fence

    def _answer(self, push: Any) -> None:
        # Commands are answered before the first subscription, and nothing is pushed before that.
        if self._replies:
            reply = self._replies.pop(0)
            if reply.done():
                return
            if isinstance(push, Exception):
                reply.set_exception(CommandRefused(str(push)))
            else:
                reply.set_result(push)
        elif isinstance(push, list) and push:
            self._confirm(push)
        else:
            raise SessionEnded(f"refused: {push}" if isinstance(push, Exception) else f"unexpected reply {push!r}")

    def _confirm(self, push: list[Any]) -> None:
        kind, name, *_ = push
        if kind in (b"unsubscribe", b"punsubscribe", b"pong"):
            return
        confirmed = self._confirmations.pop((kind, name), None)
        if confirmed is None:
            raise SessionEnded(f"unexpected push {push[:2]!r}")
        if kind == b"subscribe" and name != self._fence_channel:
            self.subscribed.add(name.decode())
            self._events.channel_subscribed(name.decode())
        if not confirmed.done():
            confirmed.set_result(None)

    def _request(self, command: str, names: Iterable[str]) -> list[asyncio.Future[None]]:
        # One request for each name: a caller that comes before the confirmation waits for the same one.
        kind = command.lower().encode()
        keys = [(kind, name.encode()) for name in names]
        new = [key for key in keys if key not in self._confirmations]
        self._confirmations |= {key: self._loop.create_future() for key in new}
        if new:
            self._send(command, *(name.decode() for _, name in new))
        return [self._confirmations[key] for key in keys]

    async def _command(self, *words: str) -> Any:
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._replies.append(reply)
        self._send(*words)
        return await reply

    def _send(self, *words: str) -> None:
        if self._transport is None or self.ended.done():
            raise SessionEnded("the session has ended")
        self._transport.write(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub takes one word only

    def _end(self, error: SessionEnded) -> None:
        if self.ended.done():
            return
        self.ended.set_exception(error)
        for waiting in (*self._replies, *self._confirmations.values()):
            if not waiting.done():
                waiting.set_exception(error)
        if self._transport:
            self._transport.abort()


@asynccontextmanager
async def _answer_in_time(address: RedisAddress) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            yield
    except TimeoutError:
        # A server without TLS takes the beginning of a handshake for a part of a command, and waits for the rest.
        hint = "; does this port speak TLS?" if address.tls else ""
        raise TimeoutError(f"no answer within {CONNECT_SECONDS:.0f} s{hint}") from None


def _owner_of(patterns: Sequence[str]) -> Callable[[bytes], bytes]:
    @lru_cache(maxsize=65_536)
    def owner(channel: bytes) -> bytes:
        name = channel.decode("ascii", "replace")
        return next((each.encode() for each in patterns if matches(each, name)), b"")

    return owner
