"""
A trial of a rule: what it would have made of the last lines of the log. Nothing is sent or written down.

    rule, LogRange --> HistoryQuery.iterate() --> WorkingRules --> TrialResult(lines, seconds, alerts)
"""

import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import NamedTuple

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.placed_line import PlacedLine
from sse_hub.alerts.rule import AlertRule
from sse_hub.alerts.rule_state import RuleState
from sse_hub.alerts.working_rules import WorkingRules
from sse_hub.history.log_range import LogRange
from sse_hub.history.merge import RecordedLine
from sse_hub.history.query import HistoryQuery
from sse_hub.hub.fair_lock import slice_end
from sse_hub.protocol.sse import Gap

TRIAL_SECONDS = 3_600
MAX_LINES = 200_000
MAX_SECONDS = 10.0
MAX_ALERTS = 100


class TrialResult(NamedTuple):
    """
    `alerts` are the first MAX_ALERTS of those `made` of the `lines` read, which cover the first `seconds` of the range.
    `more` says whether the rest of it was not read, since that would have taken too long.
    """

    lines: int
    seconds: int
    alerts: list[Alert]
    made: int
    more: bool


async def try_rule(rule: AlertRule, history: HistoryQuery, log_range: LogRange) -> TrialResult:
    """Take the lines of `log_range` through `rule`, paused or not. Raises LogUnavailable."""
    trial = _Trial(rule, log_range.after.fence)
    deadline = time.monotonic() + MAX_SECONDS
    async with aclosing(history.iterate(log_range)) as runs:
        async for run in runs:
            items = iter(run)
            more = True
            while more:
                async with history.fair_lock:
                    more = trial.take_some(items)
            if trial.lines >= MAX_LINES or time.monotonic() > deadline:
                return trial.result(more=True)
    trial.end(log_range.complete_to)
    return trial.result(more=False)


class _Trial:
    def __init__(self, rule: AlertRule, begins_ms: int) -> None:
        self.lines = 0
        self._begins_ms = begins_ms
        self._rules = WorkingRules([RuleState(rule, begins_ms)], begins_ms)
        self._alerts: list[Alert] = []
        self._made = 0

    def take_some(self, items: Iterator[RecordedLine | Gap]) -> bool:
        """Take lines and gaps for about a millisecond. Whether there are more of them."""
        until = slice_end()
        while time.perf_counter() < until:
            item = next(items, None)
            if item is None:
                return False
            if isinstance(item, Gap):
                self._pass_gap(item)
            else:
                self.lines += 1
                if item.id.fence > self._rules.now_ms:
                    self._advance(item.id.fence)
                self._keep(self._rules.feed(PlacedLine(*item.id, item.channel, item.text, item.moment)))
        return True

    def end(self, fence: int) -> None:
        """All lines before `fence` were taken."""
        self._advance(fence)

    def result(self, more: bool) -> TrialResult:
        seconds = (self._rules.now_ms - self._begins_ms) // 1000
        return TrialResult(self.lines, seconds, self._alerts, self._made, more)

    def _pass_gap(self, gap: Gap) -> None:
        # One gap of the whole log comes once for each name; after the first, time is behind it.
        before_ms = _fence_of(gap.before)
        after_ms = max(self._rules.now_ms, _fence_of(gap.after or ""))
        if before_ms > after_ms:
            self._advance(after_ms)
            self._rules.missed(after_ms, before_ms)
            self._advance(before_ms)

    def _advance(self, fence: int) -> None:
        for alerts in self._rules.advance(fence):
            self._keep(alerts)

    def _keep(self, alerts: list[Alert]) -> None:
        self._made += len(alerts)
        self._alerts += alerts[: MAX_ALERTS - len(self._alerts)]


def _fence_of(id: str) -> int:
    return int(id.partition("-")[0] or 0)
