r"""
Parses the text of a filter into a tree. Pure: no I/O.

    parse_filter('level>=warn -user=u7 (a OR /b+/i)')
        --> AllOf((FieldTerm("level", ">=", ("warn",)), Negation(FieldTerm("user", "=", ("u7",))), AnyOf(…)))
    parse_filter("  ") --> None
    parse_filter("(a") --> InvalidFilter("This bracket is never closed.", 0, 1)

As `web/js/query/parse.js`. An open quote or slash is no mistake: on the page, the reader is still typing.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

from sse_hub.errors import InvalidFilter
from sse_hub.formats.table import BLANKS

# The page has the same limits (web/js/query/parse.js).
MAX_CHARACTERS = 4_096
MAX_TERMS = 200
MAX_DEPTH = 50
# JavaScript's \s, and the characters that its dot does not match.
BLANK = f"[{re.escape(BLANKS)}]"
DOT = "[^\n\r\u2028\u2029]"
SIGN = re.compile(rf">=|<=|!=|!~|=|~|>|<|:\*(?={BLANK}|\)|\Z)")
QUOTED_KEY = re.compile(rf'"(?:[^"\\]|\\{DOT})+"')
REGEX = re.compile(rf"/((?:[^/\\\[\n]|\\{DOT}|\[(?:[^\]\\]|\\{DOT})*\])+)/([imsu]*)(?={BLANK}|\)|\Z)")
QUOTED = re.compile(r'"((?:[^"\\]|\\[\s\S])*)(?:"|\\?\Z)')
SPACE = re.compile(f"{BLANK}*")
OR = re.compile(rf"OR(?={BLANK}|[()]|\Z)")
ESCAPED = re.compile(r'\\(["\\])')


class Span(NamedTuple):
    """The position of a term in the text, in characters from 0; `end` is the first one after it."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TextTerm:
    """`timeout`: the line has this text."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class ExpressionTerm:
    """`/conn(ect)?ed/i`: the line matches the expression."""

    source: str
    flags: str
    span: Span


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """`user=u7,u8`. `sign` is one of = ~ > >= < <= and `exists`; `flags` is None for a pattern without its own."""

    name: str
    sign: str
    values: tuple[str, ...]
    flags: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Negation:
    """`-a`, `a!=b`, `a!~b`."""

    item: "FilterTree"


@dataclass(frozen=True, slots=True)
class AllOf:
    """`a b`."""

    items: tuple["FilterTree", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`a OR b`."""

    items: tuple["FilterTree", ...]


FilterTree = TextTerm | ExpressionTerm | FieldTerm | Negation | AllOf | AnyOf


def parse_filter(text: str) -> FilterTree | None:
    """The tree of a filter; None for an empty one. Raises InvalidFilter."""
    return _FilterParser(text).whole()


