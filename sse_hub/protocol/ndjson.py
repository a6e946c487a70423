"""
The body of `POST /publish` as lines: one JSON value, or one on each text line. Pure; no I/O.

    body --> payloads_of(): each line when it has been checked --> PUBLISH
"""

import re
from collections.abc import Iterator

from sse_hub.errors import InvalidLine, TooLarge
from sse_hub.protocol.lines import JsonError, find_json_error

MAX_LINES = 10_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANKS = b" \t\r\n"
NOT_BLANK = re.compile(rb"[^ \t\r\n]")
# What orjson says of the beginning of a JSON text.
CUT = "unexpected end of data"


def parse_body(body: bytes, line_bytes: int) -> Iterator[bytes]:
    """
    The lines of `body`, in small steps: a caller may do other things between two of them.

    Empty text lines are skipped. Raises InvalidLine and TooLarge, which name the text line, counted from 1.
    """
    number, at, found = 1, 0, 0
    body = body.removeprefix(BYTE_ORDER_MARK).rstrip(BLANKS)
    while begun := NOT_BLANK.search(body, at):
        number += body.count(b"\n", at, begun.start())
        at = body.find(b"\n", begun.start())
        at = len(body) if at < 0 else at
        line = body[begun.start() : at].rstrip(BLANKS)
        if len(line) > line_bytes:
            raise TooLarge(f"line {number} has {len(line)} bytes; up to {line_bytes} are taken.")
        fault = find_json_error(line)
        if fault and found == 0:
            yield _parse_value(body[begun.start() :], fault, number, line_bytes)
            return
        if fault:
            raise _describe_json_error(number, fault)
        if found == MAX_LINES:
            raise TooLarge(f"line {number} is one too many; up to {MAX_LINES} lines are taken at once.")
        found += 1
        yield line
    if not found:
        raise InvalidLine("There is no line in the body: a JSON object is wanted, or one on each text line.")


def _parse_value(body: bytes, first: JsonError, number: int, line_bytes: int) -> bytes:
    """A body whose first text line is no JSON, as one value that spans several."""
    if b"\n" not in body or len(body) > line_bytes:
        raise _describe_json_error(number, first)
    fault = find_json_error(body)
    if fault is None:
        return body
    if first.what != CUT:
        raise _describe_json_error(number, first)
    raise _describe_json_error(number + fault.line - 1, fault)


def _describe_json_error(number: int, fault: JsonError) -> InvalidLine:
    return InvalidLine(f"line {number} is not JSON: {fault.what}, at column {fault.column}.")
