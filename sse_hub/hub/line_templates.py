"""
Log templates: the message of a line without its numbers and ids; and whether a line is an error. Pure: no I/O.

    b'{"level": "error", "message": "order 8348 failed"}' --> is_error() True, template_of() "order # failed"

Level and message are those that the readers of `formats` find. Reading a line takes some 30 µs, so most lines are not
read: an error has one of a few words or signs in it, and texts that differ only in what varies have the same template.
"""

import re

import orjson

from sse_hub.formats.families import family_of
from sse_hub.formats.levels import ERROR, WORDS
from sse_hub.formats.names import roles_of
from sse_hub.formats.object_shape import SLOTS
from sse_hub.formats.reader import read_line
from sse_hub.formats.table import TABLE

SCANNED_BYTES = 4_096
MAX_TEMPLATE_CHARACTERS = 200
MAX_KNOWN_TEXTS = 5_000
# Words that begin inside a longer one, "err" in "error", stand for it.
_WORDS = sorted({word.encode() for word, level in WORDS.items() if level >= ERROR}, key=len)
ERROR_WORDS = [
    word for at, word in enumerate(_WORDS) if len(word) > 2 and not any(each in word for each in _WORDS[:at])
]
TRACE_WORDS = [b"traceback", b"exception", b"uncaught", b"   at ", b"\\tat "]
# Levels as numbers and letters, and the status of a failed request; JSON writes a tab before them as `\t`.
ERROR_SIGN = re.compile(
    rb'(?:level|lvl|severity|prio|status|"s|"v|"no)[A-Za-z_]*"?\s*[:=]\s*"?[0-9EFCAefca]'
    rb'|(?<![0-9A-Za-z])5[0-9]{2}(?![0-9A-Za-z])|(?<![0-9A-Za-z])[EFCA](?![A-Za-z])|<[0-9]{1,3}>|err:?"'
    rb"|\\[nrt](?:5[0-9]{2}|[EFCA])(?![0-9A-Za-z])"
)
VARIABLE = re.compile(TABLE["variable"])


def is_error(line: bytes) -> bool:
    """True when `line`, a JSON object, has the level error or a worse one. Only its beginning is read."""
    head = line[:SCANNED_BYTES]
    lower = head.lower()
    if not any(word in lower for word in ERROR_WORDS + TRACE_WORDS) and not ERROR_SIGN.search(head):
        return False
    return read_line(head.decode(errors="replace")).level >= ERROR


class LineTemplates:
    """Makes templates, and remembers those of texts that it has seen."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def template_of(self, line: bytes) -> str:
        """The message of `line`, a JSON object, with `#` for what varies; the line itself where it has no message."""
        if len(line) > SCANNED_BYTES:
            return _mask(line[: 4 * MAX_TEMPLATE_CHARACTERS].decode(errors="replace"))
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            return _mask(line.decode(errors="replace"))
        slot = next(iter(record), "") if len(record) == 1 else ""
        if slot in SLOTS and isinstance(text := record[slot], str):
            return self._template_of_text(text)
        roles = roles_of(record)
        message = roles["message"][0].value if "message" in roles and "level" in roles else None
        if not isinstance(message, str) or not message or family_of(record):
            message = read_line(line.decode(errors="replace")).message
        return _mask(line.decode(errors="replace") if message is None else message)

    def _template_of_text(self, text: str) -> str:
        # Lines of one format and template differ only in what varies, so they have one message, too.
        key = VARIABLE.sub("#", text)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_KNOWN_TEXTS:
                self._known.clear()
            found = self._known[key] = _mask(read_line(text).message or text)
        return found


def _mask(text: str) -> str:
    return VARIABLE.sub("#", text[:MAX_TEMPLATE_CHARACTERS].split("\n", 1)[0])
