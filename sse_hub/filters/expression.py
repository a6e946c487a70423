r"""
The regular expressions of the filter language, on RE2, which takes a time that depends only on the length of a text.

    Expression("conn(ect)?ed", "i").search(b"Disconnected") --> True        raises BadExpression
    Expression("(time|life) out").literal --> "out": letters of every match

The grammar is that of `web/js/query/expression.js`: each engine is given an expression that is written for it, so that
both mean the same. docs/page.md says what is allowed.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

import re2

MAX_DEPTH = 50
MAX_REPEATS = 1_000
# Characters, each as often as it is repeated. A category of Unicode is hundreds of ranges.
MAX_SIZE = 1_000
CATEGORY_SIZE = 50
CATEGORIES = re.compile("L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?")
SCRIPTS = re.compile("Arabic|Cyrillic|Devanagari|Greek|Han|Hangul|Hebrew|Hiragana|Katakana|Latin|Thai")
CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f", "0": "\0"}
ALLOWED = "allowed are characters, classes, groups, |, repeats, ^, $ and \\b"
COUNT = re.compile(r"\{([0-9]{1,6})(,([0-9]{0,6}))?\}")
HEX = {"x": re.compile("[0-9a-fA-F]{2}"), "u": re.compile(r"[0-9a-fA-F]{4}|\{[0-9a-fA-F]{1,6}\}")}
LOW_SURROGATE = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
CATEGORY = re.compile(r"\{(Script=)?([A-Za-z]{1,16})\}")
REPEATS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
# What JavaScript calls white space; RE2 knows that of ASCII only.
SPACES = [
    *[(0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)],
    *[(0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)],
]
EDGES = [(-1, -1), *SPACES, (0x110000, 0x110000)]
OTHERS = [(one[1] + 1, other[0] - 1) for one, other in pairwise(EDGES)]


def _ranges(ranges: list[tuple[int, int]]) -> str:
    return "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in ranges)


SETS = {"d": "\\d", "D": "\\D", "w": "\\w", "W": "\\W", "s": _ranges(SPACES), "S": _ranges(OTHERS)}
ANY = "(?s:.)"
NOTHING = "[^\\x00-\\x{10ffff}]"
DOT = "[^\\n\\r\\x{2028}\\x{2029}]"
# These are s and k if case does not matter. RE2 knows that, but not for \b.
LONG_S, KELVIN = "\u017f".encode(), "\u212a".encode()
ESCAPES = re.compile("\\\\[^\n\r\u2028\u2029]")


class BadExpression(ValueError):
    """An expression can't be used; the message says why, and what is allowed."""


def smart_flags(source: str) -> str:
    r"""`i` unless the expression contains a capital letter outside escapes such as \S."""
    return "" if has_capital(ESCAPES.sub("", source)) else "i"


def has_capital(text: str) -> bool:
    """Whether a text has a capital letter, so that case matters."""
    return any(unicodedata.category(character) == "Lu" for character in text)


class Expression:
    """
    An expression that a person typed. Raises BadExpression. `choices` is the number of its parts that fit several
    characters, or any number of them, each as often as it is repeated: about that many things RE2 may have to follow at
    once, for each byte.
    """

    __slots__ = ("_pattern", "choices", "ignores_case", "literal")

    def __init__(self, source: str, flags: str = "") -> None:
        self.ignores_case = "i" in flags
        tree = _ExpressionParser(source, flags).whole()
        _check_size(tree, 1)
        self.choices = _choices_in(tree)
        self.literal = _literal_of(tree, self.ignores_case)
        self._pattern = _compiled(_source_of(tree), self.ignores_case)

    def search(self, text: bytes) -> bool:
        """Whether a text in UTF-8 matches."""
        if self.ignores_case and not text.isascii():
            text = text.replace(LONG_S, b"s").replace(KELVIN, b"k")
        return self._pattern.search(text) is not None


