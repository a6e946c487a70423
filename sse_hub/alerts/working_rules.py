"""
The rules at work, on the lines of all channels. Pure: no I/O.

    fence      --> advance(): what is due in the meantime                           --> alerts
    PlacedLine --> feed(): the rules of its channel --> their filters --> RuleState --> alerts
"""

import logging
from collections.abc import Iterable, Iterator

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.placed_line import PlacedLine
from sse_hub.alerts.rule import ALERT_CHANNEL
from sse_hub.alerts.rule_state import RuleState
from sse_hub.filters.compile import Filter
from sse_hub.filters.filter_set import FilterSet
from sse_hub.filters.line import FilteredLine
from sse_hub.protocol.selection import Selection

logger = logging.getLogger(__name__)

# Names of channels for which the rules are remembered.
MAX_CHANNELS = 20_000


class _Watchers:
    """
    The rules that look at a channel. Channels with the same rules share them, so a line's bytes are looked at once for
    all rules, and rules with the same filter ask it once.
    """

    def __init__(self, states: Iterable[RuleState]) -> None:
        self._filters: dict[str, Filter] = {}
        self._states: dict[str, list[RuleState]] = {}
        for state in states:
            filter = state.rule.compiled_filter
            self._filters[filter.text] = filter
            self._states.setdefault(filter.text, []).append(state)
        self._set = FilterSet(self._filters)
        # No filter is too dear for a line that is not longer.
        self._cheap_bytes = min(filter.cheap_bytes for filter in self._filters.values())

    def feed(self, line: FilteredLine, fence: int) -> list[Alert]:
        """Have the line taken by the rules whose filters it matches, and which begin no later than with `fence`."""
        alerts: list[Alert] = []
        passes, is_long = self._set.passes, len(line.payload) > self._cheap_bytes
        for text in self._set.candidates(line):
            states = self._states[text]
            try:
                if is_long and self._filters[text].is_too_dear(line):
                    self._skip(states)
                elif passes(text, line):
                    for state in states:
                        if fence >= state.begins_ms and (alert := state.feed(line)):
                            alerts.append(alert)
            except Exception as error:
                # It would stop the rules of this process, and of the next one, and of each after that.
                if not any(state.skipped for state in states):
                    logger.exception(
                        "line_not_evaluated channel=%(channel)s line=%(line)s error=%(error)r",
                        {"channel": line.channel, "line": line.id, "error": str(error)},
                    )
                self._skip(states)
        return alerts

    def _skip(self, states: Iterable[RuleState]) -> None:
        for state in states:
            state.skip()


class WorkingRules:
    """The states of rules, by their ids. `now_ms` is the last fence that they know of."""

    def __init__(self, states: Iterable[RuleState] = (), now_ms: int = 0) -> None:
        self.states = {state.rule.id: state for state in states}
        self.now_ms = now_ms
        # None for a channel that no rule looks at.
        self._by_channel: dict[str, _Watchers | None] = {}
        self._by_rules: dict[tuple[str, ...], _Watchers] = {}

    def __iter__(self) -> Iterator[RuleState]:
        return iter(self.states.values())

    def __len__(self) -> int:
        return len(self.states)

    def put(self, state: RuleState) -> None:
        """Add a rule, or replace it."""
        self.states[state.rule.id] = state
        self._forget_watchers()

    def remove(self, id: str) -> None:
        """Stop the rule `id`."""
        del self.states[id]
        self._forget_watchers()

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
        return self._watchers_of(channel) is not None

    def feed(self, placed: PlacedLine) -> list[Alert]:
        """Take the next line in the order of the log, whose fence is `now_ms`, or earlier."""
        fence, n, channel, payload, moment_ms = placed
        watchers = self._by_channel.get(channel) or self._watchers_of(channel)
        if watchers is None:
            return []
        return watchers.feed(FilteredLine(payload, channel, f"{fence}-{n}", moment_ms), fence)

    def advance(self, fence_ms: int) -> Iterator[list[Alert]]:
        """It is `fence_ms`: all lines before that have been fed. Yields after each millisecond of work, or less."""
        for state in list(self):
            while state.next_due_ms <= fence_ms:
                yield state.tick(fence_ms)
        self.now_ms = max(self.now_ms, fence_ms)

    def missed(self, after_ms: int, before_ms: int) -> None:
        """Nobody has recorded between these two fences."""
        for state in self:
            state.missed(after_ms, before_ms)

    def _watchers_of(self, channel: str) -> _Watchers | None:
        if channel in self._by_channel:
            return self._by_channel[channel]
        if len(self._by_channel) >= MAX_CHANNELS:
            self._by_channel.clear()
        watching = () if channel == ALERT_CHANNEL else [each for each in self if each.rule.selection.matches(channel)]
        watchers = None
        if watching:
            ids = tuple(each.rule.id for each in watching)
            watchers = self._by_rules.get(ids) or self._by_rules.setdefault(ids, _Watchers(watching))
        self._by_channel[channel] = watchers
        return watchers

    def _forget_watchers(self) -> None:
        self._by_channel.clear()
        self._by_rules.clear()
