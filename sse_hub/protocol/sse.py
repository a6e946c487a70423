"""
Frames of `text/event-stream` as bytes. Pure; no I/O.

    (id, event, line) --> event_frame() --> http_chunk() --> a subscriber's transport

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream: a frame is some
`field: value` lines and an empty one, and a line ends at CRLF, LF or a lone CR.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import orjson

# The last chunk of `Transfer-Encoding: chunked` (RFC 9112 section 7.1).
END_OF_BODY = b"0\r\n\r\n"
# bytes.splitlines() would do, but it drops the empty text after a last line end; the client must get that too.
LINE_END = re.compile(rb"\r\n|\n|\r")


class Gap(NamedTuple):
    """
    A stretch of lines on `channel` that can't be delivered: those with ids after `after` and before `before`.

    `lost` is their number where it is known. `reason` is one of trimmed, unknown-id, recorder-down, log-lost, slow,
    late, guard, rate.
    """

    channel: str
    after: str | None
    before: str
    lost: int | None
    reason: str


def event_frame(id: bytes, event: bytes, line: bytes) -> bytes:
    """One event. `id` and `event` are the hub's own or checked text and hold no line end; `line` may."""
    if b"\n" in line or b"\r" in line:
        line = b"\ndata: ".join(LINE_END.split(line))
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (id, event, line)


def lines_frame(id: bytes, rows: Sequence[tuple[str, str, str]]) -> bytes:
    """The rows (id, channel, line) of a `batch=1` stream in one event. `id` is the cursor after the last of them."""
    # JSON escapes every control character, so the data is one text line whatever the lines hold.
    return b"id: %b\nevent: lines\ndata: %b\n\n" % (id, orjson.dumps(rows))


def gap_frame(id: bytes | None, gap: Gap) -> bytes:
    """A gap. Without `id` the client's last id stays what it was."""
    head = b"" if id is None else b"id: %b\n" % id
    return b"%bevent: gap\ndata: %b\n\n" % (head, orjson.dumps(gap._asdict()))


def auth_frame(reason: str) -> bytes:
    """Why a stream ends whose client may see it no more. `reason` is the hub's own word: expired, revoked, changed."""
    return b"event: auth\ndata: %b\n\n" % orjson.dumps({"reason": reason})


def retry_frame(milliseconds: int) -> bytes:
    """How long an EventSource waits before it comes back. Alone it dispatches no event."""
    return b"retry: %d\n\n" % milliseconds


def refused_frame(reason: str, detail: str) -> bytes:
    """Why there is no stream at present, for those who can tell somebody."""
    return b"event: refused\ndata: %b\n\n" % orjson.dumps({"reason": reason, "detail": detail})


def retry_later_frames(last_id: bytes | None, milliseconds: int, refused: bytes = b"") -> bytes:
    """
    All that a client gets that is to come back later: frames `told`, and how long it waits.

    To the letter of the standard a frame without an id takes the client's `last_id` from it, so that comes first.
    """
    return (checkpoint_frame(last_id) if last_id else b"") + refused + retry_frame(milliseconds)


def checkpoint_frame(id: bytes) -> bytes:
    """An id alone: the client's last id moves on, no event is dispatched."""
    return b"id: %b\n\n" % id


def heartbeat_frame(id: bytes) -> bytes:
    """A comment, so that proxies and dead peers are noticed, and a checkpoint, so that an idle stream resumes too."""
    return b": heartbeat\nid: %b\n\n" % id


def http_chunk(body: bytes) -> bytes:
    """`body` as one chunk of `Transfer-Encoding: chunked` (RFC 9112 section 7.1)."""
    assert body, "a chunk without bytes is the end of the stream"
    return b"%x\r\n%b\r\n" % (len(body), body)


def unchunk(chunk: bytes) -> bytes:
    """What http_chunk() made `chunk` of."""
    return chunk[chunk.index(b"\r\n") + 2 : -2]
