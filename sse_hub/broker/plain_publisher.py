"""
Publishes lines by PUBLISH, each at most once, where the hubs are.

    lines --> PUBLISH ... --> a reply for each      nobody there, and the partition has moved --> there, again

It has its own connection: a client that repeats a command after a disconnect would publish lines twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.connect import publisher_topology, topology_connection
from sse_hub.broker.keys import Partition
from sse_hub.broker.receivers import ReceiverCheck, Reply, unheard


class Replies(NamedTuple):
    """A reply for each line, see Reply; `error` is why some are None."""

    of_lines: list[Reply]
    error: RedisError | OSError | None = None


class PlainPublisher:
    """Raises InvalidSetting if `redis_url` can't be used."""

    def __init__(self, redis_url: str) -> None:
        self._topology = publisher_topology(redis_url, Partition())
        self._connection = topology_connection(self._topology)
        self._check = ReceiverCheck()

    async def connect(self) -> None:
        """Connect, unless it is connected. Raises RedisError, OSError."""
        try:
            await self._connection.connect()
        except (RedisError, OSError):
            await self.close()
            raise

    async def publish(self, lines: Sequence[tuple[str, str | bytes]]) -> Replies:
        """Publish `lines`, channels and texts, in order, after connect(). After an error it is not connected."""
        sent = await self._send(lines)
        if sent.error or not await self._hubs_have_moved(lines, sent.of_lines):
            return sent
        await self.close()
        if self._topology.kind == "cluster":
            # Its nodes send each other what is published: the hubs may have got it all the same.
            return sent
        try:
            await self.connect()
        except (RedisError, OSError):
            return sent
        places = unheard(sent.of_lines)
        again = await self._send([lines[at] for at in places])
        for at, reply in zip(places, again.of_lines, strict=True):
            sent.of_lines[at] = reply
        return Replies(sent.of_lines, again.error)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        await self._connection.disconnect(nowait=True)

    async def _send(self, lines: Sequence[tuple[str, str | bytes]]) -> Replies:
        replies: list[Reply] = []
        try:
            commands = [("PUBLISH", channel, line) for channel, line in lines]
            await self._connection.send_packed_command(self._connection.pack_commands(commands))
            for _ in lines:
                try:
                    replies.append(await self._connection.read_response())
                except ResponseError as error:
                    replies.append(error)
        except (RedisError, OSError) as error:
            await self.close()
            return Replies(replies + [None] * (len(lines) - len(replies)), error)
        return Replies(replies)

    async def _hubs_have_moved(self, lines: Sequence[tuple[str, str | bytes]], replies: Sequence[Reply]) -> bool:
        of_channels = ((channel, reply) for (channel, _), reply in zip(lines, replies, strict=True))
        if self._topology.kind == "single" or not self._check.due(of_channels):
            return False
        try:
            primary = await self._topology.find()
        except (RedisError, OSError):
            # Nobody says so.
            return False
        return not self._connection.leads_to(primary)
