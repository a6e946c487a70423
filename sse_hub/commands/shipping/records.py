"""
Splits the bytes of a file into records: its lines, or with a joiner the lines that belong together. Pure.

    b"one\\ntwo\\nthr" --> split() --> [b"one", b"two"], 8 bytes; b"thr" is incomplete
"""

from itertools import pairwise
from typing import NamedTuple

from sse_hub.commands.shipping.encodings import TextEncoding
from sse_hub.formats.joining import LineJoiner, NewJoiner

# The longest line a hub delivers by default: a longer one is published in pieces of this size.
LINE_BYTES = 1_048_576
# A longer record is published as several.
RECORD_BYTES = 262_144


class Split(NamedTuple):
    """`records` are the first `size` bytes; the rest is incomplete."""

    records: list[bytes]
    size: int


class LineFormat(NamedTuple):
    """How the lines of a source are read: what joins them, and the encoding they are in, None for UTF-8."""

    new_joiner: NewJoiner | None = None
    encoding: TextEncoding | None = None


def split(
    data: bytes, new_joiner: NewJoiner | None = None, at_end: bool = False, encoding: TextEncoding | None = None
) -> Split:
    """
    The records at the start of `data`, without empty ones; each is a line, or what a joiner joins. `at_end`: nothing
    will be appended to `data`. They are UTF-8 if `data` is in `encoding`.
    """
    if encoding is not None:
        return _split_encoded(data, new_joiner, at_end, encoding)
    end = data.rfind(b"\n") + 1
    if at_end:
        end = len(data)
    if not end:
        return _first_piece(data) if len(data) >= LINE_BYTES else Split([], 0)
    lines = data[:end].removesuffix(b"\n").split(b"\n")
    if new_joiner is not None:
        return _join(lines, end, new_joiner(), at_end)
    return Split(_split_long(_clean(lines, data[:end])), end)


def complete_size(data: bytes, encoding: TextEncoding | None = None) -> int:
    """The size of the lines at the start of `data` that have an end."""
    return len(data) - len(encoding.split(data)[-1]) if encoding else data.rfind(b"\n") + 1


def _split_encoded(data: bytes, new_joiner: NewJoiner | None, at_end: bool, encoding: TextEncoding) -> Split:
    width = len(encoding.line_end)
    lines = encoding.split(data)
    rest = lines.pop()
    ends = [0]
    for line in lines:
        ends.append(ends[-1] + len(line) + width)
    if rest and (at_end or len(rest) >= LINE_BYTES):
        # In pieces, as in UTF-8, but within whole units.
        piece = rest if at_end else rest[:LINE_BYTES]
        lines.append(piece)
        ends.append(ends[-1] + len(piece))
    texts = [encoding.decode(line) for line in lines]
    if new_joiner is None:
        return Split(_split_long(_clean(texts, b"".join(texts))), ends[-1])
    starts = record_starts(texts, new_joiner(), at_end)
    if not at_end and starts and ends[-1] - ends[starts[-1]] <= RECORD_BYTES:
        last = starts.pop()
        texts, ends = texts[:last], ends[: last + 1]
    return Split(_joined(texts, starts), ends[-1])


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


def _join(lines: list[bytes], end: int, joiner: LineJoiner, at_end: bool) -> Split:
    starts = record_starts(lines, joiner, at_end)
    if not at_end:
        # The last record may continue.
        last = starts.pop()
        unfinished = sum(map(len, lines[last:])) + len(lines) - last
        if unfinished > RECORD_BYTES:
            starts.append(last)
        else:
            end, lines = end - unfinished, lines[:last]
    return Split(_joined(lines, starts), end)


def _joined(lines: list[bytes], starts: list[int]) -> list[bytes]:
    lines = _clean(lines, b"".join(lines))
    return _split_long([b"\n".join(lines[a:b]).rstrip() for a, b in pairwise([*starts, len(lines)])])


def record_starts(lines: list[bytes], joiner: LineJoiner, at_end: bool = False) -> list[int]:
    """
    The indexes of the lines that start a record, of which the first always does. Lines that the joiner is not sure of
    count to the last record, unless `at_end`.
    """
    verdicts = [verdict for line in lines for verdict in joiner.add(line)]
    if at_end:
        verdicts += joiner.end()
    return [index for index, begins in enumerate(verdicts) if begins]
