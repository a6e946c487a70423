r"""
How a regular expression of the filter language is read, by one grammar for both engines. Pure: no I/O.

    parse_expression("conn(ect)?ed", "i") --> a tree of characters, repeats, …, which `expression.py` writes for RE2
    parse_expression("(?=x)", "")         --> raises BadExpression, which says what is allowed

The grammar is that of `web/js/query/expression.js`. docs/page.md says what is allowed.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

MAX_DEPTH = 50
# How many characters a category of Unicode counts as: it is hundreds of ranges.
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


class BadExpression(ValueError):
    """An expression can't be used; the message says why, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Character:
    """
    A character, or one of a set of them. `source` is how RE2 writes it, `letter` the character if there is only one,
    and `size` as how many characters it counts.
    """

    source: str
    letter: str = ""
    size: int = 1


@dataclass(frozen=True, slots=True)
class Assertion:
    """A place in the text, such as its beginning; `source` is how RE2 writes it."""

    source: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    items: tuple["ExpressionTree", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    items: tuple["ExpressionTree", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same several times; `most` is None without a limit."""

    item: "ExpressionTree"
    least: int
    most: int | None


ExpressionTree = Character | Assertion | Sequence | Choice | Repeat


def refuse(why: str) -> NoReturn:
    """Raise BadExpression with a reason."""
    raise BadExpression(f"This regular expression can't be used: {why}")


def parse_expression(source: str, flags: str) -> ExpressionTree:
    """The tree of what a person typed. Raises BadExpression."""
    return _Parser(source, flags).whole()


def escaped(character: str) -> str:
    """How RE2 writes a character that means itself."""
    return character if character.isascii() and character.isalnum() else f"\\x{{{ord(character):x}}}"


def _literal(character: str) -> Character:
    return Character(escaped(character), character)


@dataclass(frozen=True, slots=True)
class _Member:
    """A character, or a set of them by its source in a class."""

    character: str = ""
    source: str = ""
    size: int = 1
    negated: bool = False

    @property
    def written(self) -> str:
        return self.source or escaped(self.character)


class _Parser:
    def __init__(self, source: str, flags: str) -> None:
        self._source = source
        self._multiline = "m" in flags
        self._dot = ANY if "s" in flags else DOT
        self._at = 0
        self._depth = 0

    def whole(self) -> ExpressionTree:
        tree = self._choice()
        if self._at < len(self._source):
            refuse("a ) closes nothing")
        return tree

    def _choice(self) -> ExpressionTree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            refuse("its brackets go too deep")
        items = [self._sequence()]
        while self._char() == "|":
            self._at += 1
            items.append(self._sequence())
        self._depth -= 1
        return items[0] if len(items) == 1 else Choice(tuple(items))

    def _sequence(self) -> ExpressionTree:
        items: list[ExpressionTree] = []
        while self._char() not in ("", "|", ")"):
            items.append(self._with_repeat(self._atom()))
        return Sequence(tuple(items))

    def _atom(self) -> ExpressionTree:
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
            refuse(f"there is nothing before {char} to repeat")
        self._at += 1
        return Character(self._dot) if char == "." else _literal(char)

    def _group(self) -> ExpressionTree:
        rest = self._rest(64)
        if rest.startswith(("(?=", "(?!", "(?<=", "(?<!")):
            refuse(f"look-around, such as (?=…), is not; {ALLOWED}")
        self._at += self._group_length(rest)
        inner = self._choice()
        if self._char() != ")":
            refuse("a ( is never closed")
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
            refuse(f"(? begins no group; {ALLOWED}, and flags behind the last slash, as in /error/i")
        return 1

    def _assertion(self, what: str, length: int) -> ExpressionTree:
        self._at += length
        if what in "bB":
            return Assertion(f"\\{what}")
        if self._multiline:
            return Assertion(f"(?m:{what})")
        return Assertion("\\A" if what == "^" else "\\z")

    def _escape(self) -> ExpressionTree:
        following = self._source[self._at + 1 : self._at + 2]
        if following in ("b", "B"):
            return self._assertion(following, 2)
        if following and following in "123456789k":
            refuse(f"back references, such as \\1, are not; {ALLOWED}")
        found = self._escaped_member()
        if found.character:
            return _literal(found.character)
        return Character(f"[{'^' if found.negated else ''}{found.source}]", size=found.size)

    # Valid inside of a class, too.
    def _escaped_member(self) -> _Member:
        following = self._source[self._at + 1 : self._at + 2]
        if not following:
            refuse("a \\ ends it")
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
            refuse(f"there is no escape \\{following}")
        return _Member(following)

    def _code(self, kind: str) -> str:
        found = HEX[kind].match(self._source, self._at)
        if found is None:
            refuse(f"\\{kind} needs the number of a character, as in \\x7f or \\u2028")
        self._at = found.end()
        code = int(found[0].strip("{}"), 16)
        if code > 0x10FFFF:
            refuse(f"there is no character \\u{found[0]}")
        low = LOW_SURROGATE.match(self._source, self._at) if 0xD800 <= code < 0xDC00 else None
        if low:
            self._at = low.end()
            code = 0x10000 + (code - 0xD800) * 0x400 + int(low[1], 16) - 0xDC00
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    def _category(self, kind: str) -> _Member:
        found = CATEGORY.match(self._source, self._at)
        if found is None or not (SCRIPTS if found[1] else CATEGORIES).fullmatch(found[2]):
            refuse(f"\\{kind} needs a category or a script, such as {{L}}, {{Lu}}, {{N}}, {{P}} or {{Script=Han}}")
        self._at = found.end()
        return _Member(source=f"\\p{{{found[2]}}}", size=CATEGORY_SIZE, negated=kind == "P")

    def _class(self) -> ExpressionTree:
        self._at += 1
        negated = self._char() == "^"
        self._at += negated
        size = 1
        source = ""
        while self._char() != "]":
            if not self._char():
                refuse("a [ is never closed")
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
            return Character(ANY if negated else NOTHING)
        return Character(f"[{'^' if negated else ''}{source}]", size=size)

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
            refuse("\\P{…} can't stand in a class: [^…] with \\p{…} can")
        return found

    def _with_repeat(self, item: ExpressionTree) -> ExpressionTree:
        repeat = self._range()
        if repeat is None:
            return item
        least, most = repeat
        if isinstance(item, Assertion):
            refuse("^, $ and \\b can't be repeated")
        if most is not None and least > most:
            refuse(f"{{{least},{most}}} ends before it begins")
        # Being lazy changes which match is found, not whether there is one.
        if self._char() == "?":
            self._at += 1
        if self._is_repeat():
            refuse(f"there is nothing before {self._char()} to repeat")
        return Repeat(item, least, most)

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
        return escaped("-") + end.written
    if start.character > end.character:
        refuse(f"the range {start.character}-{end.character} ends before it begins")
    return f"-{end.written}"
