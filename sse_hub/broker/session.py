"""
A session: one TCP connection that receives pub/sub pushes. It never reconnects; any error ends it.

    socket --> hiredis reader --> fences and lines, in Redis's order --> Receiver

redis-py's own pub/sub client reconnects by itself and says nothing of the lines it lost, hence this one.
Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2) and
https://redis.io/docs/latest/develop/pubsub/#wire-protocol-version.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Protocol, cast

import hiredis

from sse_hub.broker.connect import RedisAddress
from sse_hub.broker.keys import FENCE_CHANNEL
from sse_hub.broker.read_buffer import ReadBuffer
from sse_hub.protocol.selection import matches

CONNECT_SECONDS = 2.0
FENCE = FENCE_CHANNEL.encode()
# Clocks of hubs and Redis may differ by less than this; `lua/fence.lua` has the same limit.
MAX_FENCE_AHEAD_MS = 86_400_000


class SessionEvents(Protocol):
    """Who is told what a session receives."""

    def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """Lines by channel, all after the last fence told of."""

    def fence_received(self, fence: int) -> None:
        """A fence; what is told of next came after it."""

    def channel_subscribed(self, channel: str) -> None:
        """Redis has confirmed a channel asked for by name: its lines come from here on."""

    def invalid_fence(self, payload: bytes, last: int) -> None:
        """`payload`, which can't be a fence after `last`, has come as one."""


class SessionEnded(ConnectionError):
    """The connection broke, or Redis said something a session can't go on after."""


class CommandRefused(SessionEnded):
    """Redis refused a command."""


