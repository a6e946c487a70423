"""
Compiles a filter, once, into a test of lines. Pure: no I/O.

    compile_filter("level>=warn user=u7", now_ms, zone) --> Filter        raises InvalidFilter
    Filter.matches(FilteredLine(payload, channel="orders")) --> True or False

Cheap tests come first. `terms.py` makes them. As `web/js/query/compile.js`.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from sse_hub.errors import InvalidFilter
from sse_hub.filters.bounds import Bound
from sse_hub.filters.line import FilteredLine
from sse_hub.filters.moments import parse_moment
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
from sse_hub.filters.prefilter import Need, any_need, first_look, rarest
from sse_hub.filters.terms import (
    CHEAP,
    READ,
    SEARCH,
    CompiledTerm,
    LineTest,
    expression_term,
    field_expression,
    field_term,
    id_term,
    level_term,
    text_term,
)
from sse_hub.formats.values import SURROGATE
from sse_hub.protocol.patterns import matches_any

# RE2 takes up to 14 ns for a byte and a choice in an expression, measured with `(a|b)*a(a|b){490}c` and letters by
# chance; this is a twentieth of a second. Most expressions take a hundredth of that, or less.
MAX_WORK = 3_000_000
# What a term takes for each byte beside its choices: to search the text, and to try each item of a list.
WORK = {CHEAP: 0.0, SEARCH: 0.25, READ: 0.75}

FilterKey = tuple[str, str, float | None]


@dataclass(frozen=True, slots=True)
class Filter:
    """
    A compiled filter. `may_match`, a look at the bytes, is False only for a line that does not match.

    `looks` are the needs that it looks for, the rarest first. Every match is within all `bounds`, and has one of
    `levels` if there are any. `choices` are those of its expressions, see there, and `work` is what all its terms take
    at most for a byte of a line, in choices.
    `now_ms` is None where no time in it depends on when it was compiled: then the same text always means the same.
    """

    text: str
    may_match: LineTest
    test: LineTest | None
    looks: tuple[Need, ...] = ()
    choices: int = 0
    work: float = 0.0
    zone: tzinfo = UTC
    now_ms: float | None = None
    bounds: tuple[Bound, ...] = ()
    levels: frozenset[int] | None = None

    @property
    def key(self) -> FilterKey:
        """What filters have in common that mean the same."""
        return self.text, str(self.zone), self.now_ms

    @property
    def cheap_bytes(self) -> float:
        """How long a line may be without being too dear in any case."""
        return MAX_WORK / self.work if self.work else math.inf

    def is_too_dear(self, line: FilteredLine) -> bool:
        """Whether the line may match, and is too long for the terms of the filter: see MAX_WORK."""
        return len(line.payload) > self.cheap_bytes and self.may_match(line)

    def matches(self, line: FilteredLine) -> bool:
        """Whether the line matches; an empty filter matches every line."""
        return self.may_match(line) and (self.test is None or self.test(line))


def compile_filter(text: str, now_ms: float, zone: tzinfo = UTC) -> Filter:
    """
    The filter of a text. Raises InvalidFilter.

    Times in the filter such as -15m are relative to `now_ms`, once. Those without a zone, in the filter and in lines,
    are in `zone`.
    """
    whole = SURROGATE.sub("\ufffd", text)
    tree = parse_filter(whole)
    if tree is None:
        return Filter(whole, first_look(()), None)
    compiler = _Compiler(now_ms, zone)
    part = compiler.build(tree)
    looks = rarest(part.needs)
    now = now_ms if compiler.has_times else None
    return Filter(
        whole,
        first_look(looks),
        part.test,
        looks,
        part.choices,
        part.work,
        zone,
        now,
        part.bounds,
        part.levels,
    )


class _Compiler:
    def __init__(self, now_ms: float, zone: tzinfo) -> None:
        self._now_ms = now_ms
        self._zone = zone
        self.has_times = False
        # These names mean the place of a line in the stream, not one of its fields.
        self._special: dict[str, Callable[[FieldTerm], CompiledTerm | None]] = {
            "level": level_term,
            "channel": self._channel_part,
            "id": id_term,
            "after": self._time_part,
            "before": self._time_part,
        }

    def build(self, node: FilterTree) -> CompiledTerm:
        match node:
            case AllOf(items):
                parts = self._cheapest_first(items)
                needs = [need for part in parts for need in part.needs]
                joined = _joined(_all_of([part.test for part in parts]), parts, needs)
                bounds = tuple(bound for part in parts for bound in part.bounds)
                levels = [part.levels for part in parts if part.levels is not None]
                return replace(joined, bounds=bounds, levels=frozenset.intersection(*levels) if levels else None)
            case AnyOf(items):
                parts = self._cheapest_first(items)
                needs = any_need(part.needs for part in parts)
                joined = _joined(_any_of([part.test for part in parts]), parts, needs)
                levels = [part.levels for part in parts if part.levels is not None]
                all_have = len(levels) == len(parts)
                return replace(joined, levels=frozenset().union(*levels) if all_have else None)
            case Negation(item):
                part = self.build(item)
                test = part.test
                return _joined(lambda line: not test(line), [part], [])
            case _:
                part = self._term(node)
                return replace(part, work=WORK[part.cost] + part.choices)

    def _term(self, node: TextTerm | ExpressionTerm | FieldTerm) -> CompiledTerm:
        match node:
            case TextTerm(value):
                return text_term(value)
            case ExpressionTerm():
                return expression_term(node)
            case FieldTerm():
                special = self._special.get(node.name)
                return (special(node) if special else None) or field_term(node)

    def _cheapest_first(self, items: Iterable[FilterTree]) -> list[CompiledTerm]:
        return sorted(map(self.build, items), key=lambda part: part.cost)

    def _channel_part(self, node: FieldTerm) -> CompiledTerm | None:
        if node.sign == "=":
            return CompiledTerm(lambda line: matches_any(node.values, line.channel), CHEAP)
        if node.sign != "~":
            return None
        # A name is short: its expression is never too dear.
        search = field_expression(node).search
        return CompiledTerm(lambda line: search(line.channel.encode()), CHEAP)

    def _time_part(self, node: FieldTerm) -> CompiledTerm | None:
        if node.sign != "=":
            return None
        typed, zone = node.values[0], self._zone
        self.has_times = True
        moment = parse_moment(typed, self._now_ms, zone)
        if moment is None:
            raise InvalidFilter(f'“{typed}” is no time: 03:50, -15m, "yesterday 17:30", 2026-11-21T03:50', *node.span)
        bound = moment

        def after(line: FilteredLine) -> bool:
            time = line.own_time_ms(zone)
            return time is not None and time >= bound

        def before(line: FilteredLine) -> bool:
            time = line.own_time_ms(zone)
            return time is not None and time < bound

        return CompiledTerm(after if node.name == "after" else before, READ)


def _joined(test: LineTest, parts: Sequence[CompiledTerm], needs: Sequence[Need]) -> CompiledTerm:
    choices = sum(part.choices for part in parts)
    return CompiledTerm(test, parts[-1].cost, needs, choices, sum(part.work for part in parts))


def _all_of(tests: Sequence[LineTest]) -> LineTest:
    one, *others = tests
    if len(others) == 1:
        other = others[0]
        return lambda line: one(line) and other(line)
    return lambda line: one(line) and all(test(line) for test in others)


def _any_of(tests: Sequence[LineTest]) -> LineTest:
    return lambda line: any(test(line) for test in tests)
