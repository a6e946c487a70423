"""
One connection: the asyncio protocol between a socket and Sanic, which gets a request when its head is complete.

    socket --> RequestHeadGuard, RequestParser --> head complete, in time, within the limits --> Sanic
                      ├──► not HTTP/1.1 as RFC 9112 has it, too long or too late --> 400, 408, 414 or 431, and the end
                      └──► one stream too many --> `retry:`, and the end

Sanic creates a task of 10 kB for a connection on which nothing has arrived yet, and takes every byte for activity. Here
a connection costs little until its request is complete, and sending slowly gains it no time.
"""

import asyncio
import re
from functools import lru_cache
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote_plus

import orjson

from sse_hub.auth.client_address import UNIX_PEER
from sse_hub.errors import LimitExceeded
from sse_hub.http.context import context_of
from sse_hub.http.event_stream import CONTENT_TYPE, HEADERS, retry_later_frame
from sse_hub.http.parameters import start_after
from sse_hub.http.request_parser import Refusal, RequestParser
from sse_hub.http.sanic_internals import DeferredHttpProtocol
from sse_hub.http.security_headers import SECURITY, cors_headers
from sse_hub.hub.start_position import Now, StartAt, Tail, id_of
from sse_hub.protocol.sse import END_OF_BODY, http_chunk

# A client that is still sending when the connection is closed may never see the response.
LINGER_SECONDS = 1.0
STREAM_REQUEST = re.compile(rb"GET /message[? ]")
ORIGIN = re.compile(rb"\r\norigin:[ \t]*([!-~]{1,512})[ \t]*(?=\r\n)", re.IGNORECASE)
LAST_EVENT_ID_IN_QUERY = re.compile(rb"^[^\r]*[?&](?:lasteventid|last-event-id)=([!-%'-~]{1,512})", re.IGNORECASE)
LAST_EVENT_ID = re.compile(rb"\r\nlast-event-id:([^\r\n]*)", re.IGNORECASE)
EARLIER_START = re.compile(rb"[?&](?:tail|since)=")


