"""
The recorder: appends the lines of the rings to the log, in the one process that has the lease.

    a ring grew --> hub.stirred --> 4 to 20 times a second, and after each fence: lua/append.lua --> streams, watermark

It hangs off the side of the rings and waits for Redis on its own; live delivery does not notice it.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import CHANNELS, LogKeys, log_key
from sse_hub.broker.scripts import script
from sse_hub.config import Config
from sse_hub.errors import LogUnavailable
from sse_hub.history.append_batch import AppendBatch, append_batches
from sse_hub.history.lease import NEW_LOG_SECONDS, RENEW_SECONDS, Lease, LeaseState, Role
from sse_hub.history.pruning import ChannelPruner
from sse_hub.history.reader import LogReader
from sse_hub.hub.channel import Channel
from sse_hub.hub.ingest import Ingest
from sse_hub.protocol.ids import EventId

logger = logging.getLogger(__name__)

# Lines gather for this long, so that a script appends many; a few, for up to so many times as long.
FLUSH_SECONDS = 0.05
FEW_BYTES = 32 * 1024
FEW_TIMES = 5
RETRY_SECONDS = 0.25
# How long a hub that stops waits for its last lines to be recorded.
FINISH_SECONDS = 0.5


class Recorder:
    """One process's part in recording. `error` says why nothing can be recorded at present, if that is so."""

    def __init__(self, config: Config, commands: redis.asyncio.Redis, ingest: Ingest, log: LogReader) -> None:
        self.recording = False
        self.error = ""
        self._ingest = ingest
        self._log = log
        self._leaving = False
        # One at a time: a lease asked for must not come after it was given back.
        self._lease_state = asyncio.Lock()
        self._flushing = asyncio.Lock()
        self._retain = (config.retain_lines, config.retain_ms)
        self._keys = LogKeys.of(config.ingest)
        self._commands: Any = commands
        self._lease = Lease(commands, self._keys)
        self._pruner = ChannelPruner(commands, log, config.retain_ms)
        self._script = commands.register_script(script("append"))
        self._loop = asyncio.get_running_loop()
        # What is missing before the next line of a channel.
        self._gaps: dict[Channel, str] = {}
        self._gap_marks: list[tuple[int, int, str]] = []
        # What a round has still to append, to which index; and the fence that is the watermark then.
        self._pending: dict[Channel, int] = {}
        self._fence = 0
        self._since: int | None = None
        self._no_log_since: float | None = None
        # Whether there was a log at any time: one that begins after that is what is left of it.
        self._had_log = False

    async def run(self) -> None:
        """Record while the lease is ours, until cancelled."""
        while True:
            await self._ingest.memory.new_lines.wait()
            self._ingest.memory.new_lines.clear()
            self._ingest.fence_seen.clear()
            self._log.catching_up = self.recording and not self.error
            flushed = await self._flush()
            # In a flood there is more by now.
            self._log.catching_up = self._log.catching_up and flushed and self._ingest.memory.new_lines.is_set()
            if not flushed:
                await asyncio.sleep(RETRY_SECONDS)
                self._ingest.memory.new_lines.set()
            await self._wait_for_work()

    async def keep_lease(self) -> None:
        """Ask for the lease, and renew it, until cancelled."""
        while not self._leaving:
            try:
                await self.lease_state()
                if not self.recording:
                    self._set_error("")
                else:
                    await self._pruner.prune(self._loop.time(), self._ingest.last_fence)
            except LogUnavailable as error:
                self._set_error(str(error))
            # Sooner where a session was cut or has begun.
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_SECONDS):
                    await self._ingest.session_changed.wait()
            self._ingest.session_changed.clear()

    async def finish(self) -> None:
        """Append what is left, and leave the lease to the others."""
        self._leaving = True
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                await self._flush()
                async with self._lease_state:
                    self.recording = self._ingest.memory.recording = False
                    await self._lease.resign()
        except (LogUnavailable, TimeoutError) as error:
            logger.warning("recording_unfinished error=%(error)r", {"error": str(error)})

    async def replace(self, token: str) -> None:
        """Ask for the lease in place of a process that is known to have died, whose token this was."""
        try:
            await self._lease.resign(token)
        except LogUnavailable as error:
            # Then its lease runs out in its time.
            logger.warning("lease_not_resigned token=%(token)s error=%(error)r", {"token": token, "error": str(error)})
        self._ingest.session_changed.set()

    async def lease_state(self) -> LeaseState:
        """Ask for the lease, or renew it, as the rings deserve now. Raises LogUnavailable."""
        async with self._lease_state:
            since = self._ingest.complete_since
            why_new = "log-lost" if self._had_log else "recorder-down"
            patient = self._no_log_since is not None and self._loop.time() - self._no_log_since > NEW_LOG_SECONDS
            # What a recorder has evicted it has recorded before.
            held = since if self.recording else self._ingest.held_since
            standing = await self._lease.acquire_or_renew(
                since, self._ingest.first_fence, why_new if patient else "", held
            )
            self._no_log_since = None if standing.watermark >= 0 else self._no_log_since or self._loop.time()
            self._log.advance(max(0, standing.watermark))
            if standing.role is Role.TAP:
                self._stop_recording()
            elif (standing.role is not Role.RECORDER or not self.recording) and since == self._ingest.complete_since:
                self._start_recording(standing)
            self._had_log = self._had_log or standing.watermark >= 0
            return standing

    @property
    def token(self) -> str:
        """This process's name among those that could record."""
        return self._lease.token

    # The rest.

    async def _wait_for_work(self) -> None:
        """Return when it is worth a script to append what has come, or when a fence has: others wait for that."""
        for _ in range(FEW_TIMES):
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._ingest.fence_seen.wait()
                    return
            if self._ingest.memory.unrecorded_bytes >= FEW_BYTES:
                return

    def _stop_recording(self) -> None:
        if self.recording:
            logger.info("lease_lost")
        self.recording = self._ingest.memory.recording = False

    def _start_recording(self, standing: LeaseState) -> None:
        """Record from the watermark on: what is there already is refused by its id."""
        ingest, watermark = self._ingest, standing.watermark
        self._gap_marks = [
            (max(after, watermark), fence, why) for after, fence, why in ingest.gaps if fence > watermark
        ]
        if ingest.first_fence is not None and ingest.first_fence > watermark:
            self._gap_marks.insert(0, (watermark, ingest.first_fence, "recorder-down"))
        at, known_from = EventId(watermark, 0), EventId(max(watermark, ingest.first_fence or 0), 0)
        reason = "log-lost -" if standing.role is Role.BEGAN_LOG and self._had_log else "trimmed -"
        self._gaps, self._pending = {}, {}
        for channel in ingest.registry.recorded():
            channel.recorded_to = channel.ring.index_after(at)
            if channel.ring.start > known_from:
                self._gaps[channel] = reason
            self._pending[channel] = channel.ring.end
        if standing.role is not Role.BEGAN_LOG or self._had_log:
            covered = not self._gap_marks and standing.role is not Role.BEGAN_LOG
            ingest.counters.takeovers[str(covered).lower()] += 1
        self._fence, self._since = ingest.last_fence, ingest.complete_since
        self.recording = ingest.memory.recording = True
        self._log.advance(watermark)
        ingest.memory.new_lines.set()
        logger.info(
            "recording_started watermark=%(watermark)d breaks=%(breaks)d role=%(role)s",
            {"watermark": watermark, "breaks": len(self._gap_marks), "role": standing.role.name},
        )

    async def _flush(self) -> bool:
        """Append what is in the rings now, if that is ours to do. False when it can't be done at present."""
        async with self._flushing:
            if self.recording:
                # Also where a round is still to be ended: what is left among the fresh would stir nobody.
                self._pending |= {channel: channel.ring.end for channel in self._ingest.memory.take_unrecorded()}
                self._fence = self._ingest.last_fence
            while self.recording:
                if self._ingest.complete_since != self._since:
                    # The session was cut: what came after that must not be recorded as if nothing were missing.
                    self._stop_recording()
                    return True
                portions = append_batches(self._pending, self._gaps)
                done = sum(each.next >= self._pending[each.channel] for each in portions) == len(self._pending)
                if not await self._append(portions, str(self._fence) if done else ""):
                    return not self.recording
                if done and not self._pending:
                    self._log.advance(self._fence)
                    return True
            return True

    async def _append(self, portions: list[AppendBatch], watermark: str) -> bool:
        pending, appending = self._pending, [each for each in portions if each.pieces]
        args: list[bytes | str | int] = [
            self._lease.owner_value(self._since),
            watermark,
            *self._retain,
            len(self._gap_marks),
        ]
        args += [word for hole in self._gap_marks for word in hole]
        args += [word for each in appending for word in (each.channel.name, each.pieces, *each.words)]
        names = [self._keys.lease, self._keys.watermark, CHANNELS, self._keys.breaks]
        names += [log_key(each.channel.name) for each in appending]
        try:
            reply: Any = await self._script(keys=names, args=args)
        except (RedisError, OSError) as error:
            self._ingest.counters.redis_errors["recording"] += 1
            self._set_error(f"Lines can't be recorded: {error or type(error).__name__}.")
            return False
        if self._pending is not pending:
            # Recording has begun anew before this answer came: breaks, too, are still to be appended.
            return False
        if isinstance(reply, list):
            self._restart_streams({name.decode() for name in reply}, appending)
        elif reply < 0:
            self._stop_recording()
            # Ask at once whose it is, or whether a log must be begun.
            self._ingest.session_changed.set()
        else:
            self._set_error("")
            self._ingest.counters.recorded_lines += reply
            self._mark_appended(portions)
        return self.recording

    def _mark_appended(self, portions: list[AppendBatch]) -> None:
        self._gap_marks = []
        for each in portions:
            self._ingest.counters.recorded[each.channel.namespace] += each.lines
            each.channel.recorded_to = each.next
            if self._ingest.registry.get(each.channel.name.encode()) is each.channel:
                self._ingest.memory.trim(each.channel)
            self._gaps.pop(each.channel, None)
            if each.next >= self._pending.get(each.channel, 0):
                self._pending.pop(each.channel, None)

    def _restart_streams(self, names: set[str], portions: list[AppendBatch]) -> None:
        """The streams of these channels have vanished: append all that the rings still have."""
        logger.warning("log_lost channels=%(channels)d first=%(first)r", {"channels": len(names), "first": min(names)})
        for each in portions:
            if each.channel.name in names:
                each.channel.recorded_to = each.channel.ring.first
                self._gaps[each.channel] = "log-lost -"

    def _set_error(self, error: str) -> None:
        if error and not self.error:
            logger.warning("recording_failed error=%(error)r", {"error": error})
            self._ingest.counters.recording_failures += 1
        elif self.error and not error:
            logger.info("recording_resumed")
        self.error = error
