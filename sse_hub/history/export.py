"""
Recorded lines as files: NDJSON, plain text, CSV.

    runs of lines and gaps --> render(Ndjson, Text or Csv) --> chunks of a file

A gap stands in the file where its lines are missing.
"""

import csv
import io
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Protocol

import orjson

from sse_hub.history.merge import RecordedLine
from sse_hub.history.stream_entries import entry_id
from sse_hub.hub.fair_lock import SLICE_LINES, FairLock
from sse_hub.protocol.ids import iso_time
from sse_hub.protocol.lines import BLANKS_FOR_LINE_ENDS, with_channel, with_moment
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap

CHUNK_BYTES = 64 * 1024
# A spreadsheet reads a cell that begins with one of these as a formula, and one that begins with a quote as text
# (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Where the comma is the decimal sign, Excel splits rows at semicolons, whatever the quotes around a cell.
SPLIT_OFF = re.compile(r"[;\t] *(?=[=+\-@＝＋－＠])")
TEXT_QUOTE = "'"
# Characters that end a text line, or control a terminal.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
# How the hub wraps a payload that is not a JSON object: see `protocol/lines.normalize`.
WRAPPED_START = b'{"info":"'
WRAPPED_MEMBERS = ({"info"}, {"info", "truncated", "size"})
UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Format(Protocol):
    """How a file is written. `suffix` is the end of its name, without the dot."""

    content_type: str
    suffix: str

    def header(self) -> bytes:
        """The beginning of the file."""

    def rows(self, items: Sequence[RecordedLine | Gap]) -> bytes:
        """One row for each line or gap."""


class Ndjson:
    """
    A JSON object on each text line: the line as published, with the moment it came, and with its channel unless the
    file has a `single` one.
    """

    content_type = "application/x-ndjson"
    suffix = "ndjson"

    def __init__(self, single: bool) -> None:
        self._single = single

    def header(self) -> bytes:
        return b""

    def rows(self, items: Sequence[RecordedLine | Gap]) -> bytes:
        return b"".join([self._row(item) for item in items])

    def _row(self, item: RecordedLine | Gap) -> bytes:
        if isinstance(item, Gap):
            return b'{"@gap":%b}\n' % orjson.dumps(item._asdict())
        text = with_moment(single_line(item.text), item.moment)
        return b"%b\n" % (text if self._single else with_channel(text, item.channel))


class Text:
    """`time channel text` for people, with the time when the line came. Published text is text; the rest is JSON."""

    content_type = "text/plain; charset=utf-8"
    suffix = "txt"

    def header(self) -> bytes:
        return b""

    def rows(self, items: Sequence[RecordedLine | Gap]) -> bytes:
        return "".join([self._row(item) for item in items]).encode(errors="replace")

    def _row(self, item: RecordedLine | Gap) -> str:
        if isinstance(item, Gap):
            return f"# {describe_gap(item)}\n"
        return f"{iso_time(item.moment)} {item.channel} {CONTROL.sub(_escaped, plain_text(item.text))}\n"


class Csv:
    """`id,time,channel,line` as in RFC 4180, with the time when the line came. A gap has no id; its time is its end."""

    content_type = "text/csv; charset=utf-8; header=present"
    suffix = "csv"

    def header(self) -> bytes:
        return b"id,time,channel,line\r\n"

    def rows(self, items: Sequence[RecordedLine | Gap]) -> bytes:
        sheet = io.StringIO(newline="")
        csv.writer(sheet).writerows([self._row(item) for item in items])
        return sheet.getvalue().encode()

    def _row(self, item: RecordedLine | Gap) -> tuple[str, str, str, str]:
        if isinstance(item, Gap):
            before = entry_id(item.before.encode())
            return "", iso_time(before.fence), escape_formula(item.channel), describe_gap(item)
        line = escape_formula(single_line(item.text).decode())
        return str(item.id), iso_time(item.moment), escape_formula(item.channel), line


FORMATS = ("ndjson", "txt", "csv")


async def render(
    format: Format, runs: AsyncIterator[list[RecordedLine | Gap]], fair_lock: FairLock
) -> AsyncGenerator[bytes, None]:
    """A file of `runs` in chunks of about CHUNK_BYTES, each made while holding `fair_lock`. Raises what `runs` does."""
    if header := format.header():
        yield header
    items: list[RecordedLine | Gap] = []
    size = 0

    async def render_rows(items: list[RecordedLine | Gap]) -> bytes:
        async with fair_lock:
            return format.rows(items)

    async for run in runs:
        items += run
        size += sum(len(item.text) if isinstance(item, RecordedLine) else 0 for item in run)
        if size >= CHUNK_BYTES or len(items) >= SLICE_LINES:
            yield await render_rows(items)
            items, size = [], 0
    if items:
        yield await render_rows(items)


def format_of(name: str, single: bool) -> Format:
    """The format called `name`, one of FORMATS, for a file of a `single` channel or of several ones."""
    formats: dict[str, Format] = {"ndjson": Ndjson(single), "txt": Text(), "csv": Csv()}
    return formats[name]


def file_name(selection: Selection, fence: int, suffix: str) -> str:
    """A file name with the channel and the time of `fence` (ms), safe in a header and in every file system."""
    names = (*selection.channels, *selection.patterns)
    stem = UNSAFE_IN_NAME.sub("_", names[0]).strip("._-")[:64] if len(names) == 1 else "channels"
    time = re.sub(r"[-:]|\.\d+", "", iso_time(fence))
    return f"{stem or 'channel'}-{time}.{suffix}"


def single_line(text: bytes) -> bytes:
    """A JSON text on one line. Line ends stand only between its tokens, where a space means the same."""
    return text.translate(BLANKS_FOR_LINE_ENDS) if b"\n" in text or b"\r" in text else text


def plain_text(text: bytes) -> str:
    """The text that was published, if the hub has wrapped it in JSON; else the JSON on one line."""
    if text.startswith(WRAPPED_START):
        with suppress(orjson.JSONDecodeError):
            record = orjson.loads(text)
            if set(record) in WRAPPED_MEMBERS and isinstance(record["info"], str):
                return str(record["info"])
    return single_line(text).decode()


def describe_gap(gap: Gap) -> str:
    """A gap as one line of text."""
    lost = "unknown" if gap.lost is None else gap.lost
    return f"gap channel={gap.channel} after={gap.after} before={gap.before} lost={lost} reason={gap.reason}"


def escape_formula(cell: str) -> str:
    """`cell`, with a quote wherever a spreadsheet would find a formula in it."""
    cell = SPLIT_OFF.sub(rf"\g<0>{TEXT_QUOTE}", cell)
    return TEXT_QUOTE + cell if cell.startswith(FORMULA_STARTS) else cell


def _escaped(match: re.Match[str]) -> str:
    short = {"\n": "\\n", "\r": "\\r"}
    return short.get(match[0], f"\\u{ord(match[0]):04x}")
