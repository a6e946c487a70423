"""
The server's protocol: it stands between a socket and Sanic, which gets a request when its head is there.

    socket --> Porter --> a head, whole, in time and not too long --> Sanic --> bytes of bodies go straight on
                 └──► too long, too late --> an answer of a few bytes           └──► a stream too many --> `retry:`

Sanic makes a task of 10 kB for a connection on which nothing has come yet, and takes each byte for a sign of life. A
connection costs little here until it has said what it wants, and what it drips gains it no time.
"""

import asyncio
import re
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast

import orjson
from sanic.http import Stage
from sanic.server.protocols.http_protocol import HttpProtocol

from sse_hub.errors import InvalidId, LimitExceeded
from sse_hub.http.context import context_of
from sse_hub.http.event_stream import CONTENT_TYPE, HEADERS, TOO_MANY_RETRY_MS, jittered_ms
from sse_hub.http.security_headers import SECURITY, cors_headers
from sse_hub.protocol.ids import Cursor
from sse_hub.protocol.sse import END_OF_BODY, http_chunk, refused_frame, retry_later_frames

END_OF_HEAD = b"\r\n\r\n"
# The method and the version, beside the URL.
REST_OF_LINE_BYTES = 32
# A client may see no answer before it has sent what it was sending.
LINGER_SECONDS = 1.0
STREAM = re.compile(rb"GET /message[? ]")
ORIGIN = re.compile(rb"\r\norigin:[ \t]*([!-~]{1,512})[ \t]*(?=\r\n)", re.IGNORECASE)
LAST_EVENT_ID = re.compile(rb"\r\nlast-event-id:[ \t]*([!-~]{1,512})[ \t]*(?=\r\n)", re.IGNORECASE)


