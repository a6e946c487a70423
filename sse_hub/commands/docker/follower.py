"""
Follows one container: reads its log from the position, again and again, as the container stops and starts.

    log since position --> messages --> Deduplicator: new ones --> lines --> SourceBatch --> BatchSender

If the engine follows logs reliably, the log is followed. Otherwise it is read again from the position whenever the
container prints, which following still shows.
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
from sse_hub.commands.docker.positions import Positions, StreamPosition, position_time, stream_token, stream_tokens
from sse_hub.commands.shipping.batch import SourceBatch
from sse_hub.commands.shipping.sender import BatchSender
from sse_hub.errors import ContainerGone, EngineUnavailable
from sse_hub.formats.joining import NewJoiner
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# In the log, lines of one stream may come this much after later ones of the other.
SLACK_SECONDS = 2
MIN_PAUSE_SECONDS = 0.2
# A last line that may be incomplete counts as complete once it has stayed the same for this long.
SETTLE_SECONDS = 0.5
# Reading a container's log takes at most one part in so many of the time.
BUSY_FACTOR = 4
# An engine that skips lines may skip the last one, or not show that a container has stopped or run again.
MIN_POLL_SECONDS = 1.0
MAX_POLL_SECONDS = 30.0
RETRY_SECONDS = 5.0
# A record is complete if no line has followed for this long.
RECORD_SECONDS = 1.0
BATCH_LINES = 500
BATCH_BYTES = 262_144


class Pause(NamedTuple):
    """Sleep for `seconds`, then wait for something to happen, for at most `wake_seconds`."""

    seconds: float
    wake_seconds: float


class ContainerFollower:
    """
    Follows `container`, which its owner updates, until it is removed. `idle` is true while it is stopped and all its
    output has been read.
    """

    def __init__(
        self,
        engine: Engine,
        sender: BatchSender,
        positions: Positions,
        container: Container,
        new_joiner: NewJoiner | None = None,
    ) -> None:
        self.container = container
        self.idle = False
        self._engine = engine
        self._sender = sender
        self._positions = positions
        self._wake = asyncio.Event()
        self._new_joiner = new_joiner
        self._deduplicators: dict[int, Deduplicator] = {}
        # Held by whoever takes lines out of the deduplicators, until they are on their way.
        self._publishing = asyncio.Lock()
        self._record_added = asyncio.Event()
        self._decoder: LogDecoder = MultiplexedDecoder()
        self._output_watch: asyncio.Task[None] | None = None
        # The last message, not published yet; the last message of the read before, and since when it was the last.
        self._held_back: LogMessage | None = None
        self._previous_last: LogMessage | None = None
        self._changed_at = 0.0
        self._caught_up = False
        self._finished_run = ""
        self._poll_seconds = MIN_POLL_SECONDS
        self._error = ""
        self._logged_error = ""

    def wake(self) -> None:
        """Something has happened to the container: check at once whether its log has grown."""
        self._wake.set()

    def update_positions(self) -> None:
        """Update the positions to where the log must be reread if this process dies."""
        if not self._caught_up:
            return
        complete_to, states = self._read_to(), list[StreamPosition]()
        for stream, dedup in self._deduplicators.items():
            state = self._positions.states[stream_token(self.container.id, stream)]
            states.append(state)
            if dedup.sent_to > state.offset:
                complete_to = min(complete_to, state.offset)
            elif dedup.partial_from is not None:
                complete_to = min(complete_to, dedup.partial_from)
        for state in states:
            state.since = max(state.since, position_time(complete_to) // NANOSECONDS)

    async def run(self) -> None:
        """Publish its output until it is removed."""
        await self._wait_room()
        for stream in (STDOUT, STDERR):
            self._deduplicators[stream] = Deduplicator(
                self._positions.states[stream_token(self.container.id, stream)].offset, self._new_joiner
            )
        ending = asyncio.create_task(self._end_records())
        try:
            while True:
                self._wake.clear()
                try:
                    pause = await self._poll()
                    self._error = self._logged_error = ""
                except ContainerGone:
                    await self._finish()
                    return
                except EngineUnavailable as error:
                    self._log_error(str(error))
                    pause = Pause(MIN_PAUSE_SECONDS, RETRY_SECONDS)
                await self._pause(pause)
        finally:
            await cancel_and_wait([ending, *([self._output_watch] if self._output_watch else [])])

    async def _end_records(self) -> None:
        """Publish each record once no line has followed it for a while."""
        while True:
            self._record_added.clear()
            if not any(dedup.record_waits for dedup in self._deduplicators.values()):
                await self._record_added.wait()
                continue
            try:
                async with asyncio.timeout(RECORD_SECONDS):
                    await self._record_added.wait()
            except TimeoutError:
                async with self._publishing:
                    for stream, dedup in self._deduplicators.items():
                        if record := dedup.end_record():
                            await self._put(stream, *record)

    async def _poll(self) -> Pause:
        """Publish new messages; when to check again."""
        self.idle = False
        state = await self._engine.state(self.container.id)
        if state.running and self._engine.follows_reliably and self._caught_up:
            await self._read(state, follow=True)
            # The last lines may be in the log only now.
            return Pause(MIN_PAUSE_SECONDS, 0)
        if state.started_at == self._finished_run and not state.running:
            self.idle = True
            return Pause(0, MAX_POLL_SECONDS)
        if (
            state.running
            and not self._engine.follows_reliably
            and (self._output_watch is None or self._output_watch.done())
        ):
            self._output_watch = asyncio.create_task(self._watch_output())
        started_at = time.monotonic()
        new = await self._read(state, follow=False)
        self._caught_up = True
        # The engine reads all of a log each time: long ones are read less often.
        pause_seconds = max(MIN_PAUSE_SECONDS, BUSY_FACTOR * (time.monotonic() - started_at))
        if new:
            self._poll_seconds = MIN_POLL_SECONDS
            return Pause(pause_seconds, 0)
        if state.running or await self._engine.state(self.container.id) != state:
            wake_seconds = 0 if self._engine.follows_reliably else self._poll_seconds
            self._poll_seconds = min(2 * self._poll_seconds, MAX_POLL_SECONDS)
            return Pause(pause_seconds, wake_seconds)
        await self._finish()
        self._finished_run = state.started_at
        return Pause(0, 0)

    async def _read(self, state: ContainerState, follow: bool) -> bool:
        """
        Publish the new messages of the log; whether there were any.

        Unless it is followed, its last message may still be being written: it is held back until it stays the last.
        """
        read_to, previous_last, started = self._read_to(), self._previous_last, False
        since = self._since() - SLACK_SECONDS
        async with aclosing(self._engine.log(self.container.id, since, follow)) as pieces:
            async for piece in pieces:
                if not started:
                    started, self._held_back = True, None
                    self._decoder = TerminalDecoder() if state.terminal else MultiplexedDecoder()
                    for dedup in self._deduplicators.values():
                        dedup.rewind()
                messages = self._decoder.feed(piece)
                if not follow and messages:
                    last, self._held_back = self._held_back, messages.pop()
                    messages = [last, *messages] if last else messages
                await self._publish(messages)
        if follow:
            return True
        self._previous_last = self._held_back
        if self._read_to() != read_to or self._previous_last != previous_last:
            self._changed_at = time.monotonic()
            return True
        if self._held_back is None or not self._held_back.text:
            # Podman's monitor writes the time of a line before its text; alone it would be an empty line.
            return False
        if time.monotonic() < self._changed_at + SETTLE_SECONDS:
            return True
        last, self._held_back = self._held_back, None
        await self._publish([last])
        return False

    def _since(self) -> int:
        """The time from which to read the log, in seconds since the epoch: all before it has been read."""
        if not self._caught_up:
            return min(self._positions.states[name].since for name in stream_tokens(self.container.id))
        return position_time(self._read_to()) // NANOSECONDS

    def _read_to(self) -> int:
        return max(dedup.read_to for dedup in self._deduplicators.values())

    async def _watch_output(self) -> None:
        """Wake up whenever the container prints something."""
        try:
            async with aclosing(self._engine.output_signals(self.container.id)) as signals:
                async for _ in signals:
                    self._wake.set()
        except EngineUnavailable:
            # The next poll gets the same error.
            pass
        self._wake.set()

    async def _finish(self) -> None:
        """Publish the remaining messages, and unfinished lines, which will get no end."""
        last, self._held_back = self._held_back, None
        await self._publish([*([last] if last else []), *self._decoder.end()])
        async with self._publishing:
            for stream, dedup in self._deduplicators.items():
                if remaining := dedup.flush():
                    await self._put(stream, *remaining)

    async def _publish(self, messages: list[LogMessage]) -> None:
        """Publish the lines of `messages`, in order."""
        async with self._publishing:
            await self._publish_new(messages)
        self._record_added.set()

    async def _publish_new(self, messages: list[LogMessage]) -> None:
        stream, position, lines, size = STDOUT, 0, list[bytes](), 0
        for message in messages:
            if (added := self._deduplicators[message.stream].add(message)) is None:
                continue
            if position and (message.stream != stream or len(lines) >= BATCH_LINES or size >= BATCH_BYTES):
                await self._put(stream, position, lines)
                lines, size = [], 0
            stream, position = message.stream, added[0]
            lines += added[1]
            size += sum(map(len, added[1]))
        if position:
            await self._put(stream, position, lines)

    async def _put(self, stream: int, position: int, lines: list[bytes]) -> None:
        await self._wait_room()
        dedup = self._deduplicators[stream]
        channel = self.container.channel(stream)
        self._sender.put(SourceBatch(stream_token(self.container.id, stream), dedup.sent_to, position, channel, lines))
        dedup.sent_to = position

    async def _wait_room(self) -> None:
        while not self._sender.has_room:
            self._sender.changed.clear()
            await self._sender.changed.wait()

    async def _pause(self, pause: Pause) -> None:
        await asyncio.sleep(pause.seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause.wake_seconds):
                await self._wake.wait()
        self.idle = False

    def _log_error(self, error: str) -> None:
        # Podman once answers with an error if a container ends while its state is requested.
        if error == self._error and error != self._logged_error:
            logger.warning(
                "container_unreadable name=%(name)s error=%(error)r", {"name": self.container.name, "error": error}
            )
            self._logged_error = error
        self._error = error
