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
    """One event. `id` and `event` must hold no line end; `line` may."""
    if b"\n" in line or b"\r" in line:
        line = b"\ndata: ".join(LINE_END.split(line))
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (id, event, line)


def lines_frame(id: bytes, rows: Sequence[Row]) -> bytes:
    """An event of a `batch=1` stream. `id` is the cursor after the last row."""
    # JSON escapes all control characters, so the data is one text line whatever the lines hold.
    return b"id: %b\nevent: lines\ndata: %b\n\n" % (id, orjson.dumps(rows))


def gap_frame(id: bytes | None, gap: Gap) -> bytes:
    """A gap. Without `id` the client keeps its last id."""
    head = b"" if id is None else b"id: %b\n" % id
    return b"%bevent: gap\ndata: %b\n\n" % (head, orjson.dumps(gap._asdict()))


def auth_frame(reason: str) -> bytes:
    """Why a stream ends that its client may no longer read. `reason` is expired, revoked or changed."""
    return b"event: auth\ndata: %b\n\n" % orjson.dumps({"reason": reason})


def retry_frame(milliseconds: int) -> bytes:
    """How long an EventSource waits before it reconnects. Without other fields it dispatches no event."""
    return b"retry: %d\n\n" % milliseconds


def refused_frame(reason: str, detail: str) -> bytes:
    """Why the hub serves no stream at present, for a client that can show it."""
    return b"event: refused\ndata: %b\n\n" % orjson.dumps({"reason": reason, "detail": detail})


def retry_later_frames(last_id: bytes | None, milliseconds: int, refused: bytes = b"") -> bytes:
    """
    The whole body for a client that must come back later: the frame `refused`, if any, and how long to wait.

    By the letter of the standard a frame without an id clears the last id of a client that reconnects, so the client's
    `last_id` is sent first.
    """
    return (checkpoint_frame(last_id) if last_id else b"") + refused + retry_frame(milliseconds)


def checkpoint_frame(id: bytes) -> bytes:
    """An id alone: it moves the client's last id on, and dispatches no event."""
    return b"id: %b\n\n" % id


def heartbeat_frame(id: bytes) -> bytes:
    """A comment, which keeps proxies from closing and finds dead peers, and a checkpoint, from which to resume."""
    return b": heartbeat\nid: %b\n\n" % id


def http_chunk(body: bytes) -> bytes:
    """`body` as one chunk of `Transfer-Encoding: chunked` (RFC 9112 section 7.1)."""
    assert body, "a chunk without bytes is the end of the stream"
    return b"%x\r\n%b\r\n" % (len(body), body)


def unchunk(chunk: bytes) -> bytes:
    """The body of `chunk`, the inverse of `http_chunk()`."""
    return chunk[chunk.index(b"\r\n") + 2 : -2]
