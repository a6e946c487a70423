"""
The body of `POST /publish` as lines: one JSON value, one on each text line, or the elements of an array. No I/O.

    body --> parse_body() --> lines, one after the other --> PUBLISH
"""

import re
from collections.abc import Generator, Iterator
from typing import NamedTuple

from sse_hub.errors import InvalidLine, TooLarge
from sse_hub.protocol.lines import BLANKS_FOR_LINE_ENDS, JsonError, find_json_error

# Redis publishes them in one step, which takes it a microsecond or two for each.
MAX_LINES = 100_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANKS = b" \t\r\n"
NOT_BLANK = re.compile(rb"[^ \t\r\n]")
# What orjson says of a JSON text that is cut off.
CUT_OFF = "unexpected end of data"
# An array as log shippers send it. Other text may begin with a bracket, too: `[2026-11-30 10:00:00] started`.
ARRAY_OF_OBJECTS = re.compile(rb"\[[ \t\r\n]*[{\]]")
# In JSON, what stands before the next bracket outside of strings; between elements, before the next comma, too.
IN_ELEMENT = re.compile(rb'(?:[^"\[\]{}]+|"(?:[^"\\]+|\\.)*+")*+', re.DOTALL)
BETWEEN_ELEMENTS = re.compile(rb'(?:[^"\[\]{},]+|"(?:[^"\\]+|\\.)*+")*+', re.DOTALL)
REST_OF_STRING = re.compile(rb'(?:[^"\\]+|\\.)*+', re.DOTALL)
# How much of an array is read before others get to run: less than a millisecond.
WINDOW_BYTES = 65_536
SLICE_SIGNS = 1_000
# More brackets in one element would cost more time than the lines of a usual body.
MAX_SIGNS = 50_000
# Deeper values are not JSON here (find_json_error).
MAX_DEPTH = 1_024
SIGNS = (b"[", b"]", b"{", b"}", b",")


class _FoundLine(NamedTuple):
    """
    What may become a line: the text, its name in errors, the number of its text line, where the next item begins, and
    why it is not JSON, if that is known already.
    """

    line: bytes
    name: str
    number: int
    next_at: int
    error: JsonError | None = None


def parse_body(body: bytes, line_bytes: int, bad_lines_as_text: bool = False) -> Iterator[bytes | None]:
    """
    The lines of `body`, each at most `line_bytes` long, and None where none was found for a while. A caller may let
    others run between two of them.

    Skips empty text lines. Raises InvalidLine and TooLarge, which name the text line, counted from 1. With
    `bad_lines_as_text`, a line that is not JSON or is too long is returned as it is; lines.normalize() makes it a text.
    """
    number, at, found = 1, 0, 0
    body = body.removeprefix(BYTE_ORDER_MARK).rstrip(BLANKS)
    while start := NOT_BLANK.search(body, at):
        number += body.count(b"\n", at, start.start())
        at = start.start()
        is_array = ARRAY_OF_OBJECTS.match(body, at) if bad_lines_as_text else body.startswith(b"[", at)
        for item in _elements(body, at, number) if is_array else _text_line(body, at, number, line_bytes, found == 0):
            if item is None:
                yield None
                continue
            number, at = item.number, item.next_at
            if (item.line or item.error) and not bad_lines_as_text:
                _check(item, line_bytes)
            if found == MAX_LINES:
                raise TooLarge(f"{item.name} is one too many: the limit is {MAX_LINES} lines.")
            found += bool(item.line)
            yield item.line or None
    if not found:
        raise InvalidLine("The body has no line: it must be a JSON object, one on each text line, or an array of them.")


def _check(item: _FoundLine, line_bytes: int) -> None:
    if len(item.line) > line_bytes:
        raise TooLarge(f"{item.name} has {len(item.line)} bytes; the limit is {line_bytes}.")
    error = item.error or find_json_error(item.line)
    if error:
        raise InvalidLine(f"{item.name} is not JSON: {error.message}, at column {error.column}.")


def _text_line(body: bytes, at: int, number: int, line_bytes: int, first: bool) -> Iterator[_FoundLine]:
    """The text line that begins at `at`. If it is the `first`, and no JSON, the whole body may be one value."""
    end = body.find(b"\n", at)
    end = len(body) if end < 0 else end
    line, name = body[at:end].rstrip(BLANKS), f"line {number}"
    if first and end < len(body) and len(body) - at <= line_bytes and (error := find_json_error(line)):
        error_of_all = find_json_error(body[at:])
        if error_of_all is None:
            yield _FoundLine(body[at:], name, number, len(body))
            return
        if error.message == CUT_OFF:
            name, error = f"line {number + error_of_all.line - 1}", error_of_all
        yield _FoundLine(line, name, number, end, error)
        return
    yield _FoundLine(line, name, number, end)


def _elements(body: bytes, at: int, number: int) -> Iterator[_FoundLine | None]:
    """The elements of the array that begins at `at`, each on one line, then what follows it on its text line."""
    index = depth = signs = 0
    begin = at + 1
    while at < len(body) and signs < MAX_SIGNS and depth <= MAX_DEPTH:
        at = yield from _next_sign(body, at + 1, IN_ELEMENT if depth else BETWEEN_ELEMENTS)
        sign = body[at : at + 1]
        signs += 1
        if signs % SLICE_SIGNS == 0:
            yield None
        if not sign:
            break
        if sign in b"[{":
            depth += 1
        elif depth:
            depth -= 1
        else:
            element = body[begin:at].strip(BLANKS)
            if element or index or sign == b",":
                index += 1
                name = f"element {index} of the array in line {number}"
                number += body.count(b"\n", begin, at)
                error = None if element else JsonError("it is empty", 1, 1)
                yield _FoundLine(element.translate(BLANKS_FOR_LINE_ENDS), name, number, at + 1, error)
            begin, signs = at + 1, 0
            if sign == b"]":
                end = body.find(b"\n", begin)
                end = len(body) if end < 0 else end
                rest = body[begin:end].strip(BLANKS)
                error = JsonError("there is text after the array", 1, 1) if rest else None
                yield _FoundLine(rest, f"line {number}", number, end, error)
                return
    reason = "the array has no end"
    if signs == MAX_SIGNS or depth > MAX_DEPTH:
        reason = "an element has too many brackets"
    error = JsonError(reason, 1, 1)
    rest = body[begin:].strip(BLANKS).translate(BLANKS_FOR_LINE_ENDS)
    yield _FoundLine(rest, f"line {number}", number, len(body), error)


def _next_sign(body: bytes, at: int, before_sign: re.Pattern[bytes]) -> Generator[None, None, int]:
    """Where the next bracket (or comma) outside of strings is; the length of `body` if there is none."""
    while at < len(body):
        at = _end_of(before_sign, body, at)
        if body[at : at + 1] == b'"':
            # Its end is beyond the window.
            at += 1
            while body[at : at + 1] != b'"':
                at = _end_of(REST_OF_STRING, body, at)
                yield None
                if at >= len(body) - 1:
                    return len(body)
            at += 1
        elif body[at : at + 1] in SIGNS:
            return at
        yield None
    return len(body)


def _end_of(pattern: re.Pattern[bytes], body: bytes, at: int) -> int:
    found = pattern.match(body, at, at + WINDOW_BYTES)
    assert found, "the pattern matches no text, too"
    return found.end()