class RequestHeadGuard(HttpProtocol):
    """One connection."""

    __slots__ = ("_address", "_passed_on", "_config", "_closing", "_head", "_admission", "_settings", "_timer", "_wire")

    def __init__(self, **settings: Any) -> None:
        # What Sanic sets up for a connection waits until there is something for it to do.
        self._settings = settings
        self.app, self.loop, self.connections = settings["app"], settings["loop"], settings["connections"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        context = context_of(self.app)
        self._config, self._admission = context.config, context.admission
        self.transport = self._wire = cast(asyncio.Transport, transport)
        self.connections.add(self)
        self._head = b""
        self._passed_on = self._closing = False
        peer = transport.get_extra_info("peername")
        host = str(peer[0]) if isinstance(peer, tuple) else ""
        # A trusted peer asks for many; for whom, its headers say, and the route reads them.
        self._address = (
            None if self._admission.trusted_proxies.trusts(host) else self._admission.trusted_proxies.client_of(host)
        )
        self._timer: asyncio.TimerHandle | None = self.loop.call_later(self._config.header_seconds, self._head_timeout)
        if self._address is not None and not self._admission.connect(self._address):
            self._admission.record_refusal("connections", f"{self._address} has too many connections.")
            self._address, self._closing = None, True
            self._wire.abort()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if not self._awaits_head():
            began = self._time
            super().data_received(data)
            # What a client sends wins it no time: a body has a deadline, and an answer is to be taken.
            self._time = began
            return
        searched = max(0, len(self._head) - len(END_OF_HEAD))
        self._head += data
        end = self._head.find(END_OF_HEAD, searched)
        if self._reject_long_head(end):
            return
        if end >= 0:
            self._forward_head()
        elif self._timer is None:
            self._timer = self.loop.call_later(self._config.header_seconds, self._head_timeout)

    def connection_lost(self, error: Exception | None) -> None:
        self.release()
        if self._passed_on:
            super().connection_lost(error)  # type: ignore[no-untyped-call]

    def close(self, timeout: float | None = None) -> None:
        """End the connection, when what was written has been sent."""
        if self._passed_on:
            super().close(timeout)
        else:
            self._wire.close()

    def release(self) -> None:
        """The connection has gone, or is a stream from now on."""
        self._stop_timer()
        self.connections.discard(self)
        address, self._address = self._address, None
        if address is not None:
            self._admission.disconnect(address)

    # The rest.

    def _awaits_head(self) -> bool:
        if not self._passed_on:
            return True
        http: Any = self.http
        return http is not None and http.stage is Stage.IDLE and not self.recv_buffer and not http.request_body

    def _reject_long_head(self, end: int) -> bool:
        """True when the head, which ends at `end` or not yet, is too long, and its client has been told so."""
        line = self._head.partition(b"\r\n")[0]
        whole = len(line) < len(self._head)
        url_bytes = len(line) - REST_OF_LINE_BYTES
        if whole:
            # One that has not two blanks is Sanic's to refuse.
            url_bytes = max(map(len, line.split(b" ")))
        if url_bytes > self._config.url_bytes:
            self._reject(
                HTTPStatus.REQUEST_URI_TOO_LONG, "url", f"The URL has more than {self._config.url_bytes} bytes."
            )
            return True
        if whole and (end if end >= 0 else len(self._head)) - len(line) > self._config.header_bytes:
            detail = f"The headers have more than {self._config.header_bytes} bytes in all."
            self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers", detail)
            return True
        return False

    def _forward_head(self) -> None:
        self._stop_timer()
        head, self._head = self._head, b""
        if STREAM.match(head) and (error := self._admission.check(self._address)):
            self._reject_stream(error, head)
            return
        if not self._passed_on:
            self._passed_on = True
            super().__init__(**self._settings)
            self._settings = {}
            super().connection_made(self._wire)  # type: ignore[no-untyped-call]
        super().data_received(head)

    def _head_timeout(self) -> None:
        self._timer = None
        if self._head:
            detail = f"The request's head did not come within {self._config.header_seconds} s."
            self._reject(HTTPStatus.REQUEST_TIMEOUT, "slow-head", detail)
        else:
            # Browsers open connections that they may need.
            self._wire.close()

    def _reject_stream(self, error: LimitExceeded, head: bytes) -> None:
        """As `stream.send_away()` does, without a task, a parsed request or a route."""
        self._admission.record_refusal(error.reason, str(error))
        told = refused_frame(error.reason, str(error))
        frames = retry_later_frames(_last_id_in(head), jittered_ms(TOO_MANY_RETRY_MS), told)
        origin, allowed = _origin_in(head), self._config.cors_origin
        chunked = not head.partition(b"\r\n")[0].endswith(b"HTTP/1.0")
        begin = _stream_head(origin if origin in allowed else None, allowed, chunked)
        self._closing = True
        self._wire.write(begin + (http_chunk(frames) + END_OF_BODY if chunked else frames))
        self._wire.close()

    def _reject(self, status: HTTPStatus, reason: str, detail: str) -> None:
        self._admission.record_refusal(reason, detail)
        self._stop_timer()
        self._closing, self._head = True, b""
        body = orjson.dumps({"error": status.phrase, "detail": detail})
        headers = SECURITY | {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self._wire.write(_head_of(status, headers) + body)
        self._wire.write_eof()
        self._timer = self.loop.call_later(LINGER_SECONDS, self._wire.abort)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


def _head_of(status: HTTPStatus, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


@lru_cache
def _stream_head(origin: str | None, allowed: tuple[str, ...], chunked: bool) -> bytes:
    # As for any answer: without these a browser takes it for an error, for good.
    headers = HEADERS | SECURITY | cors_headers(origin, allowed)
    coding = {"Transfer-Encoding": "chunked"} if chunked else {}
    return _head_of(HTTPStatus.OK, headers | {"Content-Type": CONTENT_TYPE} | coding)


def _origin_in(head: bytes) -> str | None:
    found = ORIGIN.search(head)
    return found[1].decode("latin-1") if found else None


def _last_id_in(head: bytes) -> bytes | None:
    found = LAST_EVENT_ID.search(head)
    try:
        return str(Cursor.parse(found[1].decode())).encode() if found else None
    except InvalidId:
        return None
