"""
The recorded channels as this process knows them: the last id of each, and how many lines were recorded.

    read(until) --> the first time: HSCAN, some at a time          later: lua/changed.lua, only what has changed since
                └──► NameIndex <-- which of them a selection matches

A log may have a hundred thousand channels. Reading them all for each request would take Redis, and this process, some
tenths of a second, in which no line is delivered.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import LogKeys
from sse_hub.broker.scripts import script
from sse_hub.errors import LogChanged, LogUnavailable, error_text
from sse_hub.history.stream_entries import LogSnapshot, parse_channel_state, read_with_snapshot
from sse_hub.hub.backend import LogGap
from sse_hub.hub.name_index import NameIndex
from sse_hub.hub.new_names import may_match
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection
from sse_hub.tasks import cancel_and_wait

# Channels read, and parsed, at a time: about a millisecond.
SOME = 500

Channels = Mapping[str, tuple[EventId, int]]
CheckLog = Callable[[LogSnapshot, int], None]
"""Raises LogChanged unless a snapshot is of a log that is complete up to a fence."""


class ChannelDirectory:
    """
    The channels of one log.

    `names` learns their names. `check` is called for each read with the fence up to which the log must be complete.
    """

    def __init__(self, commands: redis.asyncio.Redis, log_keys: LogKeys, names: NameIndex, check: CheckLog) -> None:
        self._commands: Any = commands
        self._keys = log_keys
        self._names = names
        names.keep(lambda: self._channels)
        self._check = check
        self._channels: dict[str, tuple[EventId, int]] = {}
        self._forgotten: dict[str, int] = {}
        self._log_id = ""
        # Complete up to this fence, as of when the last read began; 0 when nothing was read of this log.
        self._complete_to = 0
        self._reading: asyncio.Task[None] | None = None
        # How often leave_branch() was called.
        self._branch = 0
        self._snapshot_script: Any = commands.register_script(script("snapshot"))
        self._changed_script: Any = commands.register_script(script("changed"))

    async def read(self, until: int) -> Channels:
        """
        The last id and the number of lines of every channel recorded up to fence `until`, at least.

        It is the directory itself: later reads change it. Raises LogUnavailable.
        """
        # One read at a time: those who come meanwhile share the next one.
        while self._complete_to < until:
            task = self._reading
            # The callbacks of a task that is done may not have run yet, and to await it would not let them.
            if task is None or task.done():
                task = self._reading = asyncio.create_task(self._read(until))
                task.add_done_callback(self._finish_read)
            await asyncio.shield(task)
        return self._channels

    async def matching(self, selection: Selection, until: int, first: bool = False) -> dict[str, EventId]:
        """
        The last ids of the channels recorded up to `until` that a pattern of `selection` matches.

        With `first`, its slices of work come before those of others. Raises LogUnavailable.
        """
        turn = self._names.fair_lock.first if first else self._names.fair_lock
        await self.read(until)
        names = await self._names.matching(selection, first)
        last_ids: dict[str, EventId] = {}
        for start in range(0, len(names), 10 * SOME):
            async with turn:
                channels = self._channels
                for name in names[start : start + 10 * SOME]:
                    if name in channels:
                        last_ids[name] = channels[name][0]
        return last_ids

    def forgotten_gap(self, pattern: str) -> LogGap | None:
        """The gap for the channels of `pattern` that were forgotten with their lines, as of the last read."""
        fence = max((fence for group, fence in self._forgotten.items() if may_match(pattern, group)), default=0)
        return LogGap(pattern, EventId(0, 0), EventId(fence + 1, 0), None, "trimmed") if fence else None

    def clear(self) -> None:
        """Another log has taken the place of the one that was read."""
        self._channels = {}
        self._complete_to = 0

    def leave_branch(self) -> None:
        """As clear(), where the other log may look like the one that was read: what is being read must not count."""
        self._branch += 1
        self.clear()

    async def close(self) -> None:
        """Cancel the read."""
        await cancel_and_wait([self._reading] if self._reading else [])

    def _finish_read(self, task: "asyncio.Task[None]") -> None:
        if self._reading is task:
            self._reading = None
        # Retrieves the exception of a read that nobody waits for any more.
        _ = task.cancelled() or task.exception()

    async def _read(self, until: int) -> None:
        if not self._complete_to or not await self._read_changes(until):
            await self._read_all(until)
        self._names.drop_old()

    async def _read_all(self, until: int) -> None:
        cursor, log_id, complete_to, branch = b"0", "", 0, self._branch
        channels: dict[str, tuple[EventId, int]] = {}
        known = False
        while cursor != b"0" or not log_id:
            command = ("HSCAN", cursor.decode(), "COUNT", str(SOME))
            snapshot, (cursor, raw) = await self._read_key(self._keys.partition.channels, *command)
            self._check(snapshot, until)
            log_id, complete_to = log_id or snapshot.log_id, complete_to or snapshot.complete_to
            if snapshot.log_id != log_id:
                raise LogChanged("The log was lost, or has got a gap, while its channels were read.")
            known = known or self._keys.watermark.encode() in raw[::2]
            async with self._names.fair_lock.first:
                self._take(raw, channels)
        if not known:
            raise LogUnavailable("The log has lost its channels.")
        _, forgotten = await self._read_key(self._keys.partition.forgotten, "HGETALL")
        if branch != self._branch:
            raise LogChanged("Another server has taken over while the channels were read.")
        self._channels, self._log_id, self._complete_to = channels, log_id, complete_to
        self._forgotten = _fences(forgotten)

    async def _read_key(self, key: str, *command: str) -> tuple[LogSnapshot, Any]:
        return await read_with_snapshot(self._snapshot_script, self._keys, key, *command)

    async def _read_changes(self, until: int) -> bool:
        """Read what has changed since the last read. False when all must be read."""
        # Lines of the fence itself may have been recorded since.
        since, complete_to = self._complete_to, 0
        names, partition = self._keys, self._keys.partition
        keys = [names.watermark, names.gaps, partition.channels, partition.recent, partition.forgotten]
        while True:
            try:
                watermark, first_gap, last_gap, known, count, last, raw, forgotten = await self._changed_script(
                    keys=keys, args=[since, SOME]
                )
            except (RedisError, OSError) as error:
                raise LogUnavailable(f"The log can't be read: {error_text(error)}.") from None
            snapshot = LogSnapshot.parse(watermark, first_gap, last_gap)
            self._check(snapshot, until)
            complete_to = complete_to or snapshot.complete_to
            if snapshot.log_id != self._log_id or not self._complete_to or not known:
                return False
            async with self._names.fair_lock.first:
                self._take(raw, self._channels)
            if last == b"":
                break
            if int(last) == since:
                # More channels than are read at a time have their last line after the same fence.
                return False
            since = int(last)
        if not self._complete_to or count != len(self._channels):
            # Fewer: the recorder has forgotten some, or the set is not that of these channels.
            return False
        self._complete_to, self._forgotten = complete_to, _fences(forgotten)
        return True

    def _take(self, raw: list[bytes], channels: dict[str, tuple[EventId, int]]) -> None:
        own = self._keys.partition.prefix.encode()
        add_name = self._names.add
        for key, state in zip(raw[::2], raw[1::2], strict=True):
            if not key.startswith(own):
                name = key.decode("ascii", "replace")
                channels[name] = parse_channel_state(state)
                add_name(name)


def _fences(raw: list[bytes]) -> dict[str, int]:
    return {group.decode("ascii", "replace"): int(fence) for group, fence in zip(raw[::2], raw[1::2], strict=True)}
