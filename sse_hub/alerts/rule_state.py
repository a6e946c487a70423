"""
One rule at work: its groups, their conditions and pauses. Pure: no I/O.

    feed(line), for each line that matches --> an alert, or None ──┐
    tick(fence), when time has gone by     --> alerts            ──┴──► changes() --> what to write down --> restore()

A state that is written down and restored after any line makes the same alerts as one that goes on.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from sse_hub.alerts.alert import Alert, AlertKind, Group, alert_id
from sse_hub.alerts.conditions import Condition, Silence, condition_of
from sse_hub.alerts.message_pattern import KnownPatterns, pattern_of
from sse_hub.alerts.rule import AlertRule
from sse_hub.alerts.template import MAX_VALUE_CHARACTERS, one_line
from sse_hub.filters.compare import plain_text
from sse_hub.filters.fields import value_of
from sse_hub.filters.line import FilteredLine
from sse_hub.formats.levels import NAMES, NONE
from sse_hub.formats.names import MISSING

MAX_GROUPS = 1_000
MAX_GROUP_CHARACTERS = 200
OTHERS = "others"
"""The group of the lines for whose own group there was no room; also its key, which no other group has."""

# Groups are forgotten once a minute, so that they are not looked at once a second.
FORGET_MS = 60_000
# About a millisecond of work.
TICK_GROUPS = 30
PATTERN_PREFIX = "p"


class LineFacts(NamedTuple):
    """What an alert tells of a line; `values` are those of its fields that the text has."""

    channel: str
    id: str
    level: str
    values: Mapping[str, str]


class RuleHead(NamedTuple):
    """The part of a state that every process reads, see `RuleState`; `now_ms` is how far the rule has come."""

    version: str
    begins_ms: int
    now_ms: int
    alerts: int
    last_alert_ms: int
    skipped: int

    @classmethod
    def parse(cls, text: bytes) -> "RuleHead":
        """The head that was written down. Raises ValueError or TypeError for anything else."""
        version, *numbers = orjson.loads(text)
        return cls(str(version), *map(int, numbers))


class StateChanges(NamedTuple):
    """What to write down: the rule's own part, and by key the parts of its groups, None for one that is gone."""

    head: bytes
    parts: dict[str, bytes | None]


