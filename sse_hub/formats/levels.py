"""
Levels: their order, and the words, letters and numbers for them, all from the table of formats. Pure: no I/O.

    level_of_word("warning") --> WARN        level_of_number(30, "pino") --> INFO
    level_in_text("a [error] b") --> (ERROR, "error")
"""

import re
from collections.abc import Iterable

from sse_hub.formats.ansi import strip_ansi
from sse_hub.formats.table import TABLE, as_in_javascript

_LEVELS = TABLE["levels"]
NAMES: list[str] = _LEVELS["names"]
NONE, TRACE, DEBUG, INFO, SUCCESS, WARN, ERROR, FATAL = range(len(NAMES))
WORDS = {word: NAMES.index(name) for name, words in _LEVELS["words"].items() for word in words.split()}
IN_TEXT = frozenset(_LEVELS["inText"].split())
SIGNS = {sign: NAMES.index(name) for sign, name in (_LEVELS["signs"] | _LEVELS["letters"]).items()}

Scale = list[tuple[float, int]]


def _steps(rows: Iterable[tuple[float, str]]) -> Scale:
    return [(top, NAMES.index(name)) for top, name in rows]


SCALES = {scale: _steps(rows) for scale, rows in _LEVELS["scales"].items()}
STATUS = _steps(_LEVELS["status"])

LEADING = re.compile(r"[ \t]*([A-Za-z]+)")
# In a sentence, a word is a level in brackets, or in capitals between blanks; a number before it counts it.
_WORDS = _LEVELS["inText"].replace(" ", "|")
BRACKETED = as_in_javascript(rf"[\[<(]\s{{0,8}}({_WORDS})\s{{0,8}}[\]>)]", re.IGNORECASE)
SHOUTED = as_in_javascript(rf"(?:^|[^\s\d]\s{{1,8}}|[\[(|])({_WORDS.upper()})(?![\w,/-])")
NEAR_START = 48


def level_of_word(word: str) -> int:
    """The level of a word in a place for levels; NONE for any other word."""
    leading = LEADING.match(strip_ansi(word))
    if leading is None:
        return NONE
    text = leading[1]
    return WORDS.get(text.lower(), SIGNS.get(text.upper(), NONE) if len(text) == 1 else NONE)


def level_of_prefix(word: str) -> int:
    """The level of a word that begins a text; NONE for words that may begin a sentence there."""
    leading = LEADING.match(word)
    text = leading[1].lower() if leading else ""
    return WORDS[text] if text in IN_TEXT else NONE


def is_level_word(text: str) -> bool:
    """Whether `text` is a level word, which is no name of a host or a logger."""
    return text.lower() in IN_TEXT


def level_of_number(number: float, scale: str | None) -> int:
    """The level of a number on a named scale; NONE for one above it, or without a scale."""
    return _step(SCALES[scale], number) if scale in SCALES else NONE


def level_of_sign(sign: str) -> int:
    """The level of a letter or sign, as klog, MongoDB and Redis write it."""
    return SIGNS.get(sign, NONE)


def level_of_status(status: float) -> int:
    """The level of an HTTP status."""
    return _step(STATUS, status)


def _step(steps: Scale, number: float) -> int:
    return next((level for top, level in steps if number <= top), NONE)


def level_in_text(text: str) -> tuple[int, str | None]:
    """The level that a plain text names near its start, and its word; NONE if it names none, or two different ones."""
    start = text[:NEAR_START]
    found = {level_of_word(match[1]): match[1] for pattern in (BRACKETED, SHOUTED) for match in pattern.finditer(start)}
    if len(found) != 1:
        return NONE, None
    [(level, word)] = found.items()
    return level, word
