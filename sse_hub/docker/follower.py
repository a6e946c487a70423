"""
One container: its log from where it was left, again and again, as it stops and starts.

    log since position --> messages --> Tracker: what is new --> lines --> Batch --> Sender

An engine that can be trusted to follow a log is asked to. From another one the log is read again from the position
whenever the container prints, which following still tells.
"""

import asyncio
import logging
import time
from contextlib import aclosing, suppress
from typing import NamedTuple

from sse_hub.docker.containers import Container
from sse_hub.docker.engine import Condition, Engine
from sse_hub.docker.messages import NANOSECONDS, STDERR, STDOUT, Decoder, Message, Multiplexed, Terminal
from sse_hub.docker.positions import Positions, time_of_position, token
from sse_hub.docker.tracker import Tracker
from sse_hub.errors import ContainerGone, EngineUnavailable
from sse_hub.ship.reader import Batch
from sse_hub.ship.sender import Sender
from sse_hub.tasks import cancelled

logger = logging.getLogger(__name__)

# What one stream has printed may stand this much after what the other has, with a later time.
SLACK_SECONDS = 2
SOON_SECONDS = 0.2
# Of the time, a container's log is read no more than one part in so many.
BUSY_FACTOR = 4
# An engine that misses lines may miss the last one for long.
IDLE_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 5.0
BATCH_LINES = 500
BATCH_BYTES = 262_144


class Rest(NamedTuple):
    """Wait `seconds`, and then for something to happen, `at_most` so long; None is for ever."""

    seconds: float
    at_most: float | None


class Follower:
    """
    Follows `container`, which is set anew as it changes, until it is removed. `idle` is true while it does not run.
    """

    def __init__(self, engine: Engine, sender: Sender, positions: Positions, container: Container) -> None:
        self.container = container
        self.idle = False
        self._engine = engine
        self._sender = sender
        self._positions = positions
        self._wake = asyncio.Event()
        self._trackers: dict[int, Tracker] = {}
        self._decoder: Decoder = Multiplexed()
        self._bell: asyncio.Task[None] | None = None
        # What has been read last, and not been published; and what was the last message of the log before.
        self._last: Message | None = None
        self._seen: Message | None = None
        self._said = ""

    def wake(self) -> None:
        """Something has happened to the container: look at once whether its log has grown."""
        self._wake.set()

    async def run(self) -> None:
        """Publish what it prints until it has been removed."""
        await self._room()
        self._trackers = {
            stream: Tracker(self._positions.files[token(self.container.id, stream)].offset)
            for stream in (STDOUT, STDERR)
        }
        try:
            while True:
                self._wake.clear()
                try:
                    rest = await self._look()
                    self._said = ""
                except ContainerGone:
                    await self._finish()
                    return
                except EngineUnavailable as error:
                    self._say(str(error))
                    rest = Rest(SOON_SECONDS, LONGEST_WAIT_SECONDS)
                await self._rest(rest)
        finally:
            if self._bell is not None:
                await cancelled((self._bell,))

    async def _look(self) -> Rest:
        """Read what is new; when to look again."""
        condition = await self._engine.condition(self.container.id)
        if condition.running and self._engine.follows_whole:
            await self._read(condition, follow=True)
            # What was printed last may be in the log only now.
            return Rest(SOON_SECONDS, 0)
        if condition.running and (self._bell is None or self._bell.done()):
            self._bell = asyncio.create_task(self._listen())
        began = time.monotonic()
        new = await self._read(condition, follow=False)
        # An engine goes through all of a log each time: long ones are read less often.
        pause = max(SOON_SECONDS, BUSY_FACTOR * (time.monotonic() - began))
        if condition.running or (await self._engine.condition(self.container.id)).running:
            return Rest(pause, 0 if new else IDLE_SECONDS)
        await self._finish()
        return Rest(0, None)

    async def _read(self, condition: Condition, follow: bool) -> bool:
        """
        Publish what is new in the log; whether anything was.

        Unless it is followed, its last message may still be written: it is kept until it is the last again.
        """
        newest = self._newest()
        since = time_of_position(newest) // NANOSECONDS - SLACK_SECONDS
        seen, began = self._seen, False
        async with aclosing(self._engine.log(self.container.id, since, follow)) as pieces:
            async for piece in pieces:
                if not began:
                    began, self._last = True, None
                    self._decoder = Terminal() if condition.terminal else Multiplexed()
                    for tracker in self._trackers.values():
                        tracker.again()
                messages = self._decoder.feed(piece)
                if not follow and messages:
                    last, self._last = self._last, messages.pop()
                    messages = [last, *messages] if last else messages
                await self._publish(messages)
        if follow:
            return True
        self._seen = self._last
        if self._newest() != newest or self._seen != seen:
            return True
        if self._last is not None:
            last, self._last = self._last, None
            await self._publish([last])
        return False

    def _newest(self) -> int:
        return max(tracker.handed for tracker in self._trackers.values())

    async def _listen(self) -> None:
        """Wake up for what is printed."""
        try:
            async with aclosing(self._engine.bell(self.container.id)) as rings:
                async for _ in rings:
                    self._wake.set()
        except EngineUnavailable:
            # Whoever looks is told the same.
            pass
        self._wake.set()

    async def _finish(self) -> None:
        """Publish what is left, and what has no end and will have none."""
        last, self._last = self._last, None
        await self._publish([*([last] if last else []), *self._decoder.end()])
        for stream, tracker in self._trackers.items():
            if left := tracker.end():
                await self._put(stream, *left)

    async def _publish(self, messages: list[Message]) -> None:
        """Publish the lines of `messages`, in their order."""
        stream, at, lines, size = STDOUT, 0, list[bytes](), 0
        for message in messages:
            if (taken := self._trackers[message.stream].take(message)) is None:
                continue
            if at and (message.stream != stream or len(lines) >= BATCH_LINES or size >= BATCH_BYTES):
                await self._put(stream, at, lines)
                lines, size = [], 0
            stream, at = message.stream, taken[0]
            lines += taken[1]
            size += sum(map(len, taken[1]))
        if at:
            await self._put(stream, at, lines)

    async def _put(self, stream: int, at: int, lines: list[bytes]) -> None:
        await self._room()
        tracker = self._trackers[stream]
        channel = self.container.channel(stream)
        self._sender.put(Batch(token(self.container.id, stream), tracker.handed, at, channel, lines))
        tracker.handed = at

    async def _room(self) -> None:
        while not self._sender.room:
            self._sender.changed.clear()
            await self._sender.changed.wait()

    async def _rest(self, rest: Rest) -> None:
        await asyncio.sleep(rest.seconds)
        self.idle = rest.at_most is None
        with suppress(TimeoutError):
            async with asyncio.timeout(rest.at_most):
                await self._wake.wait()
        self.idle = False

    def _say(self, trouble: str) -> None:
        if trouble != self._said:
            logger.warning("container_not_read name=%s error=%r", self.container.name, trouble)
        self._said = trouble
