r"""
The regular expressions of the filter language, on RE2, which takes a time that depends only on the length of a text.

    Expression("conn(ect)?ed", "i").search(b"Disconnected") --> True        raises BadExpression
    Expression("(time|life) out").literal --> "out": letters of every match

`expression_tree.py` reads an expression, and this writes one for RE2 that means the same, with what it may take.
"""

import re
import unicodedata
from typing import Any

import re2

from sse_hub.filters.expression_tree import (
    Assertion,
    BadExpression,
    Character,
    Choice,
    ExpressionTree,
    Repeat,
    Sequence,
    escaped,
    parse_expression,
    refuse,
)

MAX_REPEATS = 1_000
# Characters, each as often as it is repeated.
MAX_SIZE = 1_000
# These are s and k if case does not matter. RE2 knows that, but not for \b.
LONG_S, KELVIN = "\u017f".encode(), "\u212a".encode()
ESCAPES = re.compile("\\\\[^\n\r\u2028\u2029]")


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
        tree = parse_expression(source, flags)
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
        self._pattern = _compiled("".join(map(escaped, text)), True)

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


# `times` is how often the node is repeated by those around it.
def _check_size(node: ExpressionTree, times: int) -> int:
    if isinstance(node, Character):
        return node.size
    if isinstance(node, Assertion):
        return 0
    if isinstance(node, Repeat):
        most = max(1, node.least if node.most is None else node.most)
        if times * most > MAX_REPEATS:
            refuse("repeats of up to 1,000 are allowed, multiplied where one is inside another")
        size = _check_size(node.item, times * most) * most
    else:
        size = sum(_check_size(item, times) for item in node.items)
    if size > MAX_SIZE:
        refuse("it is too large: up to 1,000 characters are allowed, each counted as often as it is repeated")
    return size


def _choices_in(node: ExpressionTree) -> int:
    if isinstance(node, Character):
        return 0 if node.letter else node.size
    if isinstance(node, Assertion):
        return 0
    if isinstance(node, Repeat):
        choices = _choices_in(node.item)
        # Whether another one follows is a choice, too.
        varies = node.most is None or node.most > node.least
        return max(1, node.least if node.most is None else node.most) * (max(1, choices) if varies else choices)
    return sum(map(_choices_in, node.items)) + (len(node.items) if isinstance(node, Choice) else 0)


def _source_of(node: ExpressionTree) -> str:
    if isinstance(node, Character | Assertion):
        return node.source
    if isinstance(node, Sequence):
        return "".join(map(_source_of, node.items))
    if isinstance(node, Choice):
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

    def walk(self, node: ExpressionTree) -> None:
        if isinstance(node, Sequence):
            for item in node.items:
                self.walk(item)
        elif isinstance(node, Character) and self._usable.fullmatch(node.letter):
            self._run += node.letter
        elif isinstance(node, Repeat) and node.least > 0:
            self.end()
            self.walk(node.item)
            self.end()
        elif not isinstance(node, Assertion):
            self.end()


def _literal_of(tree: ExpressionTree, ignore_case: bool) -> str:
    search = _LiteralSearch(ignore_case)
    search.walk(tree)
    search.end()
    return search.longest