class RuleState:
    """
    The state of `rule`, which knows nothing of what came before the fence `begins_ms`.

    `alerts` counts them, and `last_alert_ms` is the moment of the last one, 0 without one. `skipped` counts the lines
    that could not be looked at. `matches` counts lines, in this process. Before `next_due_ms`, tick() has nothing
    to do.
    """

    def __init__(self, rule: AlertRule, begins_ms: int) -> None:
        self.rule = rule
        self.alerts = self.last_alert_ms = self.skipped = self.matches = 0
        self.next_due_ms = math.inf
        self.begins_ms = self._now_ms = begins_ms
        self._groups: dict[str, _GroupState] = {}
        self._patterns = KnownPatterns()
        self._changed: set[str] = set()
        self._told_skipped = 0
        if rule.when == "silence" and not rule.by:
            self._add_group("[]", ())

    @property
    def changed(self) -> int:
        """How many groups and patterns have changed since they were last written down."""
        return len(self._changed) + self._patterns.changed + (self.skipped > self._told_skipped)

    # Lines and time.

    def feed(self, line: FilteredLine) -> Alert | None:
        """Take a line that matches the rule's filter."""
        now_ms = self._advance(line.moment_ms or 0)
        self.matches += 1
        if self.rule.when == "new" and not self._is_new(line, now_ms):
            return None
        key, group = self._group_of(line)
        state = self._groups.get(key)
        if state is None:
            key, state = self._place_for(key, group)
        condition = state.condition
        was_silent = isinstance(condition, Silence) and condition.silent
        condition.match(now_ms)
        state.line = line
        if condition.count() <= 1:
            state.first = line.id
        self._changed.add(key)
        alert = None
        if was_silent:
            alert = self._alert(state, "back", now_ms, "")
        elif now_ms >= state.paused_until_ms and condition.holds(now_ms):
            alert = self._fire(state, now_ms)
        self.next_due_ms = min(self.next_due_ms, state.due_ms())
        return alert

    def skip(self) -> None:
        """A line is too long for the filter, or can't be evaluated: nobody knows whether it matches."""
        self.skipped += 1

    def tick(self, fence_ms: int) -> list[Alert]:
        """
        It is `fence_ms`, as all lines before that have been fed. Looks at up to TICK_GROUPS groups: call it again while
        `next_due_ms` is not later.
        """
        now_ms = self._advance(fence_ms)
        if now_ms < self.next_due_ms:
            return []
        alerts: list[Alert] = []
        looks = 0
        for key, state in list(self._groups.items()):
            if looks == TICK_GROUPS:
                return alerts
            if state.due_ms() > now_ms:
                continue
            if now_ms >= state.paused_until_ms and state.condition.holds(now_ms):
                alerts.append(self._fire(state, now_ms))
            elif state.condition.due_ms() is None and state.forget_ms() <= now_ms:
                del self._groups[key]
            # Also one that has only moved its window on: numbers are the same only if the same steps were taken.
            self._changed.add(key)
            looks += 1
        self._find_next_due()
        return alerts

    def missed(self, after_ms: int, before_ms: int) -> None:
        """Lines between these moments are missing from the log: nobody knows how many."""
        self._advance(before_ms)
        for key, state in self._groups.items():
            state.condition.missed(after_ms, before_ms)
            self._changed.add(key)

    def _advance(self, moment_ms: int) -> int:
        # Moments of different channels are not in order.
        self._now_ms = max(self._now_ms, moment_ms)
        return self._now_ms

    # Groups.

    def _is_new(self, line: FilteredLine, now_ms: int) -> bool:
        _, group = self._group_of(line)
        pattern = pattern_of(line.record.message or line.text)
        return self._patterns.is_new("\n".join([*(value for _, value in group), pattern]), now_ms)

    def _group_of(self, line: FilteredLine) -> tuple[str, Group]:
        if not self.rule.by:
            return "[]", ()
        values = [_group_value(line, name) for name in self.rule.by]
        return orjson.dumps(values).decode(), tuple(zip(self.rule.by, values, strict=True))

    def _place_for(self, key: str, group: Group) -> "tuple[str, _GroupState]":
        if len(self._groups) >= MAX_GROUPS:
            key, group = OTHERS, tuple((name, OTHERS) for name in self.rule.by)
        state = self._groups.get(key)
        return key, self._add_group(key, group) if state is None else state

    def _add_group(self, key: str, group: Group) -> "_GroupState":
        state = self._groups[key] = _GroupState(group, condition_of(self.rule, self._now_ms))
        self._changed.add(key)
        self.next_due_ms = min(self.next_due_ms, state.due_ms())
        return state

    def _find_next_due(self) -> None:
        self.next_due_ms = min((state.due_ms() for state in self._groups.values()), default=math.inf)

    # Alerts.

    def _fire(self, state: "_GroupState", now_ms: int) -> Alert:
        alert = self._alert(state, "fired", now_ms, str(self.begins_ms))
        state.condition.fired(now_ms)
        state.paused_until_ms = now_ms + self.rule.pause_ms
        return alert

    def _alert(self, state: "_GroupState", kind: AlertKind, now_ms: int, without_line: str) -> Alert:
        rule, count = self.rule, state.condition.count()
        facts = state.facts(rule)
        at = f"{facts.channel} {facts.id}" if facts.id else without_line
        self.alerts += 1
        self.last_alert_ms = now_ms
        alert = Alert(
            id=alert_id(rule.id, rule.version, kind, state.group, at),
            rule=rule.id,
            version=rule.version,
            kind=kind,
            group=state.group,
            text="",
            count=count,
            channel=facts.channel,
            first=state.first,
            last=facts.id,
            moment_ms=now_ms,
            level=facts.level,
            to=rule.to,
        )
        values = {
            **facts.values,
            "rule": rule.id,
            "group": alert.group_text,
            "count": str(count),
            "first": alert.first,
            "last": alert.last,
            "channel": alert.channel,
            "level": alert.level,
        }
        return replace(alert, text=rule.template.render(values))

    # Writing down.

    def changes(self) -> StateChanges:
        """What has changed since the last call, for `restore()`."""
        head = RuleHead(self.rule.version, self.begins_ms, self._now_ms, self.alerts, self.last_alert_ms, self.skipped)
        parts: dict[str, bytes | None] = {}
        for key in self._changed:
            state = self._groups.get(key)
            parts[key] = None if state is None else orjson.dumps(state.dump(self.rule))
        for pattern, entry in self._patterns.changes().items():
            parts[PATTERN_PREFIX + pattern] = None if entry is None else orjson.dumps(entry)
        self._changed.clear()
        self._told_skipped = self.skipped
        return StateChanges(orjson.dumps(tuple(head)), parts)

    @classmethod
    def restore(cls, rule: AlertRule, head: bytes, parts: Mapping[str, bytes]) -> "RuleState":
        """The state of which all changes were written down. Raises ValueError or TypeError for anything else."""
        known = RuleHead.parse(head)
        if known.version != rule.version:
            raise ValueError("it is of another version of the rule")
        state = cls(rule, known.begins_ms)
        _, _, state._now_ms, state.alerts, state.last_alert_ms, state.skipped = known
        state._told_skipped = state.skipped
        patterns: dict[str, tuple[int, int]] = {}
        for key, part in parts.items():
            if key.startswith(PATTERN_PREFIX):
                number, day = orjson.loads(part)
                patterns[key.removeprefix(PATTERN_PREFIX)] = (number, day)
            else:
                state._groups[key] = _GroupState.load(rule, orjson.loads(part))
        state._patterns.load(patterns)
        state._changed.clear()
        state._find_next_due()
        return state


