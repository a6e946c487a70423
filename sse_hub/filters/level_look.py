"""
A first look at the bytes of a line for its level: most lines say in plain words that nothing is wrong. Pure: no I/O.

    {"time": "…", "level": "info", "msg": "order placed"} --> may_be_loud() --> False: it is below `warn`
    2026-11-30 10:00:00 INFO shop.api: order placed       --> False

To read the whole record takes up to 90 us; this takes 1 to 3. It must never be wrong. Of an object it knows one form
only: with a word for a low level among its first members, and nothing anywhere that could make the level higher. A word
takes precedence over numbers and over the text of the message, as `formats/names.level_from` and `formats/objects` say.
What is left are the status of a request, and the levels of an object inside.

A text has a high level only by a word, a letter, a sign, a number or a status in it, or as a trace, an error under its
name, or an object inside: a text without any of them has none.
"""

from collections.abc import Iterable

import re2

from sse_hub.filters.quick_search import quick_search
from sse_hub.filters.request_look import STATUSES, look_for_statuses
from sse_hub.formats.levels import WARN, WORDS
from sse_hub.formats.table import TABLE

LOUD = WARN
"""`may_be_loud` is about this level and those above it."""

_NAMES = TABLE["json"]["names"]
_LEVEL_ROLES = ("level", "levelIfKnown", "levelNumber")


def _one_of(words: Iterable[str]) -> str:
    return "|".join(re2.escape(word) for word in words)


_LOUD_WORDS = _one_of(word for word, level in WORDS.items() if level >= LOUD)

# Before the first bracket and the first backslash, all keys are those of the object itself. In so many bytes there are
# fewer than MAX_KEYS of them.
_LOW = quick_search(
    rf'(?i)^\s*\{{[^{{}}\[\]\\]{{0,400}}?"(?:{_one_of(_NAMES["level"].split())})"\s*:\s*'
    rf'"(?:{_one_of(word for word, level in WORDS.items() if level < LOUD)})"'.encode()
)
# Words for high levels, and errors; a status; numbers and letters for levels inside; an object as the message, or what
# families have inside; journald, whose messages are read whatever their level.
_SIGNS = quick_search(
    rf"(?i)(?:^|[^a-z])(?:{_LOUD_WORDS})(?:[^a-z]|$)"
    rf'|"(?:[^"]*[^"a-z@])?(?:{_one_of(_NAMES["error"].split())})"\s*:'
    r'|(?:status|code)[^":]{0,40}"\s*:\s*"?[45][0-9][0-9]'
    r'|(?:level|lvl|sever|prior)[^":]{0,40}"\s*:\s*(?:[0-9-]|"(?:[0-9]|\s*[a-z#][^a-z]))'
    rf'|"(?:[^"]*\.)?(?:{_one_of(_NAMES["message"].split())})"\s*:\s*\{{'
    r"|__REALTIME_TIMESTAMP|baseData|resourceLogs".encode()
)


def _level_keys() -> str:
    families = [row.get("read", {}) for row in TABLE["json"]["families"]]
    paths = [read[role] for read in families for role in _LEVEL_ROLES if role in read]
    names = [name for role in _LEVEL_ROLES for name in _NAMES[role].split()]
    return _one_of(sorted({*names, *paths, *(path.rpartition(".")[2] for path in paths)}))


_IS = r"""["'\\]*\s*[=:]["'\\\s]*"""
# The letters and signs of high levels.
_LETTERS = "wefca"
_TEXT_SIGNS = quick_search(
    # Words, and what rows of the table with a level of their own look for.
    rf"(?i)(?:^|[^a-z])(?:{_LOUD_WORDS})(?:[^a-z]|$)|exception|uncaught|php (?:deprecated|strict)"
    # In pairs: an error, and levels as numbers and letters.
    rf"|(?:^|[^a-z])(?:{_one_of(_NAMES['error'].split())}){_IS}"
    rf"|(?:^|[^a-z])(?:{_level_keys()}){_IS}(?:[0-9+.-]|[{_LETTERS}](?:[^a-z]|$))"
    # In their places: letters, the level of Python or syslog as a number, the sign of Redis.
    rf"|[\[<|]\s*[{_LETTERS}](?:[^a-z]|$)|0x[0-9a-f]+[ \t]+[{_LETTERS}](?:[^a-z]|$)"
    rf"|(?-i:(?:^|[^A-Za-z])[{_LETTERS.upper()}](?:[^A-Za-z]|$))"
    r"|level[ \t]+[0-9]|<[0-9]{1,3}>|[ \t]#[ \t]"
    # The status of a request under its name.
    r"|(?:status|code)[^=:]{0,40}[=:][\x22'\\\s]*[45][0-9][0-9]"
    # More than one line, where a trace may begin, and an object inside.
    r"|[\n\r\x1b\x9b]|\\n|\{\s*\\*\x22".encode()
)
_FAILED_REQUEST = look_for_statuses(tuple(text for text, status in STATUSES.items() if 400 <= status < 600))


def may_be_loud(payload: bytes) -> bool:
    """Whether the level of the line may be LOUD or above; False only if it certainly is below, or none."""
    return object_may_be_loud(payload) if payload.lstrip().startswith(b"{") else text_may_be_loud(payload)


def object_may_be_loud(payload: bytes) -> bool:
    """The same of a line that is a JSON object."""
    return not _LOW(payload) or _SIGNS(payload)


def text_may_be_loud(payload: bytes) -> bool:
    """The same of any other line."""
    return _TEXT_SIGNS(payload) or _FAILED_REQUEST(payload)
