"""
A rule: which lines it looks at, when it fires, and what it then tells whom. Pure: no I/O.

    {"channels": ["shop.*"], "filter": "level>=error", "when": "count", …} --> parse_rule() --> AlertRule
    AlertRule --> members() --> the same as JSON, without what is as by default

Rules come from a file or from the page, so everything about them is checked here, and an error says what is allowed.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson

from sse_hub.alerts.filter_slips import check_slips
from sse_hub.alerts.template import FIELD_NAME, TextTemplate
from sse_hub.durations import parse_duration
from sse_hub.errors import InvalidChannel, InvalidFilter, InvalidRule
from sse_hub.filters.compile import Filter, compile_filter
from sse_hub.filters.parse import (
    AllOf,
    AnyOf,
    ExpressionTerm,
    FieldTerm,
    FilterTree,
    Negation,
    TextTerm,
    parse_filter,
)
from sse_hub.protocol.selection import Selection

ALERT_CHANNEL = "sse-hub.alerts"
"""The channel on which each alert is a line. No rule looks at it: an alert must not make the next one."""

RULE_ID = re.compile(r"[a-z0-9-]{1,64}")
CONDITIONS = ("each", "count", "silence", "rate", "new")
# The members that belong to some conditions only.
PARAMETERS = {
    "count": ("count", "rate"),
    "within": ("count", "silence", "rate"),
    "factor": ("rate",),
    "usual": ("rate",),
}
MEMBERS = ("channels", "filter", "when", *PARAMETERS, "by", "pause", "text", "to", "paused")
MAX_COUNT = 100_000
MAX_BY = 4
MAX_DESTINATIONS = 8
DAY_SECONDS = 86_400
MAX_WITHIN_SECONDS = 7 * DAY_SECONDS
MAX_USUAL_SECONDS = 30 * DAY_SECONDS
# Fewer windows make no usual rate.
MIN_WINDOWS = 10
DEFAULT_COUNT = 10
DEFAULT_FACTOR = 3.0
DEFAULT_WITHIN = "5m"
DEFAULT_USUAL = "24h"
DEFAULT_PAUSE = "5m"
DEFAULT_TEXT = "{rule}: {message}"
VERSION_DIGITS = 16


@dataclass(frozen=True)
class AlertRule:
    """
    A rule that parse_rule() has checked. What its condition does not use is 0.

    It fires when `when` is true of the lines of `channels` (names and patterns) that match `filter`: `count` lines
    within `within_ms`, or none; or `factor` times as many, and at least `count`, as within a usual window of the last
    `usual_ms`. `by` are fields: each combination of their values is a group of its own. Between two alerts of a group
    are at least `pause_ms`. `to` names destinations.
    """

    id: str
    channels: tuple[str, ...]
    filter: str = ""
    when: str = "each"
    count: int = 0
    within_ms: int = 0
    factor: float = 0.0
    usual_ms: int = 0
    by: tuple[str, ...] = ()
    pause_ms: int = 0
    text: str = DEFAULT_TEXT
    to: tuple[str, ...] = ()
    paused: bool = False

    @cached_property
    def selection(self) -> Selection:
        """The channels as a selection."""
        return Selection.parse(self.channels)

    @cached_property
    def compiled_filter(self) -> Filter:
        """The filter, compiled."""
        return compile_filter(self.filter, 0.0)

    @cached_property
    def template(self) -> TextTemplate:
        """The text, compiled."""
        return TextTemplate(self.text)

    @cached_property
    def version(self) -> str:
        """Another one for each other content: what a client has seen, and what alerts are about."""
        return sha256(orjson.dumps(self.members(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:VERSION_DIGITS]

    def members(self) -> dict[str, Any]:
        """What parse_rule() makes this rule of, as JSON and TOML have it."""
        members: dict[str, Any] = {"channels": list(self.channels), "filter": self.filter, "when": self.when}
        if self.when in PARAMETERS["within"]:
            members["within"] = duration_text(self.within_ms)
        if self.when in PARAMETERS["count"]:
            members["count"] = self.count
        if self.when == "rate":
            members |= {"factor": self.factor, "usual": duration_text(self.usual_ms)}
        members |= {"by": list(self.by), "pause": duration_text(self.pause_ms), "text": self.text, "to": list(self.to)}
        return members | ({"paused": True} if self.paused else {})


def parse_rule(id: str, members: object, destinations: Collection[str] | None = None) -> AlertRule:
    """
    The rule `id` with these members. Raises InvalidRule.

    `destinations` are the names that `to` may have; None if they are not known here.
    """
    if not RULE_ID.fullmatch(id):
        raise InvalidRule(f"The id {id[:80]!r} must be 1 to 64 small letters, digits and -.", "id")
    if not isinstance(members, Mapping):
        raise InvalidRule("A rule must be an object, or a table, with channels, filter, when and so on.")
    reader = _MemberReader({name: value for name, value in members.items() if value is not None})
    when = reader.choice("when", CONDITIONS, "each")
    reader.refuse_unknown(when)
    rule = AlertRule(
        id=id,
        channels=_channels(reader),
        filter=_filter(reader),
        when=when,
        by=_names(reader),
        pause_ms=reader.duration_ms("pause", DEFAULT_PAUSE, 0, MAX_WITHIN_SECONDS),
        text=reader.text("text", DEFAULT_TEXT),
        to=_destinations(reader, destinations),
        paused=reader.switch("paused"),
        **_parameters(reader, when),
    )
    # Compiled here, so that an error is one of the request.
    assert rule.template
    return rule


def duration_text(ms: int) -> str:
    """A duration of whole seconds as parse_duration() reads it, in the largest unit that fits."""
    seconds = ms // 1000
    for unit, size in (("d", DAY_SECONDS), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


class _MemberReader:
    """Reads members by their types. Each method raises InvalidRule."""

    def __init__(self, members: Mapping[str, object]) -> None:
        self._members = members

    def refuse_unknown(self, when: str) -> None:
        for name in self._members:
            if name not in MEMBERS:
                raise InvalidRule(f"{str(name)[:80]!r} is no member of a rule: {', '.join(MEMBERS)}.", str(name)[:80])
            if when not in PARAMETERS.get(name, CONDITIONS):
                raise InvalidRule(f'{name} is only for when = "{_or(PARAMETERS[name])}", not for "{when}".', name)

    def text(self, name: str, default: str) -> str:
        value = self._members.get(name, default)
        if not isinstance(value, str):
            raise _wrong(name, "must be a text")
        return value

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise _wrong(name, f"must be one of {', '.join(choices)}")
        return value

    def switch(self, name: str) -> bool:
        value = self._members.get(name, False)
        if not isinstance(value, bool):
            raise _wrong(name, "must be true or false")
        return value

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        value = self._members.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _wrong(name, f"must be an integer from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float, default: float) -> float:
        value = self._members.get(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise _wrong(name, f"must be a number from {low} to {high}")
        return float(value)

    def duration_ms(self, name: str, default: str | None, low: int, high: int) -> int:
        value = self._members.get(name, default)
        try:
            seconds = parse_duration(value, allow_zero=low == 0) if isinstance(value, str) else -1
        except ValueError:
            seconds = -1
        if not low <= seconds <= high:
            bounds = f"{duration_text(low * 1000)} to {duration_text(high * 1000)}"
            raise _wrong(name, f"must be a duration such as 90s, 30m or 24h, from {bounds}")
        return seconds * 1000

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        values = self._members.get(name, [])
        if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
            raise _wrong(name, "must be a list of texts")
        unique = tuple(dict.fromkeys(values))
        if len(unique) > most:
            raise _wrong(name, f"has {len(unique)} entries; up to {most} are allowed")
        return unique


def _wrong(name: str, reason: str) -> InvalidRule:
    return InvalidRule(f"{name} {reason}.", name)


def _or(words: Sequence[str]) -> str:
    return '" or "'.join(words)


def _channels(reader: _MemberReader) -> tuple[str, ...]:
    # Selection has the limit.
    names = reader.texts("channels", MAX_COUNT)
    if not names:
        raise _wrong("channels", 'must be a list of names or patterns, such as ["log", "shop.*"]')
    try:
        Selection.parse(names)
    except InvalidChannel as error:
        raise InvalidRule(f"channels: {error}", "channels") from None
    if ALERT_CHANNEL in names:
        raise _wrong("channels", f"must not have {ALERT_CHANNEL}: an alert would make the next one")
    return names


def _filter(reader: _MemberReader) -> str:
    text = reader.text("filter", "")
    try:
        compiled = compile_filter(text, 0.0)
        terms = list(_terms(parse_filter(compiled.text)))
        check_slips(compiled.text, terms)
        if any(isinstance(term, FieldTerm) and _is_time(term) for term in terms):
            raise _wrong("filter", "must not have after= or before=, since a rule looks at lines when they come")
    except InvalidFilter as error:
        raise InvalidRule(f"filter, from character {error.start + 1}: {error}", "filter") from None
    return compiled.text


def _is_time(term: FieldTerm) -> bool:
    return term.name in ("after", "before") and term.sign == "="


def _terms(tree: FilterTree | None) -> Iterator[TextTerm | ExpressionTerm | FieldTerm]:
    match tree:
        case AllOf(items) | AnyOf(items):
            for item in items:
                yield from _terms(item)
        case Negation(item):
            yield from _terms(item)
        case None:
            return
        case term:
            yield term


def _names(reader: _MemberReader) -> tuple[str, ...]:
    names = reader.texts("by", MAX_BY)
    for name in names:
        if not FIELD_NAME.fullmatch(name):
            raise _wrong("by", f"has {name[:80]!r}, which can't be the name of a field")
    return names


def _destinations(reader: _MemberReader, known: Collection[str] | None) -> tuple[str, ...]:
    names = reader.texts("to", MAX_DESTINATIONS)
    for name in names:
        if not RULE_ID.fullmatch(name) or (known is not None and name not in known):
            allowed = (
                ", ".join(sorted(known)) if known else "none is set up: see [destinations.<name>] in the rule file"
            )
            raise _wrong("to", f"has {name[:80]!r}; destinations are: {allowed}")
    return names


def _parameters(reader: _MemberReader, when: str) -> dict[str, Any]:
    parse: dict[str, Callable[[], dict[str, Any]]] = {
        "count": lambda: {
            "count": reader.integer("count", 1, MAX_COUNT),
            "within_ms": reader.duration_ms("within", None, 1, MAX_WITHIN_SECONDS),
        },
        "silence": lambda: {"within_ms": reader.duration_ms("within", None, 1, MAX_WITHIN_SECONDS)},
        "rate": lambda: _rate_parameters(reader),
    }
    return parse[when]() if when in parse else {}


def _rate_parameters(reader: _MemberReader) -> dict[str, Any]:
    within_ms = reader.duration_ms("within", DEFAULT_WITHIN, 1, DAY_SECONDS)
    usual_ms = reader.duration_ms("usual", DEFAULT_USUAL, 1, MAX_USUAL_SECONDS)
    if usual_ms < MIN_WINDOWS * within_ms:
        raise _wrong("usual", f"must be at least {MIN_WINDOWS} times as long as within")
    return {
        "within_ms": within_ms,
        "usual_ms": usual_ms,
        "factor": reader.number("factor", 1.1, 1000, DEFAULT_FACTOR),
        "count": reader.integer("count", 1, MAX_COUNT, DEFAULT_COUNT),
    }
