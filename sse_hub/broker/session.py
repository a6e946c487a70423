"""
A session: one connection to Redis that receives pub/sub pushes. It never reconnects; any error ends it.

    socket --> hiredis reader --> fences and lines, in the order of Redis --> SessionEvents

The pub/sub client of redis-py reconnects by itself and does not report that lines were lost, hence this one.
Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2) and
https://redis.io/docs/latest/develop/pubsub/#wire-protocol-version.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, Protocol, cast

import hiredis

from sse_hub.broker.connect import RedisAddress
from sse_hub.broker.keys import Partition
from sse_hub.broker.read_buffer import ReadBuffer
from sse_hub.protocol.patterns import matches

CONNECT_SECONDS = 2.0
# The clocks of hub and Redis must differ by less than this; `lua/clock.lua` has the same limit.
MAX_FENCE_AHEAD_MS = 86_400_000


class SessionEvents(Protocol):
    """The owner of a session, which gets what it receives, in order."""

    def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        """Payloads by channel, all of them after the last fence."""

    def fence_received(self, fence: int) -> None:
        """A fence: what follows came after it."""

    def channel_subscribed(self, channel: str) -> None:
        """Redis has confirmed the subscription to `channel`: its lines come from here on."""

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
    ) -> None:
        # The channels, by name, whose subscription Redis has confirmed.
        self.subscribed: set[str] = set()
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
        self._replies: list[asyncio.Future[None]] = []
        self._confirmations: dict[tuple[bytes, bytes], asyncio.Future[None]] = {}
        self._owner = _owner_of(patterns) if len(patterns) > 1 else None
        self._last_fence = last_fence

    @classmethod
    async def open(
        cls,
        url: str,
        partition: Partition,
        events: SessionEvents,
        channels: Sequence[str],
        patterns: Sequence[str],
        last_fence: int,
    ) -> "Session":
        """
        A session that is subscribed to fences, `channels` and `patterns`. Fences up to `last_fence` are invalid.

        Raises OSError (SessionEnded is one) or TimeoutError when Redis can't be reached or refuses a command.
        """
        loop = asyncio.get_running_loop()
        address = RedisAddress.parse(url)
        async with _answer_in_time(address):
            session = await address.connect(lambda: cls(events, partition.fence_channel, patterns, last_fence, loop))
            try:
                if address.credentials:
                    await session._command("AUTH", *address.credentials)
                with suppress(CommandRefused):
                    # Shown by CLIENT LIST. An account may lack the right to it.
                    await session._command("CLIENT", "SETNAME", "sse-hub:session")
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

    def _take(self, data: bytes) -> None:
        if self.ended.done():
            return
        self._reader.feed(data)
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
            if type(push) is list:
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
        # Any client that may PUBLISH can write to the fence channel. A number that does not rise, or that is far ahead,
        # can't be a fence of the script.
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

    async def _command(self, *words: str) -> None:
        reply: asyncio.Future[None] = self._loop.create_future()
        self._replies.append(reply)
        self._send(*words)
        await reply

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
