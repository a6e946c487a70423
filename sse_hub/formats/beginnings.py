r"""
What a regular expression may begin with, so that most rows of the table need not be tried on a text. Pure: no I/O.

    beginnings(r"[ \t]*(?:\[|<)[a-z]+") --> {"[", "<"}        blanks do not count, see first_of()
    first_of("  [warn] slow") --> "["

As `byFirst` in `web/js/normalise/table.js`, but for the kinds of characters, because each kind has its own expression.
"""

import re
from functools import cache

# So many blanks are passed over; a pattern that begins with blanks fits a text with more of them, too.
MAX_BLANKS = 256
# Letters and digits are told apart by their kind only; one sign stands for all characters that are not ASCII.
UPPER, LOWER, DIGIT, OTHER = "A", "a", "0", "…"
KINDS = {
    character: UPPER
    if character.isupper()
    else LOWER
    if character.islower()
    else DIGIT
    if character.isdigit()
    else character
    for character in map(chr, range(128))
    if character not in " \t"
}
ALL = frozenset({*KINDS.values(), OTHER})
PART = re.compile(r"\(\?[:=!]|\[(?:\\[^\n]|[^\]\\])*\]|\\x[0-9a-f]{2}|\\?[^\n]")
QUANTIFIER = re.compile(r"(?:[?*+]|\{([0-9]+)(?:,[0-9]*)?\})\??")
EDGES = ("\\Z", "^", "$")
LOOKAHEADS = ("(?=", "(?!")


def first_of(text: str) -> str:
    """The kind of the first character that is no blank; OTHER without one."""
    first = text[:1]
    if first in (" ", "\t"):
        first = text[:MAX_BLANKS].lstrip(" \t")[:1]
    return KINDS.get(first, OTHER)


def beginnings(source: str) -> frozenset[str]:
    """The kinds of characters that a text may begin with, after blanks, if the expression `source` fits it."""
    kinds, empty = _Scan(source).alternatives()
    return ALL if empty else frozenset(kinds)


class _Scan:
    """An expression being read. A method returns the kinds of first characters, and whether nothing or blanks fit."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def alternatives(self) -> tuple[set[str], bool]:
        kinds, empty = self._sequence()
        while self._source.startswith("|", self._at):
            self._at += 1
            more, also_empty = self._sequence()
            kinds, empty = kinds | more, empty or also_empty
        return kinds, empty

    def _sequence(self) -> tuple[set[str], bool]:
        kinds: set[str] = set()
        empty = True
        while self._at < len(self._source) and self._source[self._at] not in "|)":
            more, may_be_empty = self._part()
            optional = self._is_optional()
            if empty:
                kinds |= more
            empty = empty and (may_be_empty or optional)
        return kinds, empty

    def _part(self) -> tuple[set[str], bool]:
        part = self._take(PART)
        if part[0] != "(":
            return _of_one(part)
        inside = self.alternatives()
        self._at += 1
        return (set(), True) if part in LOOKAHEADS else inside

    def _is_optional(self) -> bool:
        match = QUANTIFIER.match(self._source, self._at)
        if match is None:
            return False
        self._at = match.end()
        return match[0][0] in "?*" or match[1] == "0"

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._source, self._at)
        assert match is not None
        self._at = match.end()
        return match[0]


# A character or a class.
@cache
def _of_one(part: str) -> tuple[set[str], bool]:
    if part in EDGES:
        return set(), True
    one = re.compile(part)
    kinds = {kind for character, kind in KINDS.items() if one.match(character)}
    if not part.isascii() or one.match(OTHER):
        kinds.add(OTHER)
    return kinds, bool(one.match(" ") or one.match("\t"))
