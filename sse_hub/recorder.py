"""
The recorder: appends the lines of the rings to the log, in the one process that has the lease.

    a ring grew --> hub.stirred --> at most a hundred times a second: lua/append.lua --> streams, watermark

It hangs off the side of the rings and waits for Redis on its own; live delivery does not notice it.
"""

import asyncio
import logging
from contextlib import suppress
from importlib.resources import files
from typing import Any, NamedTuple

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.channel import Channel
from sse_hub.config import Config
from sse_hub.errors import LogUnavailable
from sse_hub.events import EventId
from sse_hub.hub import Hub
from sse_hub.keys import CHANNELS, LogKeys, log_key
from sse_hub.lease import NEW_LOG_SECONDS, RENEW_SECONDS, Lease, Role, Standing
from sse_hub.log import RedisLog
from sse_hub.ring import Batch

logger = logging.getLogger(__name__)

# Lines gather for this long, so that a script appends many.
FLUSH_SECONDS = 0.01
# One script appends about this much at most: Redis serves nobody else meanwhile.
SCRIPT_LINES = 500
SCRIPT_BYTES = 256 * 1024
RETRY_SECONDS = 0.25


class Portion(NamedTuple):
    """What one script appends of a channel: `words` for the script, and the index in the ring that comes after."""

    channel: Channel
    words: list[bytes | str | int]
    pieces: int
    next: int
    lines: int
    size: int


