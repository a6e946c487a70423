"""
Batches into Redis, each once, however often the connection dies.

    put(batch) --> lua/ship.lua --> published and remembered in one step --> `state.offset`
                       └── refused, or no answer: ask what is remembered, and go on from there
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from redis.exceptions import RedisError

from sse_hub.broker import keys
from sse_hub.broker.connect import publisher_connection
from sse_hub.broker.scripts import script
from sse_hub.commands.ship.reader import SourceBatch
from sse_hub.commands.shipping.flow_control import FlowControl

logger = logging.getLogger(__name__)

# How long Redis remembers what was shipped; the registry knows it longer, but for the last second before a crash.
KEPT_MS = 30 * 86_400_000
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0
LOOK_SECONDS = 0.005
# A hub may have ended and another one begun since the last lines, if that is so long ago: none is faster.
STEADY_SECONDS = 0.25
END_SECONDS = 3.0
PUBLISHED, UNHEARD = 1, 2


class BatchSource(Protocol):
    """What lines are published of: `offset` is how far, and only rises."""

    offset: int


class BatchSources(Protocol):
    """All of them; `id` names them in Redis."""

    id: str

    @property
    def files(self) -> Mapping[str, BatchSource]:
        """By token."""


class BatchSender:
    """
    Publishes for `registry`. `began` is set once Redis has said how far it has come, `changed` with every answer;
    `lines` counts what was published, `trouble` says in words why nothing is.
    """

    def __init__(self, redis_url: str, registry: BatchSources, watermark_key: str) -> None:
        """Raises InvalidSetting when `redis_url` can't be used."""
        self.began = asyncio.Event()
        self.changed = asyncio.Event()
        self.lines = 0
        self.trouble = ""
        self._connection = publisher_connection(redis_url)
        self._registry = registry
        self._key = keys.shipped_key(registry.id)
        self._watermark_key = watermark_key
        self._pace = FlowControl()
        # What has not been acknowledged, oldest first.
        self._queue: deque[SourceBatch] = deque()
        self._work = asyncio.Event()
        self._known: set[str] = set()
        self._gone: set[str] = set()
        self._last_fence = 0
        self._sent_at = float("-inf")
        self._sha = b""

    @property
    def room(self) -> bool:
        """Whether put() may be called."""
        return self.began.is_set() and self._pace.room

    @property
    def idle(self) -> bool:
        """True when all that was put has been published."""
        return not self._queue

    def put(self, batch: SourceBatch) -> None:
        """Publish `batch` after those that were put before. Its file must be in the registry that is on the disk."""
        self._queue.append(batch)
        self._pace.put(batch)
        self._work.set()

    async def finish(self, running: "asyncio.Task[None]") -> None:
        """
        Wait for the answers on their way, as long as run(), the task `running`, goes on, and END_SECONDS at most. What
        has none then is looked up at the next start.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                while not self.idle and not running.done():
                    self.changed.clear()
                    await self.changed.wait()

    def forget(self, tokens: Iterable[str]) -> None:
        """Nothing will be put for `tokens` any more: Redis need not remember them."""
        self._gone.update(tokens)

    async def run(self) -> None:
        """Publish until cancelled; while Redis is away, wait for it."""
        wait_seconds = FIRST_WAIT_SECONDS
        try:
            while True:
                try:
                    await self._connect()
                    wait_seconds = FIRST_WAIT_SECONDS
                    await self._publish()
                except (RedisError, OSError) as error:
                    self._lost(str(error) or type(error).__name__)
                await self._connection.disconnect(nowait=True)
                await asyncio.sleep(wait_seconds)
                wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
        finally:
            await self._connection.disconnect(nowait=True)

    # The rest.

    async def _connect(self) -> None:
        await self._connection.connect()  # type: ignore[no-untyped-call]
        self._sha, answer = await self._ask(
            ("SCRIPT", "LOAD", script("clock", "ship")),
            ("HGETALL", self._key),
        )
        pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
        remembered = {token.decode(): int(offset) for token, offset in pairs}
        if not self.began.is_set():
            for token, state in self._registry.files.items():
                state.offset = max(state.offset, remembered.get(token, 0))
            self.began.set()
        queue, self._queue = self._queue, deque()
        # What was published before has had the time to be recorded.
        self._pace = FlowControl()
        for batch in queue:
            if batch.end <= remembered.get(batch.token, -1):
                # Published, though the answer was lost.
                self._acknowledge(batch)
            else:
                self.put(batch)
        self._known = set()
        for batch in {batch.token: batch for batch in reversed(self._queue)}.values():
            if batch.token in remembered and remembered[batch.token] != batch.start:
                # Redis has come back from an old snapshot.
                await self._ask(("HSET", self._key, batch.token, batch.start))
        self.changed.set()

    async def _publish(self) -> None:
        while True:
            if self._queue:
                await self._send(list(self._queue))
            elif not self._pace.room:
                await asyncio.sleep(LOOK_SECONDS)
                (watermark,) = await self._ask(("GET", self._watermark_key))
                self._pace.recorded(int(watermark) if watermark else None)
                self.changed.set()
            else:
                self._work.clear()
                await self._work.wait()

    async def _send(self, batches: list[SourceBatch]) -> None:
        # Reversed, so that the first batch of a file is the one that counts.
        first = {batch.token: batch.start for batch in reversed(batches) if batch.token not in self._known}
        commands: list[tuple[Any, ...]] = [("HSETNX", self._key, token, start) for token, start in first.items()]
        gone, self._gone = self._gone, set()
        if gone:
            commands.append(("HDEL", self._key, *gone))
        await self._write([*commands, *map(self._command, batches)])
        for _ in commands:
            await self._connection.read_response()
        self._known |= first.keys()
        for batch in batches:
            await self._answered(batch)

    def _command(self, batch: SourceBatch) -> tuple[Any, ...]:
        names = (self._key, self._watermark_key, keys.CLOCK)
        # A hub that has just come counts lines from its first fence on, and has none of what comes before.
        fences = "before " if time.monotonic() - self._sent_at > STEADY_SECONDS else ""
        fences += "after" if self._pace.fence_due(batch) else ""
        self._sent_at = time.monotonic()
        of_batch = (batch.token, batch.start, batch.end, KEPT_MS, batch.channel)
        arguments = (*of_batch, keys.FENCE_CHANNEL, self._last_fence, fences, *batch.lines)
        return ("EVALSHA", self._sha, len(names), *names, *arguments)

    async def _answered(self, batch: SourceBatch) -> None:
        told, offset, fence, watermark = await self._connection.read_response()
        if told == UNHEARD:
            raise RedisError(f"nobody listens to {batch.channel}: is there no hub?")
        if told != PUBLISHED:
            # A connection that was cut was heard to its end after all, or Redis has forgotten.
            raise RedisError(f"it has another position: {int(offset or -1)}, not {batch.start}")
        if self.trouble:
            logger.info("redis_restored")
            self.trouble = ""
        self._queue.popleft()
        self._last_fence = max(self._last_fence, int(fence or 0))
        self._pace.published(batch, int(fence) if fence else None)
        self._pace.recorded(int(watermark) if watermark else None)
        self._acknowledge(batch)

    def _acknowledge(self, batch: SourceBatch) -> None:
        self.lines += len(batch.lines)
        if state := self._registry.files.get(batch.token):
            state.offset = batch.end
        self.changed.set()

    async def _ask(self, *commands: tuple[Any, ...]) -> list[Any]:
        await self._write(commands)
        return [await self._connection.read_response() for _ in commands]

    async def _write(self, commands: Sequence[tuple[Any, ...]]) -> None:
        await self._connection.send_packed_command(self._connection.pack_commands(commands))

    def _lost(self, error: str) -> None:
        if error != self.trouble:
            logger.warning("redis_lost error=%(error)r", {"error": error})
        self.trouble = error
        self._sent_at = float("-inf")
        self.changed.set()