class FoldedText:
    """A text in which case does not matter."""

    __slots__ = ("_pattern",)

    def __init__(self, text: str) -> None:
        self._pattern = _compiled("".join(map(_escaped, text)), True)

    def is_in(self, text: bytes) -> bool:
        """Whether it is in a text in UTF-8."""
        return self._pattern.search(text) is not None


def _compiled(source: str, ignore_case: bool) -> Any:
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as error:
        message = error.args[0]
        raise BadExpression(message.decode(errors="replace") if isinstance(message, bytes) else str(message)) from None


@dataclass(frozen=True, slots=True)
class _Character:
    source: str
    letter: str = ""
    size: int = 1


@dataclass(frozen=True, slots=True)
class _Assertion:
    source: str


@dataclass(frozen=True, slots=True)
class _Sequence:
    items: tuple["_ExpressionTree", ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    items: tuple["_ExpressionTree", ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    item: "_ExpressionTree"
    least: int
    most: int | None


_ExpressionTree = _Character | _Assertion | _Sequence | _Choice | _Repeat


def _refuse(why: str) -> NoReturn:
    raise BadExpression(f"This regular expression can't be used: {why}")


# `times` is how often the node is repeated by those around it.
def _check_size(node: _ExpressionTree, times: int) -> int:
    if isinstance(node, _Character):
        return node.size
    if isinstance(node, _Assertion):
        return 0
    if isinstance(node, _Repeat):
        most = max(1, node.least if node.most is None else node.most)
        if times * most > MAX_REPEATS:
            _refuse("repeats of up to 1,000 are allowed, multiplied where one is inside another")
        size = _check_size(node.item, times * most) * most
    else:
        size = sum(_check_size(item, times) for item in node.items)
    if size > MAX_SIZE:
        _refuse("it is too large: up to 1,000 characters are allowed, each counted as often as it is repeated")
    return size


def _choices_in(node: _ExpressionTree) -> int:
    if isinstance(node, _Character):
        return 0 if node.letter else node.size
    if isinstance(node, _Assertion):
        return 0
    if isinstance(node, _Repeat):
        choices = _choices_in(node.item)
        # Whether another one follows is a choice, too.
        varies = node.most is None or node.most > node.least
        return max(1, node.least if node.most is None else node.most) * (max(1, choices) if varies else choices)
    return sum(map(_choices_in, node.items)) + (len(node.items) if isinstance(node, _Choice) else 0)


def _source_of(node: _ExpressionTree) -> str:
    if isinstance(node, _Character | _Assertion):
        return node.source
    if isinstance(node, _Sequence):
        return "".join(map(_source_of, node.items))
    if isinstance(node, _Choice):
        return f"(?:{'|'.join(map(_source_of, node.items))})"
    return f"(?:{_source_of(node.item)}){{{node.least},{'' if node.most is None else node.most}}}"


class _LiteralSearch:
    """
    Finds the longest run of two or more letters of ASCII that every match contains; without s and k, which have
    relatives beyond ASCII, if case does not matter.
    """

    def __init__(self, ignore_case: bool) -> None:
        self._usable = re.compile("[A-JL-RT-Za-jl-rt-z_]" if ignore_case else "[A-Za-z_]")
        self._run = ""
        self.longest = ""

    def end(self) -> None:
        if len(self._run) > max(1, len(self.longest)):
            self.longest = self._run
        self._run = ""

    def walk(self, node: _ExpressionTree) -> None:
        if isinstance(node, _Sequence):
            for item in node.items:
                self.walk(item)
        elif isinstance(node, _Character) and self._usable.fullmatch(node.letter):
            self._run += node.letter
        elif isinstance(node, _Repeat) and node.least > 0:
            self.end()
            self.walk(node.item)
            self.end()
        elif not isinstance(node, _Assertion):
            self.end()


def _literal_of(tree: _ExpressionTree, ignore_case: bool) -> str:
    search = _LiteralSearch(ignore_case)
    search.walk(tree)
    search.end()
    return search.longest


def _escaped(character: str) -> str:
    return character if character.isascii() and character.isalnum() else f"\\x{{{ord(character):x}}}"


def _literal(character: str) -> _Character:
    return _Character(_escaped(character), character)


@dataclass(frozen=True, slots=True)
class _Member:
    """A character, or a set of them by its source in a class."""

    character: str = ""
    source: str = ""
    size: int = 1
    negated: bool = False

    @property
    def written(self) -> str:
        return self.source or _escaped(self.character)


class _ExpressionParser:
    def __init__(self, source: str, flags: str) -> None:
        self._source = source
        self._multiline = "m" in flags
        self._dot = ANY if "s" in flags else DOT
        self._at = 0
        self._depth = 0

    def whole(self) -> _ExpressionTree:
        tree = self._choice()
        if self._at < len(self._source):
            _refuse("a ) closes nothing")
        return tree

    def _choice(self) -> _ExpressionTree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse("its brackets go too deep")
        items = [self._sequence()]
        while self._char() == "|":
            self._at += 1
            items.append(self._sequence())
        self._depth -= 1
        return items[0] if len(items) == 1 else _Choice(tuple(items))

    def _sequence(self) -> _ExpressionTree:
        items: list[_ExpressionTree] = []
        while self._char() not in ("", "|", ")"):
            items.append(self._with_repeat(self._atom()))
        return _Sequence(tuple(items))

    def _atom(self) -> _ExpressionTree:
        char = self._char()
        if char == "(":
            return self._group()
        if char in "^$":
            return self._assertion(char, 1)
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if self._is_repeat():
            _refuse(f"there is nothing before {char} to repeat")
        self._at += 1
        return _Character(self._dot) if char == "." else _literal(char)

    def _group(self) -> _ExpressionTree:
        rest = self._rest(64)
        if rest.startswith(("(?=", "(?!", "(?<=", "(?<!")):
            _refuse(f"look-around, such as (?=…), is not; {ALLOWED}")
        self._at += self._group_length(rest)
        inner = self._choice()
        if self._char() != ")":
            _refuse("a ( is never closed")
        self._at += 1
        return inner

    def _group_length(self, rest: str) -> int:
        if rest.startswith("(?:"):
            return 3
        if rest.startswith("(?<"):
            name, closed, _ = rest[3:].partition(">")
            if closed and name and all(map(_is_in_name, name)) and unicodedata.category(name[0])[0] != "N":
                return len(name) + 4
        if rest.startswith("(?"):
            _refuse(f"(? begins no group; {ALLOWED}, and flags behind the last slash, as in /error/i")
        return 1

    def _assertion(self, what: str, length: int) -> _ExpressionTree:
        self._at += length
        if what in "bB":
            return _Assertion(f"\\{what}")
        if self._multiline:
            return _Assertion(f"(?m:{what})")
        return _Assertion("\\A" if what == "^" else "\\z")

    def _escape(self) -> _ExpressionTree:
        following = self._source[self._at + 1 : self._at + 2]
        if following in ("b", "B"):
            return self._assertion(following, 2)
        if following and following in "123456789k":
            _refuse(f"back references, such as \\1, are not; {ALLOWED}")
        found = self._escaped_member()
        if found.character:
            return _literal(found.character)
        return _Character(f"[{'^' if found.negated else ''}{found.source}]", size=found.size)

    # Valid inside of a class, too.
    def _escaped_member(self) -> _Member:
        following = self._source[self._at + 1 : self._at + 2]
        if not following:
            _refuse("a \\ ends it")
        self._at += 2
        if following in SETS:
            return _Member(source=SETS[following])
        if following in "pP":
            return self._category(following)
        if following in HEX:
            return _Member(self._code(following))
        if following in CONTROLS:
            return _Member(CONTROLS[following])
        if unicodedata.category(following)[0] in "LN":
            _refuse(f"there is no escape \\{following}")
        return _Member(following)

    def _code(self, kind: str) -> str:
        found = HEX[kind].match(self._source, self._at)
        if found is None:
            _refuse(f"\\{kind} needs the number of a character, as in \\x7f or \\u2028")
        self._at = found.end()
        code = int(found[0].strip("{}"), 16)
        if code > 0x10FFFF:
            _refuse(f"there is no character \\u{found[0]}")
        low = LOW_SURROGATE.match(self._source, self._at) if 0xD800 <= code < 0xDC00 else None
        if low:
            self._at = low.end()
            code = 0x10000 + (code - 0xD800) * 0x400 + int(low[1], 16) - 0xDC00
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    def _category(self, kind: str) -> _Member:
        found = CATEGORY.match(self._source, self._at)
        if found is None or not (SCRIPTS if found[1] else CATEGORIES).fullmatch(found[2]):
            _refuse(f"\\{kind} needs a category or a script, such as {{L}}, {{Lu}}, {{N}}, {{P}} or {{Script=Han}}")
        self._at = found.end()
        return _Member(source=f"\\p{{{found[2]}}}", size=CATEGORY_SIZE, negated=kind == "P")

    def _class(self) -> _ExpressionTree:
        self._at += 1
        negated = self._char() == "^"
        self._at += negated
        size = 1
        source = ""
        while self._char() != "]":
            if not self._char():
                _refuse("a [ is never closed")
            member = self._member()
            size = max(size, member.size)
            source += member.written
            if self._char() == "-" and self._source[self._at + 1 : self._at + 2] not in ("", "]"):
                self._at += 1
                end = self._member()
                size = max(size, end.size)
                source += _range_to(member, end)
        self._at += 1
        if not source:
            return _Character(ANY if negated else NOTHING)
        return _Character(f"[{'^' if negated else ''}{source}]", size=size)

    def _member(self) -> _Member:
        char = self._char()
        if char != "\\":
            self._at += 1
            return _Member(char)
        if self._source.startswith("b", self._at + 1):
            self._at += 2
            return _Member("\b")
        found = self._escaped_member()
        if found.negated:
            _refuse("\\P{…} can't stand in a class: [^…] with \\p{…} can")
        return found

    def _with_repeat(self, item: _ExpressionTree) -> _ExpressionTree:
        repeat = self._range()
        if repeat is None:
            return item
        least, most = repeat
        if isinstance(item, _Assertion):
            _refuse("^, $ and \\b can't be repeated")
        if most is not None and least > most:
            _refuse(f"{{{least},{most}}} ends before it begins")
        # Being lazy changes which match is found, not whether there is one.
        if self._char() == "?":
            self._at += 1
        if self._is_repeat():
            _refuse(f"there is nothing before {self._char()} to repeat")
        return _Repeat(item, least, most)

    def _range(self) -> tuple[int, int | None] | None:
        char = self._char()
        if char in REPEATS:
            self._at += 1
            return REPEATS[char]
        count = self._count()
        if count is None:
            return None
        self._at = count.end()
        least = int(count[1])
        return least, least if count[2] is None else int(count[3]) if count[3] else None

    def _is_repeat(self) -> bool:
        return self._char() in REPEATS or self._count() is not None

    # Any other { is a character.
    def _count(self) -> re.Match[str] | None:
        return COUNT.match(self._source, self._at)

    def _char(self) -> str:
        return self._source[self._at : self._at + 1]

    def _rest(self, length: int) -> str:
        return self._source[self._at : self._at + length]


def _is_in_name(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN" or character in "_$"


# A set of characters has no range: then the - between the two is a character.
def _range_to(start: _Member, end: _Member) -> str:
    if not start.character or not end.character:
        return _escaped("-") + end.written
    if start.character > end.character:
        _refuse(f"the range {start.character}-{end.character} ends before it begins")
    return f"-{end.written}"
