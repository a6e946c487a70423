"""
One term of a filter, as a test of lines and what every line that it matches has. Pure: no I/O.

    TextTerm("timeout")                --> text_term()  --> CompiledTerm(test, SEARCH, needs "timeout")
    FieldTerm("status", ">=", ["500"]) --> field_term() --> CompiledTerm(test, READ, needs "status", bounds …)

`compile.py` puts terms together. The fields of a line are read only if its bytes may contain what the term looks for.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sse_hub.errors import InvalidFilter
from sse_hub.filters.bounds import STATUS, Bound
from sse_hub.filters.compare import compares, equals, is_safe_number, plain_text
from sse_hub.filters.expression import Expression, FoldedText, has_capital, smart_flags
from sse_hub.filters.expression_tree import BadExpression
from sse_hub.filters.fields import DERIVED, OF_REQUEST, PARTS, is_plain_json, last_name, value_of
from sse_hub.filters.level_look import LOUD
from sse_hub.filters.line import FilteredLine
from sse_hub.filters.parse import ExpressionTerm, FieldTerm
from sse_hub.filters.prefilter import FirstLook, Need
from sse_hub.filters.units import is_number, parse_quantity
from sse_hub.formats.levels import NAMES, NONE, level_of_word
from sse_hub.formats.names import MISSING
from sse_hub.formats.values import number_text

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

LineTest = Callable[[FilteredLine], bool]


@dataclass(frozen=True, slots=True)
class CompiledTerm:
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


def text_term(value: str) -> CompiledTerm:
    """A text in a line; case matters only if it contains a capital letter."""
    hides = FilteredLine.hides_letters if is_plain_json(value) else FilteredLine.hides_characters
    if has_capital(value):
        needle = value.encode()
        # U+FFFD may stand for any bytes that are no text.
        needs = [] if "\ufffd" in value else [Need(exact=(needle,), hidden=(hides,))]
        return CompiledTerm(lambda line: needle in line.plain, SEARCH, needs)
    if ASCII_TEXT.fullmatch(value):
        small = value.lower().encode()
        return CompiledTerm(lambda line: small in line.folded, SEARCH, [Need(folded=(small,), hidden=(hides,))])
    is_in = FoldedText(value).is_in
    longest = max(CASELESS.findall(value), key=len, default="").lower().encode()
    needs = [Need(folded=(longest,), hidden=(FilteredLine.hides_characters,))] if longest else []
    return CompiledTerm(lambda line: is_in(line.plain), SEARCH, needs)


def expression_term(node: ExpressionTerm) -> CompiledTerm:
    """An expression in the text of a line."""
    expression = _expression(node, node.source, node.flags)
    search = expression.search
    needs = _literal_needs(expression, FilteredLine.hides_letters)
    return CompiledTerm(lambda line: search(line.plain), SEARCH, needs, expression.choices)


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


def field_expression(node: FieldTerm) -> Expression:
    """The expression that a field is to match. Raises InvalidFilter."""
    [source] = node.values
    return _expression(node, source, smart_flags(source) if node.flags is None else node.flags)


def field_term(node: FieldTerm) -> CompiledTerm:
    """A field of a line. Raises InvalidFilter."""
    name = node.name
    if node.sign == "exists":
        return CompiledTerm(lambda line: value_of(line, name) not in (MISSING, None), READ, _name_needs(name))
    if node.sign == "~":
        expression = field_expression(node)
        needs = [*_name_needs(name), *_pattern_needs(name, expression)]
        return CompiledTerm(_matches(name, expression), READ, needs, expression.choices)
    if node.sign == "=":
        return CompiledTerm(_equals(name, node.values), READ, [*_name_needs(name), *_value_needs(name, node.values)])
    return _compared_term(node)


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


def _compared_term(node: FieldTerm) -> CompiledTerm:
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
    return CompiledTerm(test, READ, [bound.need for bound in bounds], bounds=tuple(bounds))


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


def level_term(node: FieldTerm) -> CompiledTerm | None:
    """The level of a line; None if `level` is compared as any other field is. Raises InvalidFilter."""
    if node.sign == "exists":
        return CompiledTerm(lambda line: line.level != NONE, READ)
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
        return CompiledTerm(lambda line: line.level in fitting, READ, needs, levels=fitting)
    known = frozenset(level for level in levels if level is not None)
    # A custom level such as AUDIT has a name but no rank.
    own = frozenset(word.lower() for word, level in zip(node.values, levels, strict=True) if level is None)

    def test(line: FilteredLine) -> bool:
        if line.level in known:
            return True
        return bool(own) and line.level == NONE and (line.record.level_word or "").lower() in own

    needs = [LOUD_LINE] if not own and min(known) >= LOUD else []
    return CompiledTerm(test, READ, needs, levels=known | ({NONE} if own else frozenset()))


def id_term(node: FieldTerm) -> CompiledTerm | None:
    """The event id of a line; None for any other id, which is one of its fields."""
    if node.sign != "=" or not all(EVENT_ID.fullmatch(value) for value in node.values):
        return None
    return CompiledTerm(lambda line: line.id in node.values, CHEAP)
