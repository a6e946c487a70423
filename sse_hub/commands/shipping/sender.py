"""
Publishes batches through Redis, each exactly once, across disconnects.

    put(batch) --> lua/ship.lua --> published and remembered in one step --> `state.offset`
                       └── refused, or no reply: read what Redis remembers, and continue from there
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha1
from typing import Any, Protocol

from redis.exceptions import NoPermissionError, NoScriptError, RedisError

from sse_hub.broker.connect import publisher_connection
from sse_hub.broker.keys import LogKeys, Partition
from sse_hub.broker.scripts import script
from sse_hub.commands.shipping.batch import SourceBatch
from sse_hub.commands.shipping.flow_control import FlowControl
from sse_hub.commands.shipping.recording_check import RecordingCheck
from sse_hub.errors import error_text
from sse_hub.redis_url import parse

logger = logging.getLogger(__name__)

# How long Redis remembers offsets; the registry keeps them longer, but may lack the last second before a crash.
REMEMBERED_MS = 30 * 86_400_000
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0
POLL_SECONDS = 0.005
# After a pause this long, another hub may have replaced the one that received the last lines; none starts faster.
CONTINUOUS_SECONDS = 0.25
FINISH_SECONDS = 3.0
PUBLISHED, NO_SUBSCRIBER = 1, 2


class SourceState(Protocol):
    """The state of one source of lines: all before `offset`, which only grows, has been published."""

    offset: int


class SourceRegistry(Protocol):
    """The states of all sources; `id` is the registry's name in Redis."""

    id: str

    @property
    def states(self) -> Mapping[str, SourceState]:
        """The states by token."""


