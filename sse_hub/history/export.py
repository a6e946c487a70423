"""
Recorded lines as files: NDJSON, plain text, CSV.

    lists of lines and gaps --> Ndjson, Text or Csv --> written(): pieces of a file

What is missing is told in the file, where it is missing.
"""

import csv
import io
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Protocol

import orjson

from sse_hub.history.fair_lock import SLICE_LINES, FairLock
from sse_hub.history.merge import RecordedLine
from sse_hub.history.stream_entries import entry_id
from sse_hub.protocol.ids import iso_time
from sse_hub.protocol.lines import BLANKS_FOR_LINE_ENDS, with_channel
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap

PIECE_BYTES = 64 * 1024
# A spreadsheet takes a cell that begins with one of these for a formula, after these quotes for text
# (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
TEXT_MARK = "'"
# What could end a text line, or give orders to a terminal.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
WRAPPED_HEAD = b'{"info":"'
WRAPPED_MEMBERS = ({"info"}, {"info", "truncated", "size"})
UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Format(Protocol):
    """How a file is written. `suffix` ends its name."""

    content_type: str
    suffix: str

    def head(self) -> bytes:
        """What the file begins with."""

    def body(self, items: Sequence[RecordedLine | Gap]) -> bytes:
        """The next lines and gaps."""


class Ndjson:
    """A JSON object on each text line: the line as it was published; with several channels each names its own."""

    content_type = "application/x-ndjson"
    suffix = "ndjson"

    def __init__(self, single: bool) -> None:
        self._single = single

    def head(self) -> bytes:
        return b""

    def body(self, items: Sequence[RecordedLine | Gap]) -> bytes:
        return b"".join([self._row(item) for item in items])

    def _row(self, item: RecordedLine | Gap) -> bytes:
        if isinstance(item, Gap):
            return b'{"@gap":%b}\n' % orjson.dumps(item._asdict())
        text = single_line(item.text)
        return b"%b\n" % (text if self._single else with_channel(text, item.channel))


class Text:
    """`time channel text` for people: text that was published as text, everything else as JSON."""

    content_type = "text/plain; charset=utf-8"
    suffix = "txt"

    def head(self) -> bytes:
        return b""

    def body(self, items: Sequence[RecordedLine | Gap]) -> bytes:
        return "".join([self._row(item) for item in items]).encode(errors="replace")

    def _row(self, item: RecordedLine | Gap) -> str:
        if isinstance(item, Gap):
            return f"# {describe_gap(item)}\n"
        return f"{iso_time(item.id.fence)} {item.channel} {CONTROL.sub(_escaped, plain_text(item.text))}\n"


class Csv:
    """`id,time,channel,line` by RFC 4180; a gap has no id."""

    content_type = "text/csv; charset=utf-8; header=present"
    suffix = "csv"

    def head(self) -> bytes:
        return b"id,time,channel,line\r\n"

    def body(self, items: Sequence[RecordedLine | Gap]) -> bytes:
        sheet = io.StringIO(newline="")
        csv.writer(sheet).writerows([self._row(item) for item in items])
        return sheet.getvalue().encode()

    def _row(self, item: RecordedLine | Gap) -> tuple[str, str, str, str]:
        if isinstance(item, Gap):
            before = entry_id(item.before.encode())
            return "", iso_time(before.fence), escape_formula(item.channel), describe_gap(item)
        line = escape_formula(single_line(item.text).decode())
        return str(item.id), iso_time(item.id.fence), escape_formula(item.channel), line


FORMATS = ("ndjson", "txt", "csv")


async def render(
    format: Format, runs: AsyncIterator[list[RecordedLine | Gap]], turns: FairLock
) -> AsyncGenerator[bytes, None]:
    """A file of `runs`, in pieces of about PIECE_BYTES, made in turns. Raises what `runs` raises."""
    if head := format.head():
        yield head
    items: list[RecordedLine | Gap] = []
    size = 0

    async def made(items: list[RecordedLine | Gap]) -> bytes:
        async with turns:
            return format.body(items)

    async for run in runs:
        items += run
        size += sum(len(item.text) if isinstance(item, RecordedLine) else 0 for item in run)
        if size >= PIECE_BYTES or len(items) >= SLICE_LINES:
            yield await made(items)
            items, size = [], 0
    if items:
        yield await made(items)


def format_of(name: str, single: bool) -> Format:
    """The format called `name`, one of FORMATS, for a file of a `single` channel or of several."""
    formats: dict[str, Format] = {"ndjson": Ndjson(single), "txt": Text(), "csv": Csv()}
    return formats[name]


def file_name(selection: Selection, fence: int, suffix: str) -> str:
    """A name that is safe in a header and in every file system, whatever the channel is called."""
    names = (*selection.channels, *selection.patterns)
    stem = UNSAFE_IN_NAME.sub("_", names[0]).strip("._-")[:64] if len(names) == 1 else "channels"
    time = re.sub(r"[-:]|\.\d+", "", iso_time(fence))
    return f"{stem or 'channel'}-{time}.{suffix}"


def single_line(text: bytes) -> bytes:
    """A JSON text without line ends: they stand between its tokens only, where a blank is as good."""
    return text.translate(BLANKS_FOR_LINE_ENDS) if b"\n" in text or b"\r" in text else text


def plain_text(text: bytes) -> str:
    """What was published, where it was text and the hub has wrapped it; else the JSON."""
    if text.startswith(WRAPPED_HEAD):
        with suppress(orjson.JSONDecodeError):
            record = orjson.loads(text)
            if set(record) in WRAPPED_MEMBERS and isinstance(record["info"], str):
                return str(record["info"])
    return single_line(text).decode()


def describe_gap(gap: Gap) -> str:
    """A gap in one line of words."""
    lost = "unknown" if gap.lost is None else gap.lost
    return f"gap channel={gap.channel} after={gap.after} before={gap.before} lost={lost} reason={gap.reason}"


def escape_formula(cell: str) -> str:
    """`cell` such that no spreadsheet runs it."""
    return TEXT_MARK + cell if cell.startswith(FORMULA) else cell


def _escaped(match: re.Match[str]) -> str:
    short = {"\n": "\\n", "\r": "\\r"}
    return short.get(match[0], f"\\u{ord(match[0]):04x}")
