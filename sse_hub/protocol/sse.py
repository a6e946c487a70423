"""
Frames of `text/event-stream`, as bytes. Pure: no I/O.

    (id, event, line) --> event_frame() --> http_chunk() --> a subscriber's transport

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream: a frame is a few
`field: value` lines and an empty one. A line ends with CRLF, LF or a lone CR.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import orjson

# The last chunk of `Transfer-Encoding: chunked` (RFC 9112 section 7.1).
END_OF_BODY = b"0\r\n\r\n"
# Not bytes.splitlines(): it drops the empty text after the last line end, which the client must get, too.
LINE_END = re.compile(rb"\r\n|\n|\r")
# How long a client waits before it reconnects.
RETRY_MS = 2000
# A publisher has finished. Every other event of the hub's own is reserved (`lines.RESERVED_EVENTS`).
CLOSED = b"closed"


Row = tuple[str, str, str, int]
"""A line of `batch=1`, `/history` or `/search`: id, channel, line, and when it came, in ms since the epoch."""


class Gap(NamedTuple):
    """
    Lines of `channel`, a name or a pattern, that can't be delivered: those with ids between `after` and `before`.

    `after` is None when it is unknown which lines before `before` the client has. `lost` is the number of missing lines
    where it is known. `reason` is one of `counters.GAP_REASONS`.
    """

    channel: str
    after: str | None
    before: str
    lost: int | None
    reason: str


def event_frame(id: bytes, event: bytes, line: bytes) -> bytes:
    """One line as an event. `id` and `event` must hold no line end; `line` may."""
    if b"\n" in line or b"\r" in line:
        line = b"\ndata: ".join(LINE_END.split(line))
    if event == CLOSED:
        return _hub_frame(id, event, line, RETRY_MS)
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (id, event, line)


def lines_frame(id: bytes, rows: Sequence[Row]) -> bytes:
    """An event of a `batch=1` stream. `id` is the cursor after the last row."""
    # JSON escapes all control characters, so the data is one text line whatever the lines hold.
    return b"id: %b\nevent: lines\ndata: %b\n\n" % (id, orjson.dumps(rows))


def gap_frame(id: bytes, gap: Gap) -> bytes:
    """A gap. `id` is the client's last id if other gaps must follow before it may move on."""
    return _hub_frame(id, b"gap", orjson.dumps(gap._asdict()), RETRY_MS)


def auth_frame(id: bytes, retry_ms: int, reason: str) -> bytes:
    """Why a stream ends that its client may no longer read. `reason` is expired, revoked or changed."""
    return _hub_frame(id, b"auth", orjson.dumps({"reason": reason}), retry_ms)


def refused_frame(id: bytes, retry_ms: int, reason: str, detail: str) -> bytes:
    """Why the hub serves no stream at present, for a client that can show it. `id` is the one it came with."""
    return _hub_frame(id, b"refused", orjson.dumps({"reason": reason, "detail": detail}), retry_ms)


def checkpoint_frame(id: bytes, retry_ms: int, reached: str | None = None) -> bytes:
    """
    The position of a client, at the beginning and the end of a stream.

    `reached` is the id before which no line was looked at for its filter, if the stream begins with fewer lines than it
    asked for.
    """
    data = b"{}" if reached is None else orjson.dumps({"reached": reached})
    return _hub_frame(id, b"checkpoint", data, retry_ms)


def heartbeat_frame(id: bytes) -> bytes:
    """A comment, which keeps proxies from closing and finds dead peers, and a checkpoint, from which to resume."""
    return b": heartbeat\nid: %b\nevent: checkpoint\ndata: {}\n\n" % id


def http_chunk(body: bytes) -> bytes:
    """`body` as one chunk of `Transfer-Encoding: chunked` (RFC 9112 section 7.1)."""
    assert body, "a chunk without bytes is the end of the stream"
    return b"%x\r\n%b\r\n" % (len(body), body)


def unchunk(chunk: bytes) -> bytes:
    """The body of `chunk`, the inverse of `http_chunk()`."""
    return chunk[chunk.index(b"\r\n") + 2 : -2]


def _hub_frame(id: bytes, event: bytes, data: bytes, retry_ms: int) -> bytes:
    # One block with all the fields: many client libraries keep no id or time of a block without data, or hand it to the
    # app as an event with empty data, and forget their id at an event without one (docs/decisions/protocol.md).
    return b"id: %b\nretry: %d\nevent: %b\ndata: %b\n\n" % (id, retry_ms, event, data)
