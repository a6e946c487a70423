"""
Publishing over HTTP: lines go to Redis like any others, and the answer waits until they are in the log.

    body --> lines --> lua/publish.lua: fence, lines, fence --> watermark --> lua/recorded.lua: are they in the log?
                                                                  └──► WAIT: does a replica have them, if one must?

One script publishes the lines between two fences. So their ids are known before any process has seen them.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha1, sha256
from typing import Any, NamedTuple

import redis.asyncio
from redis.exceptions import NoPermissionError, RedisError, ResponseError, TryAgainError

from sse_hub.broker.keys import Partition
from sse_hub.broker.scripts import script
from sse_hub.broker.session import SETTLE_MS
from sse_hub.errors import (
    HubStopping,
    IdempotencyConflict,
    InvalidRequest,
    LogUnavailable,
    NotRecorded,
    error_text,
)
from sse_hub.history.reader import LogReader
from sse_hub.hub.hub import Hub
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.lines import normalize
from sse_hub.protocol.ndjson import parse_body

logger = logging.getLogger(__name__)

RECORDED_SECONDS = 5.0
# How long a replica may take to confirm what was recorded.
REPLICATED_MS = 1_000
BARRIER_MS = 10_000
# How long an idempotency key is remembered: a day. And how many of one subject: about 3 MB of Redis.
KEY_MS = 86_400_000
KEYS_PER_SUBJECT = 10_000
KEY = re.compile(r"[\x21-\x7e]{1,128}")
# How long a body is parsed before other tasks get to run.
SLICE_SECONDS = 0.005
# Redis closes a session that is 32 MB behind, so only one body larger than this is on its way at any time.
LARGE_BYTES = 256 * 1024
# Lines are handed to Redis in arguments of this size.
ARGUMENT_BYTES = 256 * 1024


class Published(NamedTuple):
    """`size` lines are in the log; the last of them has the id `last_id`."""

    size: int
    last_id: EventId


class _SentBatch(NamedTuple):
    """
    The answer of lua/publish.lua: the lines have the ids `fence-1` to `fence-size`.

    `digest` is that of the body which the idempotency key was first used for; `recorded` says whether that body is
    known to be in the log.
    """

    fence: int
    size: int
    digest: str
    recorded: bool


class AcknowledgedPublisher:
    """Publishes the bodies of one process's requests. `line_bytes` is the size at which a line is cut."""

    def __init__(
        self, commands: redis.asyncio.Redis, partition: Partition, log: LogReader, hub: Hub, line_bytes: int
    ) -> None:
        self._commands = commands
        self._partition = partition
        self._log = log
        self._hub = hub
        self._line_bytes = line_bytes
        self._send_script = commands.register_script(script("clock", "publish"))
        self._each_script = commands.register_script(script("clock", "publish_each"))
        self._check_script = commands.register_script(script("recorded"))
        self._large_body = asyncio.Lock()

    async def publish(
        self,
        channel: str,
        body: bytes,
        idempotency_key: str | None,
        subject: str = "",
        take_quota: Callable[[int], None] = lambda lines: None,
        bad_lines_as_text: bool = False,
    ) -> Published:
        """
        Publish the lines of `body`, and return when they are recorded.

        If `subject` has used `idempotency_key` before, nothing is published, and the result is the same as then.
        `take_quota` is called with the number of lines before they are published; it raises LimitExceeded if they are
        too many. With `bad_lines_as_text` lines that are no JSON or too long are published as by PUBLISH.

        Raises InvalidRequest, InvalidLine, TooLarge, IdempotencyConflict, HubStopping, NotRecorded, LimitExceeded.
        """
        if self._hub.draining:
            raise HubStopping("The hub is stopping.")
        key = None if idempotency_key is None else _stored_key(idempotency_key, subject)
        lines = await self._parse_lines(body, bad_lines_as_text)
        take_quota(len(lines))
        # In a thread: SHA-256 of 16 MiB would delay other tasks too long.
        digest = await asyncio.to_thread(_digest, channel, body) if key else ""
        async with self._slot_for(len(body)):
            sent = await self._send(channel, lines, key, subject, digest)
            if sent.digest != digest:
                raise IdempotencyConflict("This Idempotency-Key was used for another body or channel.")
            if not sent.recorded:
                await self._wait_recorded(sent)
                await self._check_recorded(sent, channel, normalize(lines[-1], self._line_bytes)[0])
                await self._wait_replicated(sent)
                if key:
                    await self._mark_key_recorded(key, sent)
        return Published(sent.size, EventId(sent.fence, sent.size))

    async def publish_each(self, channel: str, lines: Mapping[str, bytes], subject: str) -> None:
        """
        Publish those of `lines` whose keys `subject` has not used before, and return when all are recorded.

        The keys are remembered like those of requests: for a day, the newest KEYS_PER_SUBJECT. No client may be called
        `subject`. Raises HubStopping, NotRecorded.
        """
        if self._hub.draining:
            raise HubStopping("The hub is stopping.")
        await self._require_recording()
        names = [self._partition.published(_stored_key(key, subject)) for key in lines]
        keys = [self._partition.clock, self._partition.fences, self._partition.left]
        keys += [self._partition.published_by(subject), *names]
        args = [channel, KEY_MS, KEYS_PER_SUBJECT, *lines.values()]
        try:
            fence = int(await self._run_script(self._each_script, keys, args))
        except (RedisError, OSError) as error:
            raise NotRecorded(
                f"Whether the lines were published is unknown: {error_text(error)}.", None, None
            ) from None
        sent = _SentBatch(fence, len(lines), "", False)
        await self._wait_recorded(sent)
        await self._wait_replicated(sent)

    # The steps of publish().

    async def _parse_lines(self, body: bytes, bad_lines_as_text: bool) -> list[bytes]:
        loop = asyncio.get_running_loop()
        lines: list[bytes] = []
        slice_start = loop.time()
        for line in parse_body(body, self._line_bytes, bad_lines_as_text):
            if line is not None:
                lines.append(line)
            if loop.time() - slice_start > SLICE_SECONDS:
                await asyncio.sleep(0)
                slice_start = loop.time()
        return lines

    @asynccontextmanager
    async def _slot_for(self, body_bytes: int) -> AsyncIterator[None]:
        """Wait until no other large body is on its way, if this is one. Raises NotRecorded."""
        if body_bytes <= LARGE_BYTES:
            yield
            return
        try:
            async with asyncio.timeout(RECORDED_SECONDS):
                await self._large_body.acquire()
        except TimeoutError:
            raise NotRecorded("Too many large bodies are waiting to be published.", 0, False) from None
        try:
            yield
        finally:
            self._large_body.release()

    async def _require_recording(self) -> None:
        """Return when the server answers, and a hub records. Raises NotRecorded."""
        try:
            # If this fails, the server was away before anything was published.
            await self._commands.ping()
        except (RedisError, OSError) as error:
            raise NotRecorded(f"Redis does not answer: {error_text(error)}.", 0, False) from None
        # Right after the start, or when the recorder has died, another process is about to record.
        if not await self._log.wait_recording(RECORDED_SECONDS):
            raise NotRecorded(
                f"No hub has recorded lines for {RECORDED_SECONDS:.0f} s, so nothing was published.", 0, False
            )

    async def _send(self, channel: str, lines: list[bytes], key: str | None, subject: str, digest: str) -> _SentBatch:
        await self._require_recording()
        key_names = [self._partition.published(key), self._partition.published_by(subject)] if key else []
        try:
            fence, count, known, recorded = await self._run_script(
                self._send_script,
                [self._partition.clock, self._partition.fences, self._partition.left, *key_names],
                [channel, digest, KEY_MS, KEYS_PER_SUBJECT, len(lines), *_joined(lines)],
            )
        except ResponseError as error:
            raise NotRecorded(f"Redis refused the lines: {error_text(error)}.", 0, False) from None
        except (RedisError, OSError) as error:
            raise NotRecorded(
                f"Whether the lines were published is unknown: Redis did not answer ({error_text(error)}).", None, None
            ) from None
        return _SentBatch(int(fence), int(count), known.decode(), recorded == b"1")

    async def _run_script(self, send_script: Any, keys: list[str], args: list[Any]) -> Any:
        """Run a script that publishes, again while the partition is on its way to another server."""
        deadline = asyncio.get_running_loop().time() + RECORDED_SECONDS
        while True:
            try:
                floor = self._hub.ingest.last_fence
                return await send_script(keys=keys, args=[floor, self._partition.fence_channel, *args])
            except TryAgainError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(SETTLE_MS / 1000)

    async def _wait_recorded(self, sent: _SentBatch) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + RECORDED_SECONDS
        reason = ""
        while loop.time() < deadline:
            try:
                if await self._log.wait_complete(sent.fence + 1) > sent.fence:
                    return
            except LogUnavailable as error:
                reason = f" {error}"
        # They may still be.
        raise NotRecorded(
            f"The lines were published, but not recorded within {RECORDED_SECONDS:.0f} s.{reason}", sent.size, None
        )

    async def _check_recorded(self, sent: _SentBatch, channel: str, last_line: bytes) -> None:
        try:
            keys, args = [self._partition.log(channel)], [sent.fence, sent.size]
            lines, gaps, digest = await self._check_script(keys=keys, args=args)
        except (RedisError, OSError) as error:
            raise NotRecorded(
                f"The lines were published, but the log can't be read: {error_text(error)}.", sent.size, None
            ) from None
        # Fewer lines without a gap marker among them were recorded, and have been trimmed since.
        if gaps or digest.decode() != sha1(last_line).hexdigest():
            raise NotRecorded(f"The lines were published, but the log has {lines} of {sent.size}.", sent.size, False)

    async def _wait_replicated(self, sent: _SentBatch) -> None:
        """
        Return when a replica has the lines, if the server is to take no writes without one (`min-replicas-to-write`).

        It notices only after some seconds that its replicas are gone. What it records until then is lost if one of them
        has taken its place.
        """
        try:
            if not await self._needs_replica():
                return
            async with self._commands.pipeline(transaction=False) as pipeline:
                # WAIT is about what this connection has written, and all that was written before.
                pipeline.execute_command("SET", self._partition.replicated, sent.fence, "PX", BARRIER_MS)
                pipeline.execute_command("WAIT", 1, REPLICATED_MS)
                _, replicas = await pipeline.execute()
        except NoPermissionError:
            # An account of before.
            return
        except (RedisError, OSError) as error:
            raise NotRecorded(
                f"The lines were recorded, but whether a replica has them is unknown: {error_text(error)}.",
                sent.size,
                None,
            ) from None
        if not replicas:
            raise NotRecorded("The lines were recorded, but no replica has confirmed them.", sent.size, None)

    async def _needs_replica(self) -> bool:
        """Raises RedisError, OSError."""
        replication = await self._commands.info("replication")
        # It is there only with the setting: https://redis.io/docs/latest/commands/info/
        return "min_slaves_good_slaves" in replication

    async def _mark_key_recorded(self, key: str, sent: _SentBatch) -> None:
        value = f"{sent.fence} {sent.size} {sent.digest} 1"
        try:
            name = self._partition.published(key)
            if not await self._commands.set(name, value, xx=True, keepttl=True):
                # Another server has taken over, and had not received the key.
                await self._commands.set(name, value, nx=True, px=KEY_MS)
        except (RedisError, OSError) as error:
            # A repeated request then checks the log again.
            logger.debug("idempotency_key_not_marked error=%(error)r", {"error": error_text(error)})


def _joined(lines: list[bytes]) -> Iterator[bytes]:
    """`lines` in arguments for the script: redis-py takes 10 µs for each argument, and meanwhile nothing else runs."""
    begin = size = 0
    for end, line in enumerate(lines):
        if size and size + len(line) > ARGUMENT_BYTES:
            yield b"\n".join(lines[begin:end])
            begin, size = end, 0
        size += len(line) + 1
    yield b"\n".join(lines[begin:])


def _stored_key(idempotency_key: str, subject: str) -> str:
    """`idempotency_key`, kept apart from those of other subjects, who must not learn of it. Raises InvalidRequest."""
    if not KEY.fullmatch(idempotency_key):
        raise InvalidRequest(f"Idempotency-Key {idempotency_key[:32]!r} must be 1 to 128 visible ASCII characters.")
    return f"{sha256(subject.encode()).hexdigest()[:32]}:{idempotency_key}" if subject else idempotency_key


def _digest(channel: str, body: bytes) -> str:
    return sha256(b"%b\n%b" % (channel.encode(), body)).hexdigest()
