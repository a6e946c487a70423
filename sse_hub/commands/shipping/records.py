"""
Bytes of a file as records: its lines, or with `multiline` each line with the stack trace after it. Pure; no I/O.

    b"one\\ntwo\\nthr" --> split() --> [b"one", b"two"], 8 bytes are done, b"thr" is to be read on
"""

import re
from itertools import pairwise
from typing import NamedTuple

# As long as a hub takes a line by default: a longer one is published in pieces of this.
LINE_BYTES = 1_048_576
# A record that goes on and on is published as several.
RECORD_BYTES = 262_144

INDENTED = (b" ", b"\t")
GOES_ON = re.compile(
    rb"(?:Traceback \(most recent call last\)|Caused by: |Suppressed: |at |\.\.\. \d+ (?:more|common)"
    rb"|During handling of the above exception|The above exception was the direct cause"
    rb"|(?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*(?:Exception|Error|Throwable)(?::|\s*$))"
)
TRACEBACK = b"Traceback (most recent call last)"
# What a Python traceback ends with, whatever the exception is called.
RAISED = re.compile(rb"[A-Za-z_][\w.]*(?::|\s*$)")


class Split(NamedTuple):
    """`records` take the first `size` bytes; what follows is not complete."""

    records: list[bytes]
    size: int


def split(data: bytes, multiline: bool, over: bool = False) -> Split:
    """The records at the beginning of `data`, without empty ones; `over` says that nothing will be added to it."""
    end = data.rfind(b"\n") + 1
    if over:
        end = len(data)
    if not end:
        return _piece(data) if len(data) >= LINE_BYTES else Split([], 0)
    lines = data[:end].removesuffix(b"\n").split(b"\n")
    if multiline:
        return _joined(lines, end, over)
    return Split(_cut(_clean(lines, data[:end])), end)


def _clean(lines: list[bytes], data: bytes) -> list[bytes]:
    if b"\r" in data or b"\0" in data:
        # A hole of NUL bytes is where a file was truncated under a writer that goes on at its old place.
        return [line.removesuffix(b"\r").lstrip(b"\0") for line in lines]
    return lines


def _cut(records: list[bytes]) -> list[bytes]:
    if records and max(map(len, records)) > LINE_BYTES:
        records = [piece for record in records for piece in _pieces(record)]
    return [record for record in records if record]


def _piece(data: bytes) -> Split:
    size = _piece_size(data)
    piece = data[:size].strip(b"\0")
    return Split([piece] if piece else [], size)


def _piece_size(data: bytes) -> int:
    size = LINE_BYTES
    # Not within a character: 0b10xxxxxx goes on with one.
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


def _joined(lines: list[bytes], end: int, over: bool) -> Split:
    starts = record_starts(lines)
    if not over:
        # The last one may go on.
        last = starts.pop()
        rest = sum(map(len, lines[last:])) + len(lines) - last
        if rest > RECORD_BYTES:
            starts.append(last)
        else:
            end, lines = end - rest, lines[:last]
    lines = _clean(lines, b"".join(lines))
    return Split(_cut([b"\n".join(lines[a:b]).rstrip() for a, b in pairwise([*starts, len(lines)])]), end)


def record_starts(lines: list[bytes]) -> list[int]:
    """The indexes of the lines that begin a record; the first does always."""
    starts = [0]
    in_traceback = lines[0].startswith(TRACEBACK)
    # The line that is not blank after those that are, and whether it goes on: looked for once for all of them.
    after_blanks, goes_on = 0, False
    for index, line in enumerate(lines[1:], 1):
        if line.startswith(TRACEBACK):
            in_traceback = True
        elif line.startswith(INDENTED):
            pass
        elif not line.strip():
            if index >= after_blanks:
                after_blanks, goes_on = _after_blanks(lines, index)
            if not goes_on:
                starts.append(index)
                in_traceback = False
        elif in_traceback and RAISED.match(line):
            # The end of it; another one may follow, which says so in its first line.
            in_traceback = False
        elif not GOES_ON.match(line):
            starts.append(index)
            in_traceback = False
    return starts


def _after_blanks(lines: list[bytes], index: int) -> tuple[int, bool]:
    """The index of the next line that is not blank, and whether it goes on with the record."""
    for at in range(index + 1, len(lines)):
        if lines[at].strip():
            return at, GOES_ON.match(lines[at]) is not None or lines[at].startswith(INDENTED)
    # Not known yet: a blank line at the end stays with what is before it.
    return len(lines), True
