"""
The recorder: appends the lines of the rings to the log, in the one process that holds the lease.

    new lines in the rings --> run(), 4 to 20 times a second and after each fence --> lua/append.lua --> streams
    keep_lease() --> lua/lease.lua --> this process records, or another does

It reads the rings and waits for Redis by itself, so live delivery never waits for it.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.config import Config
from sse_hub.errors import LogUnavailable, error_text
from sse_hub.history.append_batch import AppendBatch, ScriptArg
from sse_hub.history.append_round import AppendRound
from sse_hub.history.appended_channels import AppendedChannels
from sse_hub.history.lease import NEW_LOG_SECONDS, RENEW_SECONDS, Lease, LeaseState, Role
from sse_hub.history.pruning import ChannelPruner
from sse_hub.history.reader import LogReader
from sse_hub.hub.ingest import Ingest
from sse_hub.hub.new_names import group_of

logger = logging.getLogger(__name__)

# Lines are collected for this long, so that one script appends many. Less than MIN_FLUSH_BYTES is collected for up to
# MAX_FLUSH_DELAYS times as long.
FLUSH_SECONDS = 0.05
MIN_FLUSH_BYTES = 32 * 1024
MAX_FLUSH_DELAYS = 5
RETRY_SECONDS = 0.25
# How long a stopping hub waits until its last lines are recorded.
FINISH_SECONDS = 0.5


class Recorder:
    """
    One process's part in recording.

    `recording` is true while this process holds the lease. `error` says why lines can't be recorded at present; it is
    empty while they can. `appended` has the channels whose lines it has appended.
    """

    def __init__(
        self, config: Config, commands: redis.asyncio.Redis, log_keys: LogKeys, ingest: Ingest, log: LogReader
    ) -> None:
        self.recording = False
        self.error = ""
        self.appended = AppendedChannels()
        # Set when this process has begun or ceased to record, and when `appended` is complete further than before.
        self.progressed = asyncio.Event()
        self._ingest = ingest
        self._log = log
        self._stopping = False
        # A request for the lease must not arrive after the lease was resigned.
        self._lease_lock = asyncio.Lock()
        self._flush_lock = asyncio.Lock()
        self._retention = (config.retain_lines, config.retain_ms, config.retain_megabytes * 1_000_000)
        self._keys = log_keys
        self._lease = Lease(commands, log_keys)
        self._pruner = ChannelPruner(commands, log_keys.partition, log, config.retain_ms, config.retain_channels)
        self._append_script: Any = commands.register_script(script("append"))
        self._loop = asyncio.get_running_loop()
        self._round = AppendRound(None, 0, {}, [])
        self._no_log_since: float | None = None
        # Once there has been a log, a new one means that the old one was lost.
        self._had_log = False
        # The highest watermark seen: a lower one means that the log has lost its last lines.
        self._was_complete_to = 0

    @property
    def token(self) -> str:
        """This process's name among those that could record."""
        return self._lease.token

    @property
    def lease_value(self) -> str:
        """The value of the lease's key while this process records, for scripts that check it."""
        return self._lease.owner_value(self._round.complete_since)

    async def run(self) -> None:
        """Record while this process holds the lease, until cancelled."""
        while True:
            await self._ingest.memory.new_lines.wait()
            self._ingest.memory.new_lines.clear()
            self._ingest.fence_seen.clear()
            self._log.catching_up = self.recording and not self.error
            flushed = await self._flush()
            # In a flood there are more lines by now.
            self._log.catching_up = self._log.catching_up and flushed and self._ingest.memory.new_lines.is_set()
            if not flushed:
                await asyncio.sleep(RETRY_SECONDS)
                self._ingest.memory.new_lines.set()
            await self._wait_for_work()

    async def keep_lease(self) -> None:
        """Request the lease, then renew it, until cancelled."""
        while not self._stopping:
            try:
                await self.request_lease()
                if not self.recording:
                    self._set_error("")
                else:
                    await self._pruner.prune(self._loop.time(), self._ingest.last_fence)
            except LogUnavailable as error:
                self._set_error(str(error))
            # Sooner when a session was cut or has started.
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_SECONDS):
                    await self._ingest.session_changed.wait()
            self._ingest.session_changed.clear()

    async def request_lease(self) -> LeaseState:
        """
        Request or renew the lease, on the strength of what the rings hold now.

        Starts or stops recording accordingly. Raises LogUnavailable.
        """
        async with self._lease_lock:
            complete_since, branch = self._ingest.complete_since, self._log.branch
            # What this process has evicted while recording is in the log already.
            held_since = (self.recording and complete_since) or self._ingest.held_since
            new_log_reason = ""
            if self._no_log_since is not None and self._loop.time() - self._no_log_since > NEW_LOG_SECONDS:
                new_log_reason = "log-lost" if self._had_log else "recorder-down"
            state = await self._lease.acquire_or_renew(
                complete_since, self._ingest.first_fence, new_log_reason, held_since
            )
            if branch != self._log.branch:
                # The answer is of a server that this process has left, and of a log that is not the one it reads now.
                return state
            self._no_log_since = None if state.watermark >= 0 else self._no_log_since or self._loop.time()
            self._log.advance(max(0, state.watermark))
            if state.role is Role.TAP:
                self._stop_recording()
            elif complete_since == self._ingest.complete_since and not (self.recording and state.role is Role.RECORDER):
                self._start_recording(state)
            self._had_log = self._had_log or state.watermark >= 0
            self._was_complete_to = max(self._was_complete_to, state.watermark)
            return state

    async def replace(self, token: str) -> None:
        """Take over from the process with this `token`, which is known to have died."""
        try:
            await self._lease.resign(token)
        except LogUnavailable as error:
            # Then its lease expires by itself.
            logger.warning("lease_not_resigned token=%(token)s error=%(error)r", {"token": token, "error": str(error)})
        self._ingest.session_changed.set()

    async def finish(self) -> None:
        """Append what is left, and resign the lease. Takes at most FINISH_SECONDS."""
        self._stopping = True
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                await self._flush()
                async with self._lease_lock:
                    self.recording = self._ingest.memory.recording = False
                    await self._lease.resign()
        except (LogUnavailable, TimeoutError) as error:
            logger.warning("recording_unfinished error=%(error)r", {"error": str(error)})

    # Starting and stopping.

    def _start_recording(self, state: LeaseState) -> None:
        """Record from the watermark on."""
        ingest = self._ingest
        began_log = state.role is Role.BEGAN_LOG
        lost = (began_log and self._had_log) or state.watermark < self._was_complete_to
        self._round.replaced = True
        self._round = AppendRound.after(state.watermark, ingest, "log-lost" if lost else "trimmed")
        if not began_log or self._had_log:
            covered = not began_log and not self._round.log_gaps
            ingest.counters.takeovers[str(covered).lower()] += 1
        self.appended.begin(state.watermark)
        self.recording = ingest.memory.recording = True
        self.progressed.set()
        self._log.advance(state.watermark)
        ingest.memory.new_lines.set()
        logger.info(
            "recording_started watermark=%(watermark)d gaps=%(gaps)d role=%(role)s",
            {"watermark": state.watermark, "gaps": len(self._round.log_gaps), "role": state.role.name},
        )

    def _stop_recording(self) -> None:
        if self.recording:
            logger.info("lease_lost")
        self.recording = self._ingest.memory.recording = False
        self.progressed.set()

    # Appending.

    async def _wait_for_work(self) -> None:
        """Return when there is enough to append, or at once after a fence: others wait until that is recorded."""
        for _ in range(MAX_FLUSH_DELAYS):
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._ingest.fence_seen.wait()
                    return
            if self._ingest.memory.unrecorded_bytes >= MIN_FLUSH_BYTES:
                return

    async def _flush(self) -> bool:
        """Append what the rings hold now, if this process records. False when that must be tried again later."""
        async with self._flush_lock:
            if self.recording:
                # Also while the last round is unfinished: channels left in the list of unrecorded ones wake nobody.
                self._round.extend(self._ingest.memory.take_unrecorded(), self._ingest.last_fence, self._ingest.gaps)
            while self.recording:
                append_round = self._round
                if self._ingest.complete_since != append_round.complete_since:
                    # The session was cut: lines after the cut must not be recorded as if nothing were missing.
                    self._stop_recording()
                    return True
                if not await self._append_next(append_round):
                    return not self.recording
                if append_round.finished:
                    self.appended.advance(append_round.fence)
                    self.progressed.set()
                    self._log.advance(append_round.fence)
                    self._was_complete_to = max(self._was_complete_to, append_round.fence)
                    return True
            return True

    async def _append_next(self, append_round: AppendRound) -> bool:
        """Run the next script of the round. False when the round can't go on now."""
        batches = append_round.next_batches()
        appending = [batch for batch in batches if batch.pieces]
        watermark = str(append_round.fence) if append_round.is_last(batches) else ""
        try:
            reply = await self._run_append_script(append_round, appending, watermark)
        except (RedisError, OSError) as error:
            self._ingest.counters.redis_errors["recording"] += 1
            self._set_error(f"Lines can't be recorded: {error_text(error)}.")
            return False
        if append_round.replaced:
            # The new round has gaps to append that this script knew nothing of.
            return False
        if isinstance(reply, list):
            self._restart_streams(append_round, {name.decode() for name in reply}, appending)
        elif reply < 0:
            self._stop_recording()
            # Find out at once who holds the lease, or whether a new log must be started.
            self._ingest.session_changed.set()
        else:
            self._set_error("")
            self._ingest.counters.recorded_lines += reply
            append_round.mark_appended(batches)
            self._release_recorded(batches)
        return self.recording

    async def _run_append_script(self, append_round: AppendRound, batches: list[AppendBatch], watermark: str) -> Any:
        """Run lua/append.lua, which documents keys, arguments and reply. `watermark` is empty until the last one."""
        names, partition = self._keys, self._keys.partition
        keys = [names.lease, names.watermark, partition.channels, names.gaps, partition.recent, partition.forgotten]
        keys += [partition.log(batch.channel.name) for batch in batches]
        args: list[ScriptArg] = [self._lease.owner_value(append_round.complete_since), watermark, *self._retention]
        args += [len(append_round.log_gaps), *(arg for gap in append_round.log_gaps for arg in gap)]
        args += [arg for batch in batches for arg in _described(batch)]
        return await self._append_script(keys=keys, args=args)

    def _release_recorded(self, batches: list[AppendBatch]) -> None:
        """Count appended lines, and let the rings evict them."""
        registry, memory, counters = self._ingest.registry, self._ingest.memory, self._ingest.counters
        for batch in batches:
            counters.recorded[batch.channel.namespace] += batch.lines
            self.appended.add(batch.channel)
            # The ring of a forgotten channel no longer counts towards that memory.
            if registry.get(batch.channel.name.encode()) is batch.channel:
                memory.trim(batch.channel)

    def _restart_streams(self, append_round: AppendRound, names: set[str], batches: list[AppendBatch]) -> None:
        """The streams of the channels `names` have vanished: append all that their rings still hold."""
        logger.warning("log_lost channels=%(channels)d first=%(first)r", {"channels": len(names), "first": min(names)})
        for batch in batches:
            if batch.channel.name in names:
                append_round.restart(batch.channel)

    def _set_error(self, error: str) -> None:
        if error and not self.error:
            logger.warning("recording_failed error=%(error)r", {"error": error})
            self._ingest.counters.recording_failures += 1
        elif self.error and not error:
            logger.info("recording_resumed")
        self.error = error


def _described(batch: AppendBatch) -> tuple[ScriptArg, ...]:
    return batch.channel.name, group_of(batch.channel.name), batch.pieces, *batch.args
