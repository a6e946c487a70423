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

from sse_hub.commands.docker.containers import Container
from sse_hub.commands.docker.dedupe import Deduplicator
from sse_hub.commands.docker.engine import ContainerState, Engine
from sse_hub.commands.docker.log_frames import (
    NANOSECONDS,
    STDERR,
    STDOUT,
    LogDecoder,
    LogMessage,
    MultiplexedDecoder,
    TerminalDecoder,
)
from sse_hub.commands.docker.positions import Positions, StreamPosition, time_of_position, token, tokens
from sse_hub.commands.ship.reader import SourceBatch
from sse_hub.commands.shipping.sender import BatchSender
from sse_hub.errors import ContainerGone, EngineUnavailable
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# What one stream has printed may stand this much after what the other has, with a later time.
SLACK_SECONDS = 2
SOON_SECONDS = 0.2
# A line that may have been caught half is whole when it has stayed as it is for this long.
SETTLE_SECONDS = 0.5
# Of the time, a container's log is read no more than one part in so many.
BUSY_FACTOR = 4
# An engine that misses lines may miss the last one, and that a container has stopped or run again.
FIRST_QUIET_SECONDS = 1.0
QUIET_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 5.0
BATCH_LINES = 500
BATCH_BYTES = 262_144


class Rest(NamedTuple):
    """Wait `seconds`, and then for something to happen, `at_most` so long."""

    seconds: float
    at_most: float


class ContainerFollower:
    """
    Follows `container`, which is set anew as it changes, until it is removed. `idle` is true while all that it has
    printed has been read, and it does not run.
    """

    def __init__(self, engine: Engine, sender: BatchSender, positions: Positions, container: Container) -> None:
        self.container = container
        self.idle = False
        self._engine = engine
        self._sender = sender
        self._positions = positions
        self._wake = asyncio.Event()
        self._trackers: dict[int, Deduplicator] = {}
        self._decoder: LogDecoder = MultiplexedDecoder()
        self._bell: asyncio.Task[None] | None = None
        # What has been read last, and not been published; what was the last message of the log before, and since when.
        self._last: LogMessage | None = None
        self._seen: LogMessage | None = None
        self._seen_at = 0.0
        self._caught_up = False
        self._finished = ""
        self._quiet_seconds = FIRST_QUIET_SECONDS
        self._trouble = ""
        self._said = ""

    def wake(self) -> None:
        """Something has happened to the container: look at once whether its log has grown."""
        self._wake.set()

    def note(self) -> None:
        """Have the positions say from where on the log must be read again, should this process die."""
        if not self._caught_up:
            return
        whole, states = self._newest(), list[StreamPosition]()
        for stream, tracker in self._trackers.items():
            state = self._positions.files[token(self.container.id, stream)]
            states.append(state)
            if tracker.handed > state.offset:
                whole = min(whole, state.offset)
            elif tracker.unfinished is not None:
                whole = min(whole, tracker.unfinished)
        for state in states:
            state.since = max(state.since, time_of_position(whole) // NANOSECONDS)

    async def run(self) -> None:
        """Publish what it prints until it has been removed."""
        await self._room()
        for stream in (STDOUT, STDERR):
            self._trackers[stream] = Deduplicator(self._positions.files[token(self.container.id, stream)].offset)
        try:
            while True:
                self._wake.clear()
                try:
                    rest = await self._look()
                    self._trouble = self._said = ""
                except ContainerGone:
                    await self._finish()
                    return
                except EngineUnavailable as error:
                    self._say(str(error))
                    rest = Rest(SOON_SECONDS, LONGEST_WAIT_SECONDS)
                await self._rest(rest)
        finally:
            if self._bell is not None:
                await cancel_and_wait((self._bell,))

    async def _look(self) -> Rest:
        """Read what is new; when to look again."""
        self.idle = False
        condition = await self._engine.condition(self.container.id)
        if condition.running and self._engine.follows_whole and self._caught_up:
            await self._read(condition, follow=True)
            # What was printed last may be in the log only now.
            return Rest(SOON_SECONDS, 0)
        if condition.started == self._finished and not condition.running:
            self.idle = True
            return Rest(0, QUIET_SECONDS)
        if condition.running and not self._engine.follows_whole and (self._bell is None or self._bell.done()):
            self._bell = asyncio.create_task(self._listen())
        began = time.monotonic()
        new = await self._read(condition, follow=False)
        self._caught_up = True
        # An engine goes through all of a log each time: long ones are read less often.
        pause = max(SOON_SECONDS, BUSY_FACTOR * (time.monotonic() - began))
        if new:
            self._quiet_seconds = FIRST_QUIET_SECONDS
            return Rest(pause, 0)
        if condition.running or await self._engine.condition(self.container.id) != condition:
            quiet_seconds = 0 if self._engine.follows_whole else self._quiet_seconds
            self._quiet_seconds = min(2 * self._quiet_seconds, QUIET_SECONDS)
            return Rest(pause, quiet_seconds)
        await self._finish()
        self._finished = condition.started
        return Rest(0, 0)

    async def _read(self, condition: ContainerState, follow: bool) -> bool:
        """
        Publish what is new in the log; whether anything was.

        Unless it is followed, its last message may still be written: it is kept until it is the last again.
        """
        newest, seen, began = self._newest(), self._seen, False
        since = self._since() - SLACK_SECONDS
        async with aclosing(self._engine.log(self.container.id, since, follow)) as pieces:
            async for piece in pieces:
                if not began:
                    began, self._last = True, None
                    self._decoder = TerminalDecoder() if condition.terminal else MultiplexedDecoder()
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
            self._seen_at = time.monotonic()
            return True
        if self._last is None or not self._last.text:
            # Podman's monitor writes a line's time before its text; that alone would be an empty line.
            return False
        if time.monotonic() < self._seen_at + SETTLE_SECONDS:
            return True
        last, self._last = self._last, None
        await self._publish([last])
        return False

    def _since(self) -> int:
        """Where the log is to be read from, in seconds since the epoch: all before it has been taken in."""
        if not self._caught_up:
            return min(self._positions.files[name].since for name in tokens(self.container.id))
        return time_of_position(self._newest()) // NANOSECONDS

    def _newest(self) -> int:
        return max(tracker.taken for tracker in self._trackers.values())

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

    async def _publish(self, messages: list[LogMessage]) -> None:
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
        self._sender.put(SourceBatch(token(self.container.id, stream), tracker.handed, at, channel, lines))
        tracker.handed = at

    async def _room(self) -> None:
        while not self._sender.room:
            self._sender.changed.clear()
            await self._sender.changed.wait()

    async def _rest(self, rest: Rest) -> None:
        await asyncio.sleep(rest.seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(rest.at_most):
                await self._wake.wait()
        self.idle = False

    def _say(self, trouble: str) -> None:
        # Podman answers with an error once where a container ends as it is asked about.
        if trouble == self._trouble and trouble != self._said:
            logger.warning(
                "container_unreadable name=%(name)s error=%(error)r", {"name": self.container.name, "error": trouble}
            )
            self._said = trouble
        self._trouble = trouble
