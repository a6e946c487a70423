"""
The evaluator: takes the lines of the log through the rules, in the one process that records.

    the recorder has appended more --> lines in the rings, else in the log --> WorkingRules --> alerts
    alerts, position, states --> StateStore.commit(), which another process goes on from

It follows behind the recorder, in slices of a millisecond, so neither recording nor live delivery waits for it.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import aclosing

from redis.exceptions import RedisError

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.log_position import LogPosition
from sse_hub.alerts.placed_line import PlacedLine, lines_in_rings
from sse_hub.alerts.rule import AlertRule
from sse_hub.alerts.rule_state import RuleState, StateChanges
from sse_hub.alerts.state_store import StateStore
from sse_hub.alerts.working_rules import WorkingRules
from sse_hub.errors import HubError, error_text
from sse_hub.history.log_range import LogRange
from sse_hub.history.merge import RecordedLine
from sse_hub.history.query import HistoryQuery
from sse_hub.history.reader import LogReader
from sse_hub.history.recorder import Recorder
from sse_hub.hub.fair_lock import slice_end
from sse_hub.protocol.ids import Cursor

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
# After another process was found to evaluate: by then, this one should know that it has lost the lease.
REFUSED_SECONDS = 0.1
# What one script writes at most, about: Redis serves nobody else meanwhile.
MAX_CHANGED = 300
MAX_ALERTS = 300
# Positions alone are written no more often.
COMMIT_SECONDS = 1.0
# Fences are a second apart; with more time between two, lines may be missing there.
LATE_FENCE_MS = 3_000
# Lines between two readings of the clock, of a few kB each: one of 1 MB alone may take longer than a slice.
STEP = 8
STEP_BYTES = 16_384


class _Refused(Exception):
    """Another process has evaluated the log, or may do so now."""


class Evaluator:
    """
    One process's part in evaluating rules, while `recorder` records.

    `behind_ms` is how far it is behind the watermark. `error` says why it can't go on at present, or ''. `on_alerts` is
    set when there are new alerts in the outbox.
    """

    def __init__(self, recorder: Recorder, log: LogReader, history: HistoryQuery, store: StateStore) -> None:
        self.rules = WorkingRules()
        self.error = ""
        self.on_alerts = asyncio.Event()
        self._recorder = recorder
        self._log = log
        self._history = history
        self._store = store
        self._wanted: dict[str, AlertRule] = {}
        self._rules_known = False
        # Which time of recording the rules were loaded for; 0: none.
        self._loaded_for = 0
        self._position = LogPosition(0)
        # The channels appended before now may have been looked at, by an evaluation that was not written down.
        self._must_read_log = True
        self._alerts: list[Alert] = []
        self._begun: set[str] = set()
        self._gaps: deque[tuple[int, int]] = deque()
        self._committed_at = float("-inf")
        # How far this process has come, and on which branch: should Redis have lost that, a log begins anew with lines
        # that were evaluated before.
        self._committed = (0, LogPosition(0))

    @property
    def behind_ms(self) -> int:
        """How far the rules are behind the watermark; 0 if another process evaluates them, or there are none."""
        return max(0, self._log.watermark - self._position.fence) if self.rules else 0

    def use(self, rules: Iterable[AlertRule]) -> None:
        """From now on, `rules` are those at work. One that is new, or another than before, begins now."""
        self._wanted = {rule.id: rule for rule in rules if not rule.paused}
        self._rules_known = True

    async def run(self) -> None:
        """Evaluate while this process records, until cancelled."""
        while True:
            if not self._has_work:
                self._recorder.progressed.clear()
                await self._recorder.progressed.wait()
            if not (self._recorder.recording and self._rules_known):
                self._unload()
                continue
            try:
                await self._evaluate()
                self._set_error("")
            except _Refused:
                self._unload()
                await asyncio.sleep(REFUSED_SECONDS)
            except (RedisError, OSError, HubError) as error:
                self._unload()
                self._set_error(error_text(error))
                await asyncio.sleep(RETRY_SECONDS)

    @property
    def _has_work(self) -> bool:
        may = self._recorder.recording and self._rules_known
        return may and self._recorder.appended.complete_to > self._position.fence

    def _unload(self) -> None:
        """What is in Redis counts: another process may go on from there."""
        self._loaded_for = 0
        self._must_read_log = True
        self._position = LogPosition(0)
        self.rules = WorkingRules()
        self._alerts, self._begun = [], set()
        self._gaps.clear()

    def _set_error(self, error: str) -> None:
        if error and not self.error:
            logger.warning("rules_not_evaluated error=%(error)r", {"error": error})
        elif self.error and not error:
            logger.info("rules_evaluated_again")
        self.error = error

    # The rules.

    async def _load(self, watermark: int) -> None:
        """Go on where the evaluator before this one has written down to be."""
        self._unload()
        beginnings = self._recorder.appended.beginnings
        position, states = await self._store.load(self._wanted)
        if position is None:
            branch, own = self._committed
            self._position = max(LogPosition(watermark), own if branch == self._log.branch else LogPosition(0))
        else:
            # A server that took over may have lost the last lines, and gives their ids to others.
            self._position = min(position, LogPosition(watermark))
        self.rules = WorkingRules(states, self._position.fence)
        self._loaded_for = beginnings

    def _apply_rules(self, watermark: int) -> None:
        rules = self.rules
        for id in [id for id, state in rules.states.items() if self._wanted.get(id) != state.rule]:
            rules.remove(id)
        for id in self._wanted.keys() - rules.states.keys():
            rules.put(RuleState(self._wanted[id], max(watermark, self._position.fence)))
            self._begun.add(id)
        if not rules or all(state.begins_ms > self._position.fence for state in rules):
            # Nobody has anything to look for before.
            self._position = max(self._position, LogPosition(watermark))
            rules.now_ms = self._position.fence

    # The log.

    async def _evaluate(self) -> None:
        """Take all rules up to the watermark."""
        # Not that of the log, of which the lease may tell before the recorder has its own answer.
        watermark = self._recorder.appended.complete_to
        if self._loaded_for != self._recorder.appended.beginnings:
            await self._load(watermark)
        self._apply_rules(watermark)
        if self.rules and watermark > self._position.fence:
            if watermark - self._position.fence > LATE_FENCE_MS:
                await self._note_gaps(watermark)
            await self._evaluate_to(watermark)
        await self._commit_if_due()

    async def _note_gaps(self, watermark: int) -> None:
        _, gaps = await self._log.gaps(self._position.fence, watermark)
        after = self._position.fence
        self._gaps = deque((max(gap.after.fence, after), gap.before.fence) for gap in gaps if not gap.overlaps)

    async def _evaluate_to(self, watermark: int) -> None:
        appended = self._recorder.appended
        if self._position.fence >= appended.since and not self._must_read_log:
            channels = [channel for channel in appended.take() if channel.ring.last.fence >= self._position.fence]
            for channel in channels:
                # Some of its lines may have been appended behind the watermark.
                if channel.ring.last.fence >= watermark:
                    appended.add(channel)
            watched = [channel for channel in channels if self.rules.watches(channel.name)]
            lines = lines_in_rings(watched, self._position, watermark)
        else:
            lines = None
        if lines is None:
            await self._evaluate_log(watermark)
            self._must_read_log = False
        else:
            await self._evaluate_lines(lines)
        await self._advance(watermark)
        self._position = LogPosition(watermark)

    async def _evaluate_log(self, watermark: int) -> None:
        """Read what the rings do not have any more."""
        start = self._position
        after = Cursor(start.fence, (max(0, start.n - 1),))
        whole = LogRange(self.rules.selection, after, Cursor(watermark, (0,)), watermark, watermark)
        async with aclosing(self._history.iterate(whole)) as runs:
            async for run in runs:
                await self._evaluate_lines(
                    PlacedLine(item.id.fence, item.id.n, item.channel, item.text, item.moment)
                    for item in run
                    if isinstance(item, RecordedLine) and item.id > start.id_on(item.channel)
                )

    async def _evaluate_lines(self, lines: Iterator[PlacedLine]) -> None:
        """Take `lines` through the rules, in slices, and commit when there is much to write down."""
        line = next(lines, None)
        while line is not None:
            if line.fence > self.rules.now_ms:
                await self._advance(line.fence)
            async with self._history.fair_lock:
                line = self._evaluate_slice(line, lines)
            await self._commit_if_full()

    def _evaluate_slice(self, line: PlacedLine | None, lines: Iterator[PlacedLine]) -> PlacedLine | None:
        """Take `line` and those after it, up to the next fence. Returns the next line; None if there is none."""
        until = slice_end()
        feed, alerts, now_ms = self.rules.feed, self._alerts, self.rules.now_ms
        taken = 0
        while line is not None and line.fence <= now_ms:
            alerts += feed(line)
            self._position = LogPosition(*line[:3])
            taken += 1 + len(line.payload) * STEP // STEP_BYTES
            line = next(lines, None)
            if taken >= STEP:
                taken = 0
                if time.perf_counter() > until:
                    break
        return line

    async def _advance(self, fence: int) -> None:
        """All lines before `fence` were taken."""
        while self._gaps and self._gaps[0][1] <= fence:
            after, before = self._gaps.popleft()
            await self._tick(after)
            async with self._history.fair_lock:
                self.rules.missed(after, before)
                # No line lies before that, and nobody must leave out the same time again.
                self._position = max(self._position, LogPosition(before))
        await self._tick(fence)

    async def _tick(self, fence: int) -> None:
        for alerts in self.rules.advance(fence):
            self._alerts += alerts
            await self._commit_if_full()
            # The next ones belong to the next slice.
            async with self._history.fair_lock:
                pass

    # Writing down.

    async def _commit_if_due(self) -> None:
        gone = self._store.stored - self.rules.states.keys()
        due = time.monotonic() - self._committed_at > COMMIT_SECONDS and self.rules
        if self._alerts or self._begun or gone or self.rules.changed or due:
            await self._commit()

    async def _commit_if_full(self) -> None:
        full = len(self._alerts) >= MAX_ALERTS or self.rules.changed >= MAX_CHANGED
        if full or time.monotonic() - self._committed_at > COMMIT_SECONDS:
            await self._commit()

    async def _commit(self) -> None:
        alerts, begun = self._alerts, self._begun
        self._alerts, self._begun = [], set()
        gone = (self._store.stored - self.rules.states.keys()) | begun
        changes: dict[str, StateChanges] = {}
        for state in self.rules:
            if state.changed or state.rule.id in begun:
                async with self._history.fair_lock:
                    changes[state.rule.id] = state.changes()
        if self._loaded_for != self._recorder.appended.beginnings or not self._recorder.recording:
            raise _Refused
        if not await self._store.commit(self._recorder.lease_value, self._position, alerts, changes, gone):
            raise _Refused
        self._committed_at = time.monotonic()
        self._committed = (self._log.branch, self._position)
        if alerts:
            self.on_alerts.set()