class Recorder:
    """One process's part in recording. `error` says why nothing can be recorded at present, if that is so."""

    def __init__(self, config: Config, commands: redis.asyncio.Redis, hub: Hub, log: RedisLog) -> None:
        self.recording = False
        self.error = ""
        self._hub = hub
        self._log = log
        self._retain = (config.retain_lines, config.retain_ms)
        self._keys = LogKeys.of(config.ingest)
        self._lease = Lease(commands, self._keys)
        self._script = commands.register_script((files("sse_hub") / "lua" / "append.lua").read_text())
        self._loop = asyncio.get_running_loop()
        # What is missing before the next line of a channel.
        self._holes: dict[Channel, str] = {}
        self._breaks: list[tuple[int, int, str]] = []
        # What a round has still to append, to which index; and the fence that is the watermark then.
        self._pending: dict[Channel, int] = {}
        self._fence = 0
        self._no_log_since: float | None = None

    async def run(self) -> None:
        """Record while the lease is ours, until cancelled."""
        while True:
            await self._hub.stirred.wait()
            self._hub.stirred.clear()
            if self.recording and not await self._record():
                await asyncio.sleep(RETRY_SECONDS)
                self._hub.stirred.set()
            await asyncio.sleep(FLUSH_SECONDS)

    async def claim(self) -> None:
        """Ask for the lease, and renew it, until cancelled."""
        while True:
            try:
                await self.stand()
                if not self.recording:
                    self._told("")
            except LogUnavailable as error:
                self._told(str(error))
            # Sooner where a session was cut or has begun.
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_SECONDS):
                    await self._hub.changed.wait()
            self._hub.changed.clear()

    async def finish(self) -> None:
        """Append what is left, and leave the lease to the others."""
        try:
            if self.recording:
                await self._record()
            self.recording = False
            await self._lease.resign()
        except LogUnavailable as error:
            logger.warning("recorder_unfinished error=%r", str(error))

    async def stand(self) -> Standing:
        """Ask for the lease, or renew it, as the rings deserve now. Raises LogUnavailable."""
        hub = self._hub
        why_new = "log-lost" if self._outlived_log else "recorder-down"
        patient = self._no_log_since is not None and self._loop.time() - self._no_log_since > NEW_LOG_SECONDS
        standing = await self._lease.stand(hub.whole_since, hub.reach, why_new if patient else "")
        self._no_log_since = None if standing.watermark >= 0 else self._no_log_since or self._loop.time()
        self._log.advance(max(0, standing.watermark))
        if standing.role in (Role.TOOK_OVER, Role.BEGAN_LOG) or (standing.role is Role.RECORDER and not self.recording):
            self._begin(standing)
        elif standing.role is Role.TAP:
            if self.recording:
                logger.info("recorder_lost")
            self.recording = False
        return standing

    # The rest.

    @property
    def _outlived_log(self) -> bool:
        # One whose rings have a break was there before a log that begins only now: the server has lost it.
        return self._hub.reach != self._hub.whole_since

    def _begin(self, standing: Standing) -> None:
        """Record from the watermark on: what is there already is refused by its id."""
        hub, watermark = self._hub, standing.watermark
        self._breaks = [each for each in hub.breaks if each[1] > watermark]
        if hub.reach is not None and hub.reach > watermark:
            self._breaks.insert(0, (watermark, hub.reach, "recorder-down"))
        at = EventId(watermark, 0)
        known_from = max(at, EventId(hub.reach or 0, 0))
        reason = "log-lost -" if standing.role is Role.BEGAN_LOG and self._outlived_log else "trimmed -"
        self._holes, self._pending = {}, {}
        for channel in hub.directory.recorded():
            channel.recorded_to = channel.ring.index_after(at)
            if channel.ring.start > known_from:
                self._holes[channel] = reason
            self._pending[channel] = channel.ring.end
        self._fence = hub.last_fence
        self.recording = True
        self._log.advance(watermark)
        hub.stirred.set()
        logger.info("recorder_began watermark=%d breaks=%d role=%s", watermark, len(self._breaks), standing.role.name)

    async def _record(self) -> bool:
        """Append what is in the rings now. False when that can't be done at present, or is not ours to do."""
        if not self._pending:
            self._pending = {channel: channel.ring.end for channel in self._hub.directory.take_fresh()}
            self._fence = self._hub.last_fence
        while self.recording:
            portions = self._portions()
            done = sum(each.next >= self._pending[each.channel] for each in portions) == len(self._pending)
            if not await self._append(portions, str(self._fence) if done else ""):
                return False
            if done and not self._pending:
                self._log.advance(self._fence)
                return True
        return False

    def _portions(self) -> list[Portion]:
        portions: list[Portion] = []
        lines = size = 0
        for channel, end in self._pending.items():
            portion = self._portion(channel, end, SCRIPT_LINES - lines, SCRIPT_BYTES - size)
            portions.append(portion)
            lines += max(1, portion.lines)
            size += portion.size
            if lines >= SCRIPT_LINES or size >= SCRIPT_BYTES:
                break
        return portions

    def _portion(self, channel: Channel, end: int, lines_wanted: int, bytes_wanted: int) -> Portion:
        ring = channel.ring
        at = channel.recorded_to
        words: list[bytes | str | int] = []
        pieces = lines = size = 0
        if at < ring.first:
            # Evicted before it could be appended.
            self._holes.setdefault(channel, f"trimmed {ring.first - at}")
            at = ring.first
        if channel in self._holes:
            words += [ring.start.fence, ring.start.n, 0, self._holes[channel]]
            pieces += 1
        for entry in ring.entries_from(at):
            if lines >= lines_wanted or size >= bytes_wanted or at >= end:
                break
            stop = entry.length
            # A break is told for all channels at once.
            if isinstance(entry, Batch):
                start = at - entry.index
                fitting = max(1, (bytes_wanted - size) * entry.length // entry.size)
                stop = min(entry.length, start + lines_wanted - lines, start + fitting)
                words += [entry.fence, entry.first + start, stop - start, *entry.lines[start:stop]]
                pieces += 1
                lines += stop - start
                size += entry.size * (stop - start) // entry.length
            at = entry.index + stop
            if stop < entry.length:
                break
        return Portion(channel, words, pieces, at, lines, size)

    async def _append(self, portions: list[Portion], watermark: str) -> bool:
        appending = [each for each in portions if each.pieces]
        args: list[bytes | str | int] = [self._lease.token, watermark, *self._retain, len(self._breaks)]
        for hole in self._breaks:
            args += hole
        for each in appending:
            args += [each.channel.name, each.pieces, *each.words]
        streams = [log_key(each.channel.name) for each in appending]
        shared = [self._keys.lease, self._keys.watermark, CHANNELS, self._keys.breaks]
        try:
            reply: Any = await self._script(keys=[*shared, *streams], args=args)
        except (RedisError, OSError) as error:
            self._told(f"Lines can't be recorded: {error or type(error).__name__}.")
            return False
        if isinstance(reply, list):
            self._begin_again({name.decode() for name in reply}, appending)
        elif reply < 0:
            self.recording = False
            logger.info("recorder_lost")
        else:
            self._told("")
            self._hub.counters["recorded_lines"] += reply
            self._appended(portions)
        return self.recording

    def _appended(self, portions: list[Portion]) -> None:
        self._breaks = []
        for each in portions:
            each.channel.recorded_to = each.next
            self._holes.pop(each.channel, None)
            if each.next >= self._pending[each.channel]:
                del self._pending[each.channel]

    def _begin_again(self, names: set[str], portions: list[Portion]) -> None:
        """The streams of these channels have vanished: append all that the rings still have."""
        logger.warning("log_lost channels=%d first=%r", len(names), min(names))
        for each in portions:
            if each.channel.name in names:
                each.channel.recorded_to = each.channel.ring.first
                self._holes[each.channel] = "log-lost -"

    def _told(self, error: str) -> None:
        if error and not self.error:
            logger.warning("recording_failed error=%r", error)
            self._hub.counters["recording_failures"] += 1
        elif self.error and not error:
            logger.info("recording_again")
        self.error = error