class Session(asyncio.Protocol):
    """One connection. `ended` is done, with the reason as its exception, when it is over."""

    def __init__(
        self, receiver: SessionEvents, patterns: Sequence[str], last_fence: int, loop: asyncio.AbstractEventLoop
    ) -> None:
        # The channels by name for which Redis has confirmed the subscription.
        self.subscribed: set[str] = set()
        self.ended: asyncio.Future[None] = loop.create_future()
        # A session that nobody waits for ends like any other; asyncio would report its reason as never retrieved.
        self.ended.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._events = receiver
        self._loop = loop
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        # While it is flooded, a fence may be waiting in it.
        self.read_buffer = ReadBuffer(self._take, loop)
        self._replies: list[asyncio.Future[None]] = []
        self._confirmations: dict[tuple[bytes, bytes], asyncio.Future[None]] = {}
        self._owner = _owner_of(patterns) if len(patterns) > 1 else None
        self._last_fence = last_fence

    @classmethod
    async def open(
        cls, url: str, events: SessionEvents, channels: Sequence[str], patterns: Sequence[str], last_fence: int
    ) -> "Session":
        """
        A session that is subscribed to fences, `channels` and `patterns`. Fences up to `last_fence` don't count.

        Raises OSError (SessionEnded is one) or TimeoutError when Redis can't be reached or refuses.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            address = RedisAddress.parse(url)
            session = await address.connect(lambda: cls(events, patterns, last_fence, loop))
            try:
                if address.credentials:
                    await session._command("AUTH", *address.credentials)
                with suppress(CommandRefused):
                    # For who reads CLIENT LIST; an account may lack the right to it.
                    await session._command("CLIENT", "SETNAME", "sse-hub:session")
                # Fences last: a fence of another hub that came between two subscriptions would be a point from which
                # not every line can be counted.
                await session.subscribe((*channels, FENCE_CHANNEL), patterns)
            except BaseException:
                session.close("not opened")
                raise
        return session

    async def subscribe(self, channels: Iterable[str], patterns: Iterable[str] = ()) -> None:
        """Subscribe to `patterns`, then to `channels`; return when all are confirmed. Raises SessionEnded."""
        names = [name for name in channels if name not in self.subscribed]
        confirmed = self._confirmed("PSUBSCRIBE", patterns) + self._confirmed("SUBSCRIBE", names)
        # Shielded: others may wait for the same confirmation, and who goes must not take it from them.
        await asyncio.gather(*map(asyncio.shield, confirmed))

    def unsubscribe(self, channels: Sequence[str]) -> None:
        """Ask for no more of `channels`; what is on its way still comes."""
        self.subscribed.difference_update(channels)
        if channels:
            self._send("UNSUBSCRIBE", *channels)

    def close(self, reason: str) -> None:
        """End the session now."""
        self._end(SessionEnded(reason))

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast: uvloop's transports don't derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self.read_buffer.start(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        # What has come counts.
        self.read_buffer.finish(lambda: self._end(SessionEnded(f"connection lost: {error or 'closed by Redis'}")))

    def data_received(self, data: bytes) -> None:
        self.read_buffer.add(data)

    # The rest.

    def _take(self, data: bytes) -> None:
        if self.ended.done():
            return
        self._reader.feed(data)
        try:
            self._receive()
        except (hiredis.ProtocolError, SessionEnded) as error:
            self._end(SessionEnded(str(error)))
        except BaseException as error:
            # What Redis never says, or a fault of ours: what has come with it is lost, and only a new session says so.
            self._end(SessionEnded(f"not understood: {error!r}"))
            raise

    def _receive(self) -> None:
        # All pushes of one read are one batch, cut only where a fence stands between them.
        gets = self._reader.gets
        owner = self._owner
        payloads: dict[bytes, list[bytes]] = {}
        while (push := gets()) is not False:
            if type(push) is list:
                kind = push[0]
                if kind == b"pmessage":
                    _, pattern, channel, payload = push
                    # Where patterns overlap, a line comes once for each of them.
                    if owner is None or owner(channel) == pattern:
                        payloads.setdefault(channel, []).append(payload)
                    continue
                if kind == b"message":
                    _, channel, payload = push
                    if channel != FENCE:
                        payloads.setdefault(channel, []).append(payload)
                        continue
                    fence = self._parse_fence(payload)
                    if fence:
                        if payloads:
                            self._events.lines_received(payloads)
                            payloads = {}
                        self._events.fence_received(fence)
                    continue
            self._answer(push)
        if payloads:
            self._events.lines_received(payloads)

    def _parse_fence(self, payload: bytes) -> int:
        # Anybody who may PUBLISH can write to the fence channel. What does not rise, or lies far ahead, can't be a
        # fence of the script.
        fence = int(payload) if payload.isdigit() and len(payload) <= 16 else 0
        if not self._last_fence < fence < time.time() * 1000 + MAX_FENCE_AHEAD_MS:
            self._events.invalid_fence(payload, self._last_fence)
            return 0
        self._last_fence = fence
        return fence

    def _answer(self, push: Any) -> None:
        if isinstance(push, list):
            self._confirm(push)
        elif not self._replies:
            raise SessionEnded(f"refused: {push}" if isinstance(push, Exception) else f"unexpected reply {push!r}")
        else:
            reply = self._replies.pop(0)
            if reply.done():
                return
            if isinstance(push, Exception):
                reply.set_exception(CommandRefused(str(push)))
            else:
                reply.set_result(None)

    def _confirm(self, push: list[Any]) -> None:
        kind, name, *_ = push
        if kind in (b"unsubscribe", b"punsubscribe", b"pong"):
            return
        confirmed = self._confirmations.pop((kind, name), None)
        if confirmed is None:
            raise SessionEnded(f"unexpected push {push[:2]!r}")
        if kind == b"subscribe" and name != FENCE:
            self.subscribed.add(name.decode())
            self._events.channel_subscribed(name.decode())
        if not confirmed.done():
            confirmed.set_result(None)

    def _confirmed(self, command: str, names: Iterable[str]) -> list[asyncio.Future[None]]:
        # One request a name: whoever asks while it is under way waits for the same confirmation.
        kind = command.lower().encode()
        keys = [(kind, name.encode()) for name in names]
        new = [key for key in keys if key not in self._confirmations]
        self._confirmations |= {key: self._loop.create_future() for key in new}
        if new:
            self._send(command, *(name.decode() for _, name in new))
        return [self._confirmations[key] for key in keys]

    async def _command(self, *words: str) -> None:
        reply: asyncio.Future[None] = self._loop.create_future()
        self._replies.append(reply)
        self._send(*words)
        await reply

    def _send(self, *words: str) -> None:
        if self._transport is None or self.ended.done():
            raise SessionEnded("the session has ended")
        self._transport.write(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub wants one word only

    def _end(self, error: SessionEnded) -> None:
        if self.ended.done():
            return
        self.ended.set_exception(error)
        for waiting in (*self._replies, *self._confirmations.values()):
            if not waiting.done():
                waiting.set_exception(error)
        if self._transport:
            self._transport.abort()


def _owner_of(patterns: Sequence[str]) -> Callable[[bytes], bytes]:
    @lru_cache(maxsize=65_536)
    def owner(channel: bytes) -> bytes:
        name = channel.decode("ascii", "replace")
        return next((each.encode() for each in patterns if matches(each, name)), b"")

    return owner
