"""
The body of `POST /publish` as lines: one JSON value, or one on each text line. Pure: no I/O.

    body --> parse_body() --> checked lines, one after the other --> PUBLISH
"""

import re
from collections.abc import Iterator

from sse_hub.errors import InvalidLine, TooLarge
from sse_hub.protocol.lines import JsonError, find_json_error

MAX_LINES = 10_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANKS = b" \t\r\n"
NOT_BLANK = re.compile(rb"[^ \t\r\n]")
# What orjson says of a JSON text that is cut off.
CUT_OFF = "unexpected end of data"


def parse_body(body: bytes, line_bytes: int) -> Iterator[bytes]:
    """
    The lines of `body`, each at most `line_bytes` long. A caller may let others run between two of them.

    Skips empty text lines. Raises InvalidLine and TooLarge, which name the text line, counted from 1.
    """
    number, at, found = 1, 0, 0
    body = body.removeprefix(BYTE_ORDER_MARK).rstrip(BLANKS)
    while start := NOT_BLANK.search(body, at):
        number += body.count(b"\n", at, start.start())
        at = body.find(b"\n", start.start())
        at = len(body) if at < 0 else at
        line = body[start.start() : at].rstrip(BLANKS)
        if len(line) > line_bytes:
            raise TooLarge(f"line {number} has {len(line)} bytes; the limit is {line_bytes}.")
        error = find_json_error(line)
        if error and found == 0:
            yield _parse_value(body[start.start() :], error, number, line_bytes)
            return
        if error:
            raise _invalid_line(number, error)
        if found == MAX_LINES:
            raise TooLarge(f"line {number} is one too many: the limit is {MAX_LINES} lines.")
        found += 1
        yield line
    if not found:
        raise InvalidLine("The body has no line: it must be a JSON object, or one on each text line.")


def _parse_value(body: bytes, first: JsonError, number: int, line_bytes: int) -> bytes:
    """`body`, whose first text line is not JSON, as one value that spans several text lines."""
    if b"\n" not in body or len(body) > line_bytes:
        raise _invalid_line(number, first)
    error = find_json_error(body)
    if error is None:
        return body
    if first.message != CUT_OFF:
        raise _invalid_line(number, first)
    raise _invalid_line(number + error.line - 1, error)


def _invalid_line(number: int, error: JsonError) -> InvalidLine:
    return InvalidLine(f"line {number} is not JSON: {error.message}, at column {error.column}.")
