"""
The rules at work, on the lines of all channels. Pure: no I/O.

    PlacedLine --> feed(): the rules of its channel --> their filters --> RuleState --> alerts
    fence      --> advance(): what is due in the meantime                           --> alerts
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.placed_line import PlacedLine
from sse_hub.alerts.rule import ALERT_CHANNEL
from sse_hub.alerts.rule_state import RuleState
from sse_hub.filters.compile import LineTest
from sse_hub.filters.line import FilteredLine
from sse_hub.protocol.selection import Selection

# Names of channels for which the rules are remembered.
MAX_CHANNELS = 20_000


class _WatchingRule(NamedTuple):
    """A rule that looks at a channel, from the fence `begins_ms` on."""

    begins_ms: int
    matches: LineTest
    state: RuleState


class WorkingRules:
    """The states of rules, by their ids. `now_ms` is the last fence that they know of."""

    def __init__(self, states: Iterable[RuleState] = (), now_ms: int = 0) -> None:
        self.states = {state.rule.id: state for state in states}
        self.now_ms = now_ms
        self._by_channel: dict[str, tuple[_WatchingRule, ...]] = {}

    def __iter__(self) -> Iterator[RuleState]:
        return iter(self.states.values())

    def __len__(self) -> int:
        return len(self.states)

    def put(self, state: RuleState) -> None:
        """Add a rule, or replace it."""
        self.states[state.rule.id] = state
        self._by_channel.clear()

    def remove(self, id: str) -> None:
        """Stop the rule `id`."""
        del self.states[id]
        self._by_channel.clear()

    @property
    def selection(self) -> Selection:
        """The channels that rules look at; at least one."""
        names = dict.fromkeys(name for state in self for name in state.rule.channels)
        return Selection(tuple(name for name in names if "*" not in name), tuple(name for name in names if "*" in name))

    @property
    def changed(self) -> int:
        """How many groups and patterns have changed since they were last written down."""
        return sum(state.changed for state in self)

    def watches(self, channel: str) -> bool:
        """Whether a rule looks at `channel`."""
        return bool(self._rules_of(channel))

    def feed(self, placed: PlacedLine) -> list[Alert]:
        """Take the next line in the order of the log."""
        fence, n, channel, payload, moment_ms = placed
        alerts = self.advance(fence) if fence > self.now_ms else []
        watching = self._by_channel.get(channel)
        if watching is None:
            watching = self._rules_of(channel)
        if not watching:
            return alerts
        line = FilteredLine(payload, channel, f"{fence}-{n}", moment_ms)
        for begins_ms, matches, state in watching:
            if matches(line) and fence >= begins_ms and (alert := state.feed(line)):
                alerts.append(alert)
        return alerts

    def advance(self, fence_ms: int) -> list[Alert]:
        """It is `fence_ms`: all lines before that have been fed."""
        self.now_ms = max(self.now_ms, fence_ms)
        return [alert for state in self if state.next_due_ms <= fence_ms for alert in state.tick(fence_ms)]

    def missed(self, after_ms: int, before_ms: int) -> None:
        """Nobody has recorded between these two fences."""
        for state in self:
            state.missed(after_ms, before_ms)

    def _rules_of(self, channel: str) -> tuple[_WatchingRule, ...]:
        known = self._by_channel.get(channel)
        if known is None:
            if len(self._by_channel) >= MAX_CHANNELS:
                self._by_channel.clear()
            watching = (
                [] if channel == ALERT_CHANNEL else [each for each in self if each.rule.selection.matches(channel)]
            )
            known = tuple(_WatchingRule(each.begins_ms, each.rule.compiled_filter.matches, each) for each in watching)
            self._by_channel[channel] = known
        return known