class RequestHeadGuard(DeferredHttpProtocol):
    """
    Holds a connection back from Sanic until the head of a request is complete, and bounds its size and time.

    `_address` is what the connection is counted under; None if it is not counted, or no longer.
    """

    __slots__ = ("_address", "_admission", "_closing", "_config", "_parser", "_refused", "_timer", "_wire")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        context = context_of(self.app)
        self._config, self._admission = context.config, context.admission
        # Sanic sets its own `transport` to None when it has done with the connection; `_wire` stays.
        self._wire = cast(asyncio.Transport, transport)
        self.register(self._wire)
        self._parser: RequestParser | None = None
        self._closing = self._refused = False
        peername = transport.get_extra_info("peername")
        peer = str(peername[0]) if isinstance(peername, tuple) else UNIX_PEER
        proxies = self._admission.trusted_proxies
        # A trusted proxy connects for many clients; which one is in the headers, and the route reads them.
        self._address = None if proxies.trusts(peer) else proxies.client_of(peer)
        self._timer: asyncio.TimerHandle | None = self.loop.call_later(self._config.header_seconds, self._head_timeout)
        if self._address is not None and not self._admission.connect(self._address):
            self._admission.record_refusal("connections", f"{self._address} has too many connections.")
            self._address, self._closing = None, True
            self._wire.abort()

    def data_received(self, data: bytes) -> None:
        if not self._closing:
            self._receive(data)

    def holds_data(self) -> bool:
        return bool(self._parser and self._parser.rest)

    def release(self) -> None:
        """The connection is lost, or is a stream from now on, which is counted as such."""
        super().release()
        self._stop_timer()
        parser, self._parser = self._parser, None
        if parser:
            parser.close()
            if parser.rest and not self._wire.is_closing():
                self._wire.resume_reading()
        address, self._address = self._address, None
        if address is not None:
            self._admission.disconnect(address)

    # The rest.

    def _receive(self, data: bytes) -> None:
        parser = self._parser = self._parser or RequestParser(self._config.url_bytes, self._config.header_bytes)
        was_held, was_idle = self.holds_data(), self.is_idle()
        requests = parser.feed(data)
        if parser.refusal and was_idle and not requests:
            self._reject(parser.refusal)
            return
        if parser.refusal and not self._refused:
            self._refused = True
            self._admission.record_refusal(parser.refusal.reason, parser.refusal.detail)
            requests += parser.malformed
        if requests:
            self._stop_timer()
            self._forward(requests, was_idle)
        if self._closing:
            return
        if parser.rest and not was_held:
            self._wire.pause_reading()
            self.loop.call_soon(self._receive_rest)
        if parser.waiting:
            self._watch_head()

    def _receive_rest(self) -> None:
        """Read on, after others had their turn."""
        if not self.holds_data() or self._closing:
            return
        self._receive(b"")
        if self.holds_data():
            self.loop.call_soon(self._receive_rest)
        else:
            self._wire.resume_reading()

    def _forward(self, requests: bytes, begin: bool) -> None:
        """Pass on `requests`. If `begin`, no request precedes them, and the first may be a stream too many."""
        if not begin:
            self.pass_body(requests)
        elif STREAM_REQUEST.match(requests) and (error := self._admission.check(self._address)):
            self._reject_stream(error, requests)
        else:
            self.start(self._wire)
            self.pass_head(requests)

    def _watch_head(self) -> None:
        """Give the head that has begun `header_seconds` for its end."""
        if not self._timer:
            self._timer = self.loop.call_later(self._config.header_seconds, self._head_timeout)

    def _head_timeout(self) -> None:
        self._timer = None
        if not self._parser or not self._parser.waiting:
            # Browsers open connections in advance, and are not to blame for an idle one.
            self._wire.close()
        elif self.is_idle():
            detail = f"The request's headers did not arrive within {self._config.header_seconds} s."
            self._reject(Refusal(HTTPStatus.REQUEST_TIMEOUT, "slow-head", detail))
        else:
            # The response to the request before is still being sent.
            self._watch_head()

    def _reject_stream(self, error: LimitExceeded, head: bytes) -> None:
        """As `event_stream.reject_with_retry()`, without a task, a parsed request and a route."""
        self._admission.record_refusal(error.reason, str(error))
        body = retry_later_frame(id_of(_start_in(head), context_of(self.app).hub.ingest.last_fence), error)
        origin, allowed = _origin_in(head), self._config.cors_origin
        chunked = not head.partition(b"\r\n")[0].endswith(b"HTTP/1.0")
        response_head = _stream_head(origin if origin in allowed else None, allowed, chunked)
        self._closing = True
        self._wire.write(response_head + (http_chunk(body) + END_OF_BODY if chunked else body))
        self._wire.close()

    def _reject(self, refusal: Refusal) -> None:
        self._admission.record_refusal(refusal.reason, refusal.detail)
        self._stop_timer()
        self._closing = True
        body = orjson.dumps({"error": refusal.status.phrase, "detail": refusal.detail})
        headers = SECURITY | {"Content-Type": "application/json", "Content-Length": str(len(body))}
        if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET, HEAD, OPTIONS, POST"
        self._wire.write(_response_head(refusal.status, headers) + body)
        self._wire.write_eof()
        self._timer = self.loop.call_later(LINGER_SECONDS, self._wire.abort)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


def _response_head(status: HTTPStatus, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


@lru_cache
def _stream_head(origin: str | None, allowed: tuple[str, ...], chunked: bool) -> bytes:
    # With the CORS headers of any other response: without them an EventSource gives up for good.
    headers = HEADERS | SECURITY | cors_headers(origin, allowed)
    coding = {"Transfer-Encoding": "chunked"} if chunked else {}
    return _response_head(HTTPStatus.OK, headers | {"Content-Type": CONTENT_TYPE} | coding)


def _origin_in(head: bytes) -> str | None:
    found = ORIGIN.search(head)
    return found[1].decode("latin-1") if found else None


def _start_in(head: bytes) -> StartAt:
    """As `parameters.start_of()`; the query itself says an earlier start than now, and stays as it is."""
    found = LAST_EVENT_ID.search(head)
    last_event_id = found[1].decode("latin-1").strip(" \t") if found else ""
    if not last_event_id and (found := LAST_EVENT_ID_IN_QUERY.search(head)):
        last_event_id = unquote_plus(found[1].decode())
    if last_event_id:
        return start_after(last_event_id)
    return Tail(0) if EARLIER_START.search(head.partition(b"\r\n")[0]) else Now()
