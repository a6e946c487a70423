"""
Log templates: the message of a line without its numbers and ids; and whether a line is an error. Pure: no I/O.

    b'{"level": "error", "message": "order 8348 failed"}' --> is_error() True, template_of() "order # failed"

Both read only the beginning of a line, so a long line costs no more than others.
"""

import re

import orjson

SCANNED_BYTES = 4_096
MAX_TEMPLATE_CHARACTERS = 200
MESSAGE_KEYS = ("message", "msg", "event", "info", "log", "text", "line", "@m", "@mt", "short_message", "body")
# A level under any of the usual keys, as a word or as pino's numbers, or a word in capitals in the text of the line.
ERROR = re.compile(
    rb'"(?:[\w.@]*(?:level|lvl|severity)(?:name|text)?|@l)"\s*:\s*(?:\{[^{}]{0,80}"name"\s*:\s*)?'
    rb'(?:"(?i:err|fatal|crit|alert|emerg|panic|severe)|[56]0\b)'
)
ERROR_IN_TEXT = re.compile(rb"(?:^|[\s|\[(])(?:ERROR|CRITICAL|FATAL)(?=[\s|\]):]|$)")
TEXT_BYTES = 120
# Hexadecimal ids have a digit and a letter, or "deadbeef" and years would be ids.
VARIABLE = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\b0x[0-9a-fA-F]+\b"
    r"|\b(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{7,}\b|\d+(?:[.,:/-]\d+)*"
)


def is_error(line: bytes) -> bool:
    """True when `line`, a JSON object, has the level error or a worse one."""
    head = line[:SCANNED_BYTES]
    if ERROR.search(head):
        return True
    return head.startswith((b'{"info"', b'{"log"', b'{"line"')) and ERROR_IN_TEXT.search(head[9:TEXT_BYTES]) is not None


def template_of(line: bytes) -> str:
    """The message of `line`, a JSON object, with `#` for what varies; the whole line where it has no message."""
    message = _message_of(line) if len(line) <= SCANNED_BYTES else None
    text = (
        line[:MAX_TEMPLATE_CHARACTERS].decode(errors="replace")
        if message is None
        else message[:MAX_TEMPLATE_CHARACTERS]
    )
    return VARIABLE.sub("#", text.split("\n", 1)[0])


def _message_of(line: bytes) -> str | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    # loguru: the message is in the record, while the text starts with a time.
    inner = record.get("record")
    if isinstance(inner, dict):
        record = inner
    found = (record.get(key) for key in MESSAGE_KEYS)
    return next((value for value in found if isinstance(value, str) and value), None)