class _GroupState:
    """One group. `line` is its last match, `first` the id of the first line that the next alert is about."""

    __slots__ = ("condition", "first", "group", "line", "paused_until_ms")

    def __init__(self, group: Group, condition: Condition) -> None:
        self.group = group
        self.condition = condition
        self.paused_until_ms = 0
        self.first = ""
        self.line: FilteredLine | LineFacts | None = None

    def due_ms(self) -> float:
        """When tick() has to look at it: it may hold, or be forgotten."""
        due = self.condition.due_ms()
        return self.forget_ms() if due is None else max(due, self.paused_until_ms)

    def forget_ms(self) -> float:
        """When it may be forgotten. That of a rule without `by` is the only one, and stays."""
        if not self.group:
            return math.inf
        forget = max(self.condition.forget_ms(), self.paused_until_ms)
        return forget if forget == math.inf else (forget // FORGET_MS + 1) * FORGET_MS

    def facts(self, rule: AlertRule) -> LineFacts:
        """What is told of the last line. Found out once, and only when it is needed."""
        if self.line is None:
            return LineFacts("", "", "", {})
        if isinstance(self.line, FilteredLine):
            self.line = _facts_of(self.line, rule)
        return self.line

    def dump(self, rule: AlertRule) -> list[object]:
        """The group as JSON has it."""
        line = None if self.line is None else list(self.facts(rule))
        return [self.group, self.paused_until_ms, self.first, line, self.condition.dump()]

    @classmethod
    def load(cls, rule: AlertRule, dumped: list[Any]) -> "_GroupState":
        """The group of `dump()`. Raises ValueError or TypeError for anything else."""
        group, paused_until_ms, first, line, numbers = dumped
        state = cls(tuple((str(name), str(value)) for name, value in group), condition_of(rule, 0))
        state.paused_until_ms, state.first = int(paused_until_ms), str(first)
        if line is not None:
            channel, id, level, values = line
            texts = {str(name): str(value) for name, value in dict(values).items()}
            state.line = LineFacts(str(channel), str(id), str(level), texts)
        state.condition.load(numbers)
        return state


def _group_value(line: FilteredLine, name: str) -> str:
    # As in a filter, these two are about the line itself.
    if name == "channel":
        return line.channel
    if name == "level":
        return _level_of(line)
    return _text_of(line, name, MAX_GROUP_CHARACTERS)


def _level_of(line: FilteredLine) -> str:
    level = line.level
    return "" if level == NONE else NAMES[level]


def _facts_of(line: FilteredLine, rule: AlertRule) -> LineFacts:
    record, template = line.record, rule.template
    values = {name: _text_of(line, name, MAX_VALUE_CHARACTERS) for name in template.fields}
    if template.has_message:
        values["message"] = one_line(record.message or line.text, MAX_VALUE_CHARACTERS)
    return LineFacts(line.channel, line.id, _level_of(line), values)


def _text_of(line: FilteredLine, name: str, max_characters: int) -> str:
    value = value_of(line, name)
    return "" if value is MISSING or value is None else one_line(plain_text(value), max_characters)
