"""
Publishing for those who speak HTTP: lines go to Redis as any other, and the answer waits until they are in the log.

    body --> lines --> lua/publish.lua: fence, lines, fence --> watermark --> lua/published.lua: are they there?

Between two fences that were taken in one step the ids of the lines are known before any process has seen them.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha1, sha256
from typing import NamedTuple

import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from sse_hub.broker import keys
from sse_hub.broker.scripts import script
from sse_hub.errors import HubStopping, IdempotencyConflict, InvalidRequest, LogUnavailable, NotRecorded
from sse_hub.history.reader import LogReader
from sse_hub.hub.hub import Hub
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.lines import normalize
from sse_hub.protocol.ndjson import parse_body

logger = logging.getLogger(__name__)

RECORDED_SECONDS = 5.0
KEY_MS = 86_400_000
KEY = re.compile(r"[\x21-\x7e]{1,128}")
# For how long a body is parsed before others have their turn.
SLICE_SECONDS = 0.005
# Redis cuts a session that is 32 MB behind: of bodies larger than this one at a time is on its way.
LARGE_BYTES = 256 * 1024


class Published(NamedTuple):
    """`size` lines are in the log, the last of them under `last_id`."""

    size: int
    last_id: EventId


class _SentBatch(NamedTuple):
    """What lua/publish.lua says: the lines have the ids `fence-1` to `fence-size`."""

    fence: int
    size: int
    digest: str
    recorded: bool


class AcknowledgedPublisher:
    """Publishes bodies, for one process."""

    def __init__(self, commands: redis.asyncio.Redis, log: LogReader, hub: Hub, line_bytes: int) -> None:
        self._commands = commands
        self._log = log
        self._hub = hub
        self._line_bytes = line_bytes
        self._send_script = commands.register_script(script("clock", "publish"))
        self._check_script = commands.register_script(script("published"))
        self._large = asyncio.Lock()

    async def publish(
        self,
        channel: str,
        body: bytes,
        key: str | None,
        owner: str = "",
        spend: Callable[[int], None] = lambda lines: None,
    ) -> Published:
        """
        Publish the lines of `body`; return when they are recorded. With an Idempotency-Key `key` that `owner` has used
        before, nothing is published, and the answer is the same. `spend` is told how many lines there are, and may
        object.

        Raises InvalidRequest, InvalidLine, TooLarge, KeyReused, HubStopping, NotRecorded, and what `spend` does.
        """
        if self._hub.draining:
            raise HubStopping("The hub is stopping.")
        if key is not None and not KEY.fullmatch(key):
            raise InvalidRequest(f"Idempotency-Key {key[:32]!r} is not 1 to 128 visible ASCII characters.")
        if key and owner:
            # Another's keys are nobody's business, not even that there is such a one.
            key = f"{sha256(owner.encode()).hexdigest()[:32]}:{key}"
        lines = await self._lines_of(body)
        spend(len(lines))
        # SHA-256 of 16 MiB takes longer than others should wait.
        digest = await asyncio.to_thread(_digest, channel, body) if key else ""
        async with self._turn(len(body)):
            sent = await self._send(channel, lines, key, digest)
            if sent.digest != digest:
                raise IdempotencyConflict("This Idempotency-Key was used for another body or channel.")
            if not sent.recorded:
                await self._wait(sent)
                await self._check(sent, channel, normalize(lines[-1], self._line_bytes)[0])
                if key:
                    await self._remember(key, sent)
        return Published(sent.size, EventId(sent.fence, sent.size))

    # The rest.

    async def _lines_of(self, body: bytes) -> list[bytes]:
        loop = asyncio.get_running_loop()
        lines: list[bytes] = []
        begun = loop.time()
        for line in parse_body(body, self._line_bytes):
            lines.append(line)
            if loop.time() - begun > SLICE_SECONDS:
                await asyncio.sleep(0)
                begun = loop.time()
        return lines

    @asynccontextmanager
    async def _turn(self, size: int) -> AsyncIterator[None]:
        if size <= LARGE_BYTES:
            yield
            return
        try:
            async with asyncio.timeout(RECORDED_SECONDS):
                await self._large.acquire()
        except TimeoutError:
            raise NotRecorded("Too many large bodies are waiting to be published.", 0, False) from None
        try:
            yield
        finally:
            self._large.release()

    async def _send(self, channel: str, lines: list[bytes], key: str | None, digest: str) -> _SentBatch:
        try:
            # So that a server that is away is told from one that goes away now.
            await self._commands.ping()
        except (RedisError, OSError) as error:
            raise NotRecorded(f"Redis does not answer: {_error_text(error)}.", 0, False) from None
        if not self._log.recording:
            raise NotRecorded("No hub records lines at present, so nothing was published.", 0, False)
        try:
            fence, count, known, recorded = await self._send_script(
                keys=[keys.CLOCK, *([keys.published_key(key)] if key else [])],
                args=[self._hub.ingest.last_fence, keys.FENCE_CHANNEL, channel, digest, KEY_MS, *lines],
            )
        except ResponseError as error:
            raise NotRecorded(f"Redis refused the lines: {_error_text(error)}.", 0, False) from None
        except (RedisError, OSError) as error:
            raise NotRecorded(
                f"Whether the lines were published is unknown: Redis did not answer ({_error_text(error)}).", None, None
            ) from None
        return _SentBatch(int(fence), int(count), known.decode(), recorded == b"1")

    async def _wait(self, sent: _SentBatch) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + RECORDED_SECONDS
        why = ""
        while loop.time() < deadline:
            try:
                if await self._log.wait_complete(sent.fence + 1) > sent.fence:
                    return
            except LogUnavailable as error:
                why = f" {error}"
        raise NotRecorded(
            f"The lines are published, but not recorded within {RECORDED_SECONDS:.0f} s.{why}", sent.size, False
        )

    async def _check(self, sent: _SentBatch, channel: str, last_line: bytes) -> None:
        try:
            lines, holes, digest = await self._check_script(keys=[keys.log_key(channel)], args=[sent.fence, sent.size])
        except (RedisError, OSError) as error:
            raise NotRecorded(
                f"The lines are published, but the log can't be read: {_error_text(error)}.", sent.size, None
            ) from None
        # Fewer lines without a mark have been recorded, and trimmed since.
        if holes or digest.decode() != sha1(last_line).hexdigest():
            raise NotRecorded(f"The lines are published, but the log has {lines} of {sent.size}.", sent.size, False)

    async def _remember(self, key: str, sent: _SentBatch) -> None:
        words = f"{sent.fence} {sent.size} {sent.digest} 1"
        try:
            await self._commands.set(keys.published_key(key), words, xx=True, keepttl=True)
        except (RedisError, OSError) as error:
            # A retry looks into the log again.
            logger.debug("idempotency_key_not_marked error=%(error)r", {"error": _error_text(error)})


def _digest(channel: str, body: bytes) -> str:
    return sha256(b"%b\n%b" % (channel.encode(), body)).hexdigest()


def _error_text(error: Exception) -> str:
    return str(error) or type(error).__name__
