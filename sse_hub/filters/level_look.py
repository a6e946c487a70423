"""
A first look at the bytes of a line for its level: most lines say in plain words that nothing is wrong. Pure: no I/O.

    {"time": "…", "level": "info", "msg": "order placed"} --> may_be_loud() --> False: it is below `warn`

To read the whole record takes up to 60 us; this takes 2. It must never be wrong, so it knows one form only: a JSON
object with a word for a low level among its first members, and nothing anywhere that could make the level higher. A
word takes precedence over numbers and over the text of the message, as `formats/names.level_from` and `formats/objects`
say. What is left are the status of a request, and the levels of an object inside.
"""

from collections.abc import Iterable

import re2

from sse_hub.filters.quick_search import quick_search
from sse_hub.formats.levels import WARN, WORDS
from sse_hub.formats.table import TABLE

LOUD = WARN
"""`may_be_loud` is about this level and those above it."""

_NAMES = TABLE["json"]["names"]


def _one_of(words: Iterable[str]) -> str:
    return "|".join(re2.escape(word) for word in words)


# Before the first bracket and the first backslash, all keys are those of the object itself. In so many bytes there are
# fewer than MAX_KEYS of them.
_LOW = quick_search(
    rf'(?i)^\s*\{{[^{{}}\[\]\\]{{0,400}}?"(?:{_one_of(_NAMES["level"].split())})"\s*:\s*'
    rf'"(?:{_one_of(word for word, level in WORDS.items() if level < LOUD)})"'.encode()
)
# Words for high levels, and errors; a status; numbers and letters for levels inside; an object as the message, or what
# families have inside; journald, whose messages are read whatever their level.
_SIGNS = quick_search(
    rf"(?i)(?:^|[^a-z])(?:{_one_of(word for word, level in WORDS.items() if level >= LOUD)})(?:[^a-z]|$)"
    rf'|"(?:[^"]*[^"a-z@])?(?:{_one_of(_NAMES["error"].split())})"\s*:'
    r'|(?:status|code)[^":]{0,40}"\s*:\s*"?[45][0-9][0-9]'
    r'|(?:level|lvl|sever|prior)[^":]{0,40}"\s*:\s*(?:[0-9-]|"(?:[0-9]|\s*[a-z#][^a-z]))'
    rf'|"(?:[^"]*\.)?(?:{_one_of(_NAMES["message"].split())})"\s*:\s*\{{'
    r"|__REALTIME_TIMESTAMP|baseData|resourceLogs".encode()
)


def may_be_loud(payload: bytes) -> bool:
    """Whether the level of the line may be LOUD or above; False only if it certainly is below, or none."""
    return not _LOW(payload) or _SIGNS(payload)