class _FilterParser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._terms = 0

    def whole(self) -> FilterTree | None:
        if len(self._text) > MAX_CHARACTERS:
            raise InvalidFilter("A filter may have up to 4,096 characters.", MAX_CHARACTERS, len(self._text))
        tree = self._any()
        if self._at < len(self._text):
            raise InvalidFilter("There is no bracket open here.", self._at, self._at + 1)
        return tree

    # a b OR c d
    def _any(self) -> FilterTree | None:
        items: list[FilterTree] = []
        after_or: int | None = None
        while True:
            start = self._skip()
            item = self._all()
            if item is not None:
                items.append(item)
            elif after_or is not None:
                raise InvalidFilter("Something must follow OR.", after_or, after_or + 2)
            elif self._is_or():
                raise InvalidFilter("Something must stand before OR.", start, start + 2)
            if not self._is_or():
                break
            after_or = self._at
            self._at += 2
        return AnyOf(tuple(items)) if len(items) > 1 else items[0] if items else None

    def _all(self) -> FilterTree | None:
        items: list[FilterTree] = []
        while True:
            self._skip()
            if self._char() in ("", ")") or self._is_or():
                return AllOf(tuple(items)) if len(items) > 1 else items[0] if items else None
            item = self._term()
            if item is not None:
                items.append(item)

    def _term(self) -> FilterTree | None:
        if self._char() != "-":
            return self._positive()
        self._at += 1
        # A minus alone is the beginning of a term.
        if self._char() in ("", ")") or self._char() in BLANKS:
            return None
        return _negated(self._positive())

    def _positive(self) -> FilterTree | None:
        if self._char() == "(":
            return self._group()
        start = self._at
        leaf = self._leaf(start)
        if leaf is not None:
            self._terms += 1
            if self._terms > MAX_TERMS:
                raise InvalidFilter("A filter may have up to 200 terms.", start, self._at)
        return leaf

    def _leaf(self, start: int) -> FilterTree | None:
        end = self._key_end()
        sign = SIGN.match(self._text, end) if end > start else None
        if sign:
            written = self._text[start:end]
            self._at = sign.end()
            return self._field(written, sign[0], start)
        regex = self._match(REGEX)
        if regex:
            return ExpressionTerm(regex[1], regex[2], Span(start, self._at))
        value = self._quote() if self._char() == '"' else self._bare("")
        return TextTerm(value, Span(start, self._at)) if value else None

    def _group(self) -> FilterTree | None:
        start = self._at
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidFilter("Brackets go too deep here.", start, start + 1)
        self._at += 1
        tree = self._any()
        if self._char() != ")":
            raise InvalidFilter("This bracket is never closed.", start, start + 1)
        self._at += 1
        self._depth -= 1
        return tree

    # Where the name of a field ends that begins here; here if none does.
    def _key_end(self) -> int:
        text, at = self._text, self._at
        if text.startswith('"', at):
            quoted = QUOTED_KEY.match(text, at)
            return quoted.end() if quoted else at
        if at < len(text) and (_is_letter(text[at]) or text[at] in "_@$"):
            at += 1
            while at < len(text) and (_is_letter(text[at]) or _is_digit(text[at]) or text[at] in "_.@$/-"):
                at += 1
        return at

    def _field(self, written: str, sign: str, start: int) -> FilterTree | None:
        name = _unescaped(written[1:-1]) if written.startswith('"') else written
        if sign == ":*":
            return FieldTerm(name, "exists", (), None, Span(start, self._at))
        positive = sign.replace("!", "")
        flags = None
        if positive == "~":
            values, flags = self._pattern()
        else:
            values = self._values(several=positive == "=")
        if not values:
            raise InvalidFilter(f"A value must follow {written}{sign}", start, self._at)
        field = FieldTerm(name, positive, tuple(values), flags, Span(start, self._at))
        return Negation(field) if sign.startswith("!") else field

    def _pattern(self) -> tuple[list[str], str | None]:
        regex = self._match(REGEX)
        if regex:
            return [regex[1]], regex[2]
        # A backslash before a quote escapes the quote; any other backslash belongs to the pattern.
        if self._char() == '"':
            quoted = self._match(QUOTED)
            return [quoted[1].replace('\\"', '"') if quoted else ""], None
        word = self._bare("", escape="\\")
        return [word] if word else [], None

    def _values(self, several: bool) -> list[str]:
        values: list[str] = []
        while True:
            start = self._at
            value = self._quote() if self._char() == '"' else self._bare("," if several else "")
            if self._at > start:
                values.append(value)
            if not several or self._char() != ",":
                return values
            self._at += 1

    def _quote(self) -> str:
        quoted = self._match(QUOTED)
        return _unescaped(quoted[1]) if quoted else ""

    # A word up to a blank or one of `ends`, or up to a closing bracket that was not opened in it.
    def _bare(self, ends: str, escape: str = "") -> str:
        text, start = self._text, self._at
        opened = 0
        while self._at < len(text) and text[self._at] not in BLANKS and text[self._at] not in ends:
            char = text[self._at]
            if char == escape:
                self._at += 1
            elif char == "(":
                opened += 1
            elif char == ")":
                opened -= 1
                if opened < 0:
                    break
            self._at += 1
        self._at = min(self._at, len(text))
        return text[start : self._at]

    def _char(self) -> str:
        return self._text[self._at : self._at + 1]

    def _is_or(self) -> bool:
        return OR.match(self._text, self._at) is not None

    def _skip(self) -> int:
        self._match(SPACE)
        return self._at

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] == "L"


def _is_digit(character: str) -> bool:
    return unicodedata.category(character)[0] == "N"


def _unescaped(text: str) -> str:
    return ESCAPED.sub(r"\1", text)


def _negated(item: FilterTree | None) -> FilterTree | None:
    return None if item is None else Negation(item)
