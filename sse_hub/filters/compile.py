"""
Compiles a filter, once, into a test of lines. Pure: no I/O.

    compile_filter("level>=warn user=u7", now_ms, zone) --> Filter        raises InvalidFilter
    Filter.matches(FilteredLine(payload, channel="orders")) --> True or False

Cheap tests come first. The fields of a line are read only if its bytes may contain what the filter looks for.
As `web/js/query/compile.js`.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from sse_hub.errors import InvalidFilter
from sse_hub.filters.bounds import STATUS, Bound
from sse_hub.filters.compare import compares, equals, is_safe_number, plain_text
from sse_hub.filters.expression import Expression, FoldedText, has_capital, smart_flags
from sse_hub.filters.expression_tree import BadExpression
from sse_hub.filters.fields import DERIVED, OF_REQUEST, PARTS, is_plain_json, last_name, value_of
from sse_hub.filters.level_look import LOUD
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
from sse_hub.filters.prefilter import FirstLook, Need, any_need, first_look, rarest
from sse_hub.filters.units import is_number, parse_quantity
from sse_hub.formats.levels import NAMES, NONE, level_of_word
from sse_hub.formats.names import MISSING
from sse_hub.formats.values import SURROGATE, number_text
from sse_hub.protocol.patterns import matches_any

CHEAP, SEARCH, READ = range(3)
# Characters without a case, such as 新, and letters of ASCII but s and k, which have relatives beyond it.
CASELESS = re.compile("(?:[ -JL-RT-jl-rt-~]|[\u2e80-\u9fff\uac00-\ud7a3])+")
ASCII_TEXT = re.compile("[ -~]*")
EVENT_ID = re.compile("[0-9]{1,16}-[0-9]{1,15}")
# Words of which the text has nothing: for a bare word in logfmt, a number that is too large, how long a request took.
UNSEEN = ("true", "Infinity", "ms")
# Names of formats, some levels, and the words of traces that are written as JSON are not in the text.
NOT_IN_TEXT = ("format", "level", "error")
MESSAGE_NAMES = ("msg", "message")
# Of a level from `warn` on, every match.
LOUD_LINE = Need(hidden=(FilteredLine.may_be_loud,))

# RE2 takes up to 14 ns for a byte and a choice in an expression, measured with `(a|b)*a(a|b){490}c` and letters by
# chance; this is a twentieth of a second. Most expressions take a hundredth of that, or less.
MAX_WORK = 3_000_000
# What a term takes for each byte beside its choices: to search the text, and to try each item of a list.
WORK = {CHEAP: 0.0, SEARCH: 0.25, READ: 0.75}

LineTest = Callable[[FilteredLine], bool]
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


@dataclass(frozen=True, slots=True)
class _CompiledTerm:
    """
    A part of a filter: its test, how expensive that is, and what every matching line contains. `choices` and
    `work` are those of all its terms; `bounds` and `levels` are true of every match: see `Filter`.
    """

    test: LineTest
    cost: int
    needs: Sequence[Need] = ()
    choices: int = 0
    work: float = 0.0
    bounds: tuple[Bound, ...] = ()
    levels: frozenset[int] | None = None


class _Compiler:
    def __init__(self, now_ms: float, zone: tzinfo) -> None:
        self._now_ms = now_ms
        self._zone = zone
        self.has_times = False
        # These names mean the place of a line in the stream, not one of its fields.
        self._special: dict[str, Callable[[FieldTerm], _CompiledTerm | None]] = {
            "level": _level_part,
            "channel": self._channel_part,
            "id": _id_part,
            "after": self._time_part,
            "before": self._time_part,
        }

    def build(self, node: FilterTree) -> _CompiledTerm:
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

    def _term(self, node: TextTerm | ExpressionTerm | FieldTerm) -> _CompiledTerm:
        match node:
            case TextTerm(value):
                return _text_part(value)
            case ExpressionTerm(source, flags):
                expression = _expression(node, source, flags)
                search = expression.search
                needs = _literal_needs(expression, FilteredLine.hides_letters)
                return _CompiledTerm(lambda line: search(line.plain), SEARCH, needs, expression.choices)
            case FieldTerm():
                special = self._special.get(node.name)
                return (special(node) if special else None) or _field_part(node)

    def _cheapest_first(self, items: Iterable[FilterTree]) -> list[_CompiledTerm]:
        return sorted(map(self.build, items), key=lambda part: part.cost)

    def _channel_part(self, node: FieldTerm) -> _CompiledTerm | None:
        if node.sign == "=":
            return _CompiledTerm(lambda line: matches_any(node.values, line.channel), CHEAP)
        if node.sign != "~":
            return None
        # A name is short: its expression is never too dear.
        search = _field_expression(node).search
        return _CompiledTerm(lambda line: search(line.channel.encode()), CHEAP)

    def _time_part(self, node: FieldTerm) -> _CompiledTerm | None:
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

        return _CompiledTerm(after if node.name == "after" else before, READ)


def _joined(test: LineTest, parts: Sequence[_CompiledTerm], needs: Sequence[Need]) -> _CompiledTerm:
    choices = sum(part.choices for part in parts)
    return _CompiledTerm(test, parts[-1].cost, needs, choices, sum(part.work for part in parts))


def _all_of(tests: Sequence[LineTest]) -> LineTest:
    one, *others = tests
    if len(others) == 1:
        other = others[0]
        return lambda line: one(line) and other(line)
    return lambda line: one(line) and all(test(line) for test in others)


def _any_of(tests: Sequence[LineTest]) -> LineTest:
    return lambda line: any(test(line) for test in tests)


# Case matters only if the text contains a capital letter.
def _text_part(value: str) -> _CompiledTerm:
    hides = FilteredLine.hides_letters if is_plain_json(value) else FilteredLine.hides_characters
    if has_capital(value):
        needle = value.encode()
        # U+FFFD may stand for any bytes that are no text.
        needs = [] if "\ufffd" in value else [Need(exact=(needle,), hidden=(hides,))]
        return _CompiledTerm(lambda line: needle in line.plain, SEARCH, needs)
    if ASCII_TEXT.fullmatch(value):
        small = value.lower().encode()
        return _CompiledTerm(lambda line: small in line.folded, SEARCH, [Need(folded=(small,), hidden=(hides,))])
    is_in = FoldedText(value).is_in
    longest = max(CASELESS.findall(value), key=len, default="").lower().encode()
    needs = [Need(folded=(longest,), hidden=(FilteredLine.hides_characters,))] if longest else []
    return _CompiledTerm(lambda line: is_in(line.plain), SEARCH, needs)


def _literal_needs(expression: Expression, *hidden: FirstLook) -> list[Need]:
    literal = expression.literal.encode()
    if not literal:
        return []
    if expression.ignores_case:
        return [Need(folded=(literal.lower(),), hidden=hidden)]
    return [Need(exact=(literal,), hidden=hidden)]


def _expression(node: ExpressionTerm | FieldTerm, source: str, flags: str) -> Expression:
    try:
        return Expression(source, flags)
    except BadExpression as error:
        raise InvalidFilter(str(error), *node.span) from None


def _field_expression(node: FieldTerm) -> Expression:
    [source] = node.values
    return _expression(node, source, smart_flags(source) if node.flags is None else node.flags)


def _field_part(node: FieldTerm) -> _CompiledTerm:
    name = node.name
    if node.sign == "exists":
        return _CompiledTerm(lambda line: value_of(line, name) not in (MISSING, None), READ, _name_needs(name))
    if node.sign == "~":
        expression = _field_expression(node)
        needs = [*_name_needs(name), *_pattern_needs(name, expression)]
        return _CompiledTerm(_matches(name, expression), READ, needs, expression.choices)
    if node.sign == "=":
        return _CompiledTerm(_equals(name, node.values), READ, [*_name_needs(name), *_value_needs(name, node.values)])
    return _compared_part(node)


def _matches(name: str, expression: Expression) -> LineTest:
    search = expression.search

    def test(line: FilteredLine) -> bool:
        value = value_of(line, name)
        return value is not MISSING and search(plain_text(value).encode())

    return test


def _equals(name: str, values: Sequence[str]) -> LineTest:
    fits = equals(values)

    def test(line: FilteredLine) -> bool:
        value = value_of(line, name)
        return value is not MISSING and fits(value)

    return test


def _compared_part(node: FieldTerm) -> _CompiledTerm:
    name, sign, text = node.name, node.sign, node.values[0]
    try:
        fits = compares(sign, text)
    except ValueError as error:
        raise InvalidFilter(str(error), *node.span) from None

    def test(line: FilteredLine) -> bool:
        value = value_of(line, name)
        return value is not MISSING and fits(value, name)

    limit = parse_quantity(text)
    assert limit is not None
    bounds = [Bound(name, sign, limit, need) for need in _name_needs(name)]
    if name == STATUS and limit.kind == "number":
        # Of the lines about requests, those with such a status.
        bounds = [bound.with_status_look() for bound in bounds]
    return _CompiledTerm(test, READ, [bound.need for bound in bounds], bounds=tuple(bounds))


def _name_needs(name: str) -> list[Need]:
    if name in PARTS:
        return []
    last = last_name(name)
    if not is_plain_json(last) or (name in DERIVED and name not in OF_REQUEST):
        return []
    derived = (FilteredLine.may_be_request,) if name in DERIVED else ()
    return [Need(exact=(last.encode(),), hidden=(FilteredLine.hides_words, *derived), common=True)]


# What is in the value of a field is in the line, whatever is between its words.
def _pattern_needs(name: str, expression: Expression) -> list[Need]:
    unseen = name in NOT_IN_TEXT or any(expression.literal.lower() in text.lower() for text in UNSEEN)
    return [] if unseen else _literal_needs(expression, *_hidden_of(name))


def _hidden_of(name: str) -> tuple[FirstLook, ...]:
    made = (FilteredLine.may_be_made,) if name in MESSAGE_NAMES else ()
    return (FilteredLine.hides_words, *made)


def _value_needs(name: str, values: Sequence[str]) -> list[Need]:
    if name in NOT_IN_TEXT or not all(_is_sought(name, value) for value in values):
        return []
    texts = [_digits_of(value) if is_number(value) else _longest_part(value) for value in values]
    digits = (FilteredLine.has_other_digits,) if any(map(is_number, values)) else ()
    if not all(texts):
        return []
    return [Need(exact=tuple(text.encode() for text in texts), hidden=(*_hidden_of(name), *digits))]


# JSON may escape slashes.
def _longest_part(value: str) -> str:
    return max(value.split("/"), key=len)


# A message may be put together of words.
def _is_sought(name: str, value: str) -> bool:
    return (
        is_plain_json(_longest_part(value))
        and _longest_part(value) not in UNSEEN
        and all(is_plain_json(part) or not part for part in value.split("/"))
        and value.removeprefix("-") not in UNSEEN
        and not (name in MESSAGE_NAMES and not value.isalpha())
    )


# What a number has in common with every other way to write it, but those of OTHER_DIGITS.
def _digits_of(text: str) -> str:
    if not is_safe_number(text):
        return text
    digits = number_text(abs(float(text)))
    return "" if "e" in digits else digits.removeprefix("0") if digits.startswith("0.") else digits


def _level_part(node: FieldTerm) -> _CompiledTerm | None:
    if node.sign == "exists":
        return _CompiledTerm(lambda line: line.level != NONE, READ)
    if node.sign == "~":
        return None
    levels = [NONE if word.lower() == "none" else level_of_word(word) or None for word in node.values]
    if node.sign != "=":
        if not levels[0]:
            raise InvalidFilter(f"There is no level “{node.values[0]}”: {', '.join(NAMES[1:])}", *node.span)
        fits = compares(node.sign, str(levels[0]))
        least = levels[0] + (node.sign == ">")
        needs = [LOUD_LINE] if node.sign in (">", ">=") and least >= LOUD else []
        fitting = frozenset(level for level in range(NONE + 1, len(NAMES)) if fits(level, ""))
        return _CompiledTerm(lambda line: line.level in fitting, READ, needs, levels=fitting)
    known = frozenset(level for level in levels if level is not None)
    # A custom level such as AUDIT has a name but no rank.
    own = frozenset(word.lower() for word, level in zip(node.values, levels, strict=True) if level is None)

    def test(line: FilteredLine) -> bool:
        if line.level in known:
            return True
        return bool(own) and line.level == NONE and (line.record.level_word or "").lower() in own

    needs = [LOUD_LINE] if not own and min(known) >= LOUD else []
    return _CompiledTerm(test, READ, needs, levels=known | ({NONE} if own else frozenset()))


# For an event id; any other id is a field of the line.
def _id_part(node: FieldTerm) -> _CompiledTerm | None:
    if node.sign != "=" or not all(EVENT_ID.fullmatch(value) for value in node.values):
        return None
    return _CompiledTerm(lambda line: line.id in node.values, CHEAP)