class BatchSender:
    """
    Publishes the batches of the sources in `registry` to hubs that follow the patterns `ingest`.

    `ready` is set once Redis has reported the offsets, `changed` with every reply. `published_lines` counts lines;
    `error` says why none are published now, "" if they are.
    """

    def __init__(self, redis_url: str, registry: SourceRegistry, ingest: Sequence[str]) -> None:
        """Raises InvalidSetting if `redis_url` can't be used."""
        self.ready = asyncio.Event()
        self.changed = asyncio.Event()
        self.published_lines = 0
        self.error = ""
        self._partition = Partition()
        self._connection = publisher_connection(redis_url, self._partition)
        self._registry = registry
        self._keys = LogKeys.of(self._partition, ingest)
        self._flow = FlowControl()
        # Batches that have not been acknowledged, oldest first.
        self._queue: deque[SourceBatch] = deque()
        self._queued = asyncio.Event()
        self._registered: set[str] = set()
        self._forgotten: set[str] = set()
        self._last_fence = 0
        self._sent_at = float("-inf")
        self._database = parse(redis_url).database
        self._recording = RecordingCheck()
        self._script = script("clock", "ship")
        self._sha = sha1(self._script.encode(), usedforsecurity=False).hexdigest()
        # Why the script could not be loaded.
        self._not_loaded: RedisError | None = None

    @property
    def _shipped_key(self) -> str:
        return self._partition.shipped(self._registry.id)

    @property
    def has_room(self) -> bool:
        """Whether put() may be called."""
        return self.ready.is_set() and self._flow.has_room

    @property
    def idle(self) -> bool:
        """True when everything put has been published."""
        return not self._queue

    def put(self, batch: SourceBatch) -> None:
        """Publish `batch` after those put before. Its source must be in the registry on disk already."""
        self._queue.append(batch)
        self._flow.add(batch)
        self._queued.set()

    async def finish(self, running: "asyncio.Task[None]") -> None:
        """
        Wait for pending replies while run(), the task `running`, continues; FINISH_SECONDS at most. The next start
        looks up what has no reply then.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                while not self.idle and not running.done():
                    self.changed.clear()
                    await self.changed.wait()

    def forget(self, tokens: Iterable[str]) -> None:
        """Nothing will be put for `tokens` any more: Redis need not remember them."""
        self._forgotten.update(tokens)

    async def run(self) -> None:
        """Publish until cancelled; while Redis is unreachable, wait for it."""
        wait_seconds = FIRST_WAIT_SECONDS
        try:
            while True:
                try:
                    await self._connect()
                    wait_seconds = FIRST_WAIT_SECONDS
                    await self._publish()
                except NoScriptError as error:
                    self._set_error(error_text(self._not_loaded or error))
                except (RedisError, OSError) as error:
                    self._set_error(error_text(error))
                await self._connection.disconnect(nowait=True)
                await asyncio.sleep(wait_seconds)
                wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
        finally:
            await self._connection.disconnect(nowait=True)

    async def _connect(self) -> None:
        await self._connection.connect()
        await self._load_script()
        if self._recording.seconds_left is not None:
            # A hub that has lost its Redis, too, has time to come back.
            self._recording = RecordingCheck()
        (reply,) = await self._execute(("HGETALL", self._shipped_key))
        pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
        remembered = {token.decode(): int(offset) for token, offset in pairs}
        if not self.ready.is_set():
            for token, state in self._registry.states.items():
                state.offset = max(state.offset, remembered.get(token, 0))
            self.ready.set()
        queue, self._queue = self._queue, deque()
        # Batches published before have had time to be recorded.
        self._flow = FlowControl()
        for batch in queue:
            if batch.end <= remembered.get(batch.token, -1):
                # Published, though its reply did not arrive.
                self._acknowledge(batch)
            else:
                self.put(batch)
        self._registered = set()
        for batch in {batch.token: batch for batch in reversed(self._queue)}.values():
            if batch.token in remembered and remembered[batch.token] != batch.start:
                # Redis has restarted from an old snapshot.
                await self._execute(("HSET", self._shipped_key, batch.token, batch.start))
        self.changed.set()

    async def _load_script(self) -> None:
        self._not_loaded = None
        try:
            await self._execute(("SCRIPT", "LOAD", self._script))
        except NoPermissionError as error:
            # An embedded Redis has the script, and lets publishers load none.
            self._not_loaded = error

    async def _publish(self) -> None:
        while True:
            if self._recording.due:
                (watermark,) = await self._execute(("GET", self._keys.watermark))
                self._note_watermark(watermark)
            if self._queue:
                await self._send(list(self._queue))
            elif not self._flow.has_room:
                await asyncio.sleep(POLL_SECONDS)
                (watermark,) = await self._execute(("GET", self._keys.watermark))
                self._note_watermark(watermark)
                self._flow.mark_recorded(int(watermark) if watermark else None)
                self.changed.set()
            else:
                self._queued.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._recording.seconds_left):
                        await self._queued.wait()

    async def _send(self, batches: list[SourceBatch]) -> None:
        # Reversed, so that the first batch of each source is kept.
        first = {batch.token: batch.start for batch in reversed(batches) if batch.token not in self._registered}
        commands: list[tuple[Any, ...]] = [
            ("HSETNX", self._shipped_key, token, start) for token, start in first.items()
        ]
        forgotten, self._forgotten = self._forgotten, set()
        if forgotten:
            commands.append(("HDEL", self._shipped_key, *forgotten))
        await self._write([*commands, *map(self._command, batches)])
        for _ in commands:
            await self._connection.read_response()
        self._registered |= first.keys()
        for batch in batches:
            await self._read_reply(batch)

    def _command(self, batch: SourceBatch) -> tuple[Any, ...]:
        partition = self._partition
        names = (self._shipped_key, self._keys.watermark, partition.clock, partition.fences, partition.left)
        # A hub that has just started counts lines from its first fence on, and lacks what comes before it.
        fences = "before " if time.monotonic() - self._sent_at > CONTINUOUS_SECONDS else ""
        fences += "after" if self._flow.fence_due(batch) else ""
        self._sent_at = time.monotonic()
        of_batch = (batch.token, batch.start, batch.end, REMEMBERED_MS, batch.channel)
        arguments = (*of_batch, self._partition.fence_channel, self._last_fence, fences, *batch.lines)
        return ("EVALSHA", self._sha, len(names), *names, *arguments)

    async def _read_reply(self, batch: SourceBatch) -> None:
        status, offset, fence, watermark = await self._connection.read_response()
        if status == NO_SUBSCRIBER:
            raise RedisError(f"{batch.channel} has no subscriber: is a hub running?")
        if status != PUBLISHED:
            # Redis processed everything sent on an earlier connection after all, or has forgotten.
            raise RedisError(f"Redis is at offset {int(offset or -1)}, not {batch.start}")
        if self.error:
            logger.info("redis_restored")
            self.error = ""
        self._queue.popleft()
        self._note_watermark(watermark)
        self._last_fence = max(self._last_fence, int(fence or 0))
        self._flow.mark_published(batch, int(fence) if fence else None)
        self._flow.mark_recorded(int(watermark) if watermark else None)
        self._acknowledge(batch)

    def _acknowledge(self, batch: SourceBatch) -> None:
        self.published_lines += len(batch.lines)
        if state := self._registry.states.get(batch.token):
            state.offset = batch.end
        self.changed.set()

    def _note_watermark(self, watermark: bytes | None) -> None:
        if self._recording.note(watermark):
            # Lines reach every database of a Redis, so a hub may well receive them; but nothing records them here.
            logger.warning("not_recorded database=%(database)d", {"database": self._database})

    async def _execute(self, *commands: tuple[Any, ...]) -> list[Any]:
        await self._write(commands)
        return [await self._connection.read_response() for _ in commands]

    async def _write(self, commands: Sequence[tuple[Any, ...]]) -> None:
        await self._connection.send_packed_command(self._connection.pack_commands(commands))

    def _set_error(self, error: str) -> None:
        if error != self.error:
            logger.warning("redis_lost error=%(error)r", {"error": error})
        self.error = error
        self._sent_at = float("-inf")
        self.changed.set()
