"""
Lines: each is the text of one JSON object, whatever the publisher sent. Pure: no I/O.

    payload bytes --> normalize() --> (line bytes, event name) --> with_channel(), in streams of several channels
                                                                └──► with_moment(), in files

Every rule here is a rule of docs/protocol.md, "Lines".
"""

import json
import re
from typing import NamedTuple

import orjson

EVENT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
# Events of the hub, and those an EventSource dispatches itself: a line with the event "error" would look like a lost
# connection. Publishers may use `closed`, the hub's remaining event.
RESERVED_EVENTS = frozenset({"checkpoint", "lines", "gap", "auth", "refused", "error", "open"})
MESSAGE = "message"
MAX_TEXT_LINES = 10_000
BLANKS_FOR_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


def normalize(payload: bytes, limit_bytes: int) -> tuple[bytes, str]:
    """
    The line for `payload`, and the name of its event.

    A payload that is one JSON object is returned unchanged, except that more than MAX_TEXT_LINES line ends become
    blanks. Anything else becomes `{"info": "<text>"}`, with U+FFFD for bytes that are not UTF-8. A payload longer than
    `limit_bytes` is cut, with `"truncated": true` and its `"size"` in bytes.
    """
    if len(payload) > limit_bytes:
        # Cut before anything is parsed: the cost of a hostile payload must not grow with its length.
        text = payload[:limit_bytes].decode(errors="replace")
        return b'{"info":%b,"truncated":true,"size":%d}' % (orjson.dumps(text), len(payload)), MESSAGE
    record = _parse_object(payload)
    if record is None:
        # orjson must not write the whole line: its result keeps the buffer it was written in, 4 kB for 60 bytes.
        return b'{"info":%b}' % orjson.dumps(payload.decode(errors="replace")), MESSAGE
    if payload.count(b"\n") + payload.count(b"\r") > MAX_TEXT_LINES:
        # Each would become a `data:` line. In JSON, raw line ends stand only between tokens, where a blank is as good.
        payload = payload.translate(BLANKS_FOR_LINE_ENDS)
    return payload, _event_name(record)


def with_channel(line: bytes, channel: str) -> bytes:
    """`line` with `"@channel"` as its first member; JSON.parse returns this channel whatever the publisher wrote."""
    return _with_member(line, b"@channel", b'"@channel":"%b"' % channel.encode())


def with_moment(line: bytes, moment: int) -> bytes:
    """As `with_channel()`, `line` with `"@moment"`: when it came, in ms since the epoch."""
    return _with_member(line, b"@moment", b'"@moment":%d' % moment)


def _with_member(line: bytes, name: bytes, member: bytes) -> bytes:
    if name in line or b"\\u" in line:
        record = _parse_object(line)
        if record and name.decode() in record:
            # Of two members with one name the last counts (ECMA-262, JSON.parse), so this one comes last, too. Taking
            # out the publisher's would mean to write the line again, and it would no longer be as it was published.
            line = b"%b,%b}" % (line.rstrip()[:-1], member)
    rest = line[line.index(b"{") + 1 :]
    comma = b"" if rest.lstrip().startswith(b"}") else b","
    return b"{%b%b%b" % (member, comma, rest)


class JsonError(NamedTuple):
    """Why a text is not JSON, and where: `line` is the text line; line and column count from 1."""

    message: str
    line: int
    column: int


def find_json_error(payload: bytes) -> JsonError | None:
    """Why `payload` is not a JSON text; None when it is one."""
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            _parse_strictly(payload)
        except RecursionError:
            return JsonError("it is nested too deeply", 1, 1)
        except ValueError:
            return JsonError(error.msg, error.lineno, error.colno)
    return None


def _parse_object(payload: bytes) -> dict[str, object] | None:
    try:
        record = orjson.loads(payload)
    except orjson.JSONDecodeError:
        record = _parse_leniently(payload) if payload.lstrip(b" \t\r\n").startswith(b"{") else None
    return record if isinstance(record, dict) else None


def _parse_leniently(payload: bytes) -> object:
    try:
        return _parse_strictly(payload)
    except (ValueError, RecursionError):
        return None


def _parse_strictly(payload: bytes) -> object:
    # An unpaired \ud800 escape and a number like 1e400 are JSON (RFC 8259, sections 8.2 and 6) and fine for JSON.parse,
    # but orjson rejects them. This slower parser would also take NaN, which JSON.parse rejects.
    return json.loads(payload.decode(), parse_constant=_reject_constant)


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _event_name(record: dict[str, object]) -> str:
    name = record.get("@event")
    if isinstance(name, str) and EVENT_NAME.fullmatch(name) and name not in RESERVED_EVENTS:
        return name
    return MESSAGE
