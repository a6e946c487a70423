"""
Splits the bytes of a file into records: its lines, or with `multiline` each line with the stack trace after it. Pure.

    b"one\\ntwo\\nthr" --> split() --> [b"one", b"two"], 8 bytes; b"thr" is incomplete
"""

import re
from itertools import pairwise
from typing import NamedTuple

# The longest line a hub delivers by default: a longer one is published in pieces of this size.
LINE_BYTES = 1_048_576
# A longer record is published as several.
RECORD_BYTES = 262_144

INDENTED = (b" ", b"\t")
CONTINUATION = re.compile(
    rb"(?:Traceback \(most recent call last\)|Caused by: |Suppressed: |at |\.\.\. \d+ (?:more|common)"
    rb"|During handling of the above exception|The above exception was the direct cause"
    rb"|(?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*(?:Exception|Error|Throwable)(?::|\s*$))"
)
TRACEBACK = b"Traceback (most recent call last)"
# The last line of a Python traceback, whatever the exception is called.
EXCEPTION_LINE = re.compile(rb"[A-Za-z_][\w.]*(?::|\s*$)")


class Split(NamedTuple):
    """`records` are the first `size` bytes; the rest is incomplete."""

    records: list[bytes]
    size: int


def split(data: bytes, multiline: bool, at_end: bool = False) -> Split:
    """The records at the start of `data`, without empty ones. `at_end`: nothing will be appended to `data`."""
    end = data.rfind(b"\n") + 1
    if at_end:
        end = len(data)
    if not end:
        return _first_piece(data) if len(data) >= LINE_BYTES else Split([], 0)
    lines = data[:end].removesuffix(b"\n").split(b"\n")
    if multiline:
        return _join_traces(lines, end, at_end)
    return Split(_split_long(_clean(lines, data[:end])), end)


def _clean(lines: list[bytes], data: bytes) -> list[bytes]:
    if b"\r" in data or b"\0" in data:
        # NUL bytes appear where a file was truncated while its writer continued at its old position.
        return [line.removesuffix(b"\r").lstrip(b"\0") for line in lines]
    return lines


def _split_long(records: list[bytes]) -> list[bytes]:
    if records and max(map(len, records)) > LINE_BYTES:
        records = [piece for record in records for piece in _pieces(record)]
    return [record for record in records if record]


def _first_piece(data: bytes) -> Split:
    size = _piece_size(data)
    piece = data[:size].strip(b"\0")
    return Split([piece] if piece else [], size)


def _piece_size(data: bytes) -> int:
    size = LINE_BYTES
    # Not within a character: 0b10xxxxxx is a continuation byte.
    while size > LINE_BYTES - 3 and size < len(data) and data[size] & 0xC0 == 0x80:
        size -= 1
    return size


def _pieces(line: bytes) -> list[bytes]:
    pieces = []
    while len(line) > LINE_BYTES:
        size = _piece_size(line)
        pieces.append(line[:size])
        line = line[size:]
    return [*pieces, line]


def _join_traces(lines: list[bytes], end: int, at_end: bool) -> Split:
    starts = record_starts(lines)
    if not at_end:
        # The last record may continue.
        last = starts.pop()
        unfinished = sum(map(len, lines[last:])) + len(lines) - last
        if unfinished > RECORD_BYTES:
            starts.append(last)
        else:
            end, lines = end - unfinished, lines[:last]
    lines = _clean(lines, b"".join(lines))
    return Split(_split_long([b"\n".join(lines[a:b]).rstrip() for a, b in pairwise([*starts, len(lines)])]), end)


def record_starts(lines: list[bytes]) -> list[int]:
    """The indexes of the lines that start a record, of which the first always does."""
    starts = [0]
    in_traceback = lines[0].startswith(TRACEBACK)
    # Where the current run of blank lines ends, and whether the record continues there: found once for all of them.
    blanks_end, continues = 0, False
    for index, line in enumerate(lines[1:], 1):
        if line.startswith(TRACEBACK):
            in_traceback = True
        elif line.startswith(INDENTED):
            pass
        elif not line.strip():
            if index >= blanks_end:
                blanks_end, continues = _after_blanks(lines, index)
            if not continues:
                starts.append(index)
                in_traceback = False
        elif in_traceback and EXCEPTION_LINE.match(line):
            # The traceback ends here; another one may follow, with a first line that says so.
            in_traceback = False
        elif not CONTINUATION.match(line):
            starts.append(index)
            in_traceback = False
    return starts


def _after_blanks(lines: list[bytes], index: int) -> tuple[int, bool]:
    """The index of the next line that is not blank, and whether the record continues with it."""
    for at in range(index + 1, len(lines)):
        if lines[at].strip():
            return at, CONTINUATION.match(lines[at]) is not None or lines[at].startswith(INDENTED)
    # Not known yet: blank lines at the end stay with the record before them.
    return len(lines), True
