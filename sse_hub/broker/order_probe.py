"""
The probe of order: measures whether all sessions to a server get fences and lines in the same order.

    4 publishers ──► lines ───────────┐                ┌──► 2 sessions: each counts the ids, as a hub does
    a fence in each round of lines ───┴──► the server ─┘         └──► the same ids? --> OrderMeasurement

It is measured because neither name nor version says it: a server with several threads, or a proxy in front of several
servers, answers every command and may keep no order.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from typing import NamedTuple

from redis.asyncio.connection import AbstractConnection

from sse_hub.broker.keys import PROBE_CHANNELS, PROBE_PATTERN, Partition

PROBE_SECONDS = 3.0
# For lines that come after a later reply on the same connection: only a server that keeps no order sends such.
LATE_SECONDS = 0.5
SESSIONS = 2
PUBLISHERS = 4
# Of a publisher in a round. With them, a round has about as many lines as there are between two fences under load.
GROUP_LINES = 12

Connect = Callable[[], AbstractConnection]
"""Makes a connection to the server that is not connected yet."""


class OrderMeasurement(NamedTuple):
    """
    What the probe has found: of `lines`, `different` had another id in each session, and `lost` did not come to all.

    `lost` counts fences, too.
    """

    lines: int
    different: int
    lost: int

    @property
    def kept(self) -> bool:
        """True when the server keeps the order, so that a hub can work with it."""
        return not self.different and not self.lost

    @property
    def fault(self) -> str:
        """What is wrong with a server that does not keep the order, and what to do."""
        return (
            f"The server does not keep the order of lines: of {self.lines}, {self.different} got different ids in two "
            f"sessions, and {self.lost} were lost; use a Redis or Valkey that handles commands in one thread, not a "
            "proxy or another product in its place"
        )


async def measure_order(
    connect: Connect, partition: Partition, lines: int, seconds: float = PROBE_SECONDS
) -> OrderMeasurement:
    """
    Publish `lines` lines, rounded up to whole rounds, where no hub serves them, and compare their ids in two sessions.

    Raises NoPermissionError if the account may not use the probe's channels, and another RedisError or OSError
    (TimeoutError after `seconds`) if the server can't be measured now.
    """
    # Several hubs may measure at the same time.
    token = secrets.token_hex(8)
    async with asyncio.timeout(seconds), AsyncExitStack() as stack:
        # The last one publishes the fences.
        connections = [await stack.enter_async_context(_connected(connect)) for _ in range(SESSIONS + PUBLISHERS + 1)]
        # Known by now: the URL may have named a node of a cluster.
        fences = partition.probe_fence_channel
        sessions = [_CountingSession(each, token, fences) for each in connections[:SESSIONS]]
        for session in sessions:
            await session.subscribe()
        published = await _publish(connections[SESSIONS:], token, fences, lines)
        await asyncio.gather(*(session.receive(published) for session in sessions))
    return _compare(sessions, published)


class _CountingSession:
    """A connection that is subscribed as a session of a hub is, and the ids of what it has received."""

    def __init__(self, connection: AbstractConnection, token: str, fence_channel: str) -> None:
        # By payload: the last fence before it, and its number after that on its channel.
        self.ids: dict[bytes, tuple[int, int]] = {}
        self._connection = connection
        self._token = token.encode()
        self._fence_channel = fence_channel
        self._fence = 0
        self._counts: dict[bytes, int] = {}

    async def subscribe(self) -> None:
        # As a hub: lines by pattern, then fences by name.
        for command, name in (("PSUBSCRIBE", PROBE_PATTERN), ("SUBSCRIBE", self._fence_channel)):
            await self._connection.send_command(command, name)
            # Of another hub's probe, lines may come before the confirmation.
            while (await self._push())[0] != command.lower().encode():
                pass

    async def receive(self, published: set[bytes]) -> None:
        """
        Read until all of `published` has come, or what is missing is late.

        A reply to PING follows on the same connection what was published before, wherever order is kept.
        """
        await self._connection.send_command("PING")
        while (push := await self._push())[0].lower() != b"pong":
            self._count(push)
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_SECONDS):
                while published - self.ids.keys():
                    self._count(await self._push())

    async def _push(self) -> list[bytes]:
        push = await self._connection.read_response(disable_decoding=True, push_request=True)
        # The reply to PING is a list in RESP2, a word in RESP3.
        return push if isinstance(push, list) else [push]

    def _count(self, push: list[bytes]) -> None:
        if push[0] not in (b"message", b"pmessage"):
            return
        channel, payload = push[-2:]
        if not payload.startswith(self._token):
            return
        _, kind, number = payload.split()
        if kind == b"line":
            self._counts[channel] = self._counts.get(channel, 0) + 1
            self.ids[payload] = self._fence, self._counts[channel]
        # In a standalone server the pattern covers this channel, too. As in a hub, a fence that does not rise is none.
        elif push[0] == b"message":
            self.ids[payload] = int(number), 0
            if int(number) > self._fence:
                self._fence = int(number)
                self._counts.clear()


async def _publish(connections: list[AbstractConnection], token: str, fence_channel: str, lines: int) -> set[bytes]:
    """Publish in rounds: all connections at the same time, then their replies. Returns the payloads."""
    *publishers, issuer = connections
    published: set[bytes] = set()
    numbers = count()
    for fence in range(1, -(-lines // (len(publishers) * GROUP_LINES)) + 1):
        sent = [(each, [_line(token, next(numbers)) for _ in range(GROUP_LINES)]) for each in publishers]
        # Among the others, each time at another place.
        sent.insert(fence % len(connections), (issuer, [(fence_channel, f"{token} fence {fence}")]))
        for connection, group in sent:
            await connection.send_packed_command(connection.pack_commands([("PUBLISH", *each) for each in group]))
        for connection, group in sent:
            for _, payload in group:
                await connection.read_response()
                published.add(payload.encode())
    return published


def _line(token: str, number: int) -> tuple[str, str]:
    return PROBE_CHANNELS[number % len(PROBE_CHANNELS)], f"{token} line {number}"


def _compare(sessions: list[_CountingSession], published: set[bytes]) -> OrderMeasurement:
    ids = [session.ids for session in sessions]
    everywhere = [payload for payload in published if all(payload in each for each in ids)]
    return OrderMeasurement(
        lines=sum(b" line " in payload for payload in published),
        different=sum(len({each[payload] for each in ids}) > 1 for payload in everywhere),
        lost=len(published) - len(everywhere),
    )


@asynccontextmanager
async def _connected(connect: Connect) -> AsyncIterator[AbstractConnection]:
    connection = connect()
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        yield connection
    finally:
        await connection.disconnect(nowait=True)
