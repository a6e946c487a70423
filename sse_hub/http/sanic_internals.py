"""
Everything that depends on private parts of Sanic, as read in Sanic 25.12.1. No other module touches them.

    connection:     DeferredHttpProtocol, QuietHttp
    event_stream:   close_after_response(), detach()
    response:       start_unchunked(), send_head_only(), end_response()
    transfer:       read_body_piece(), stop_reading_body(), no_response_timeout()
    authorization:  cookie_values()
    server/serve:   use_http1_only(), close_connections()

After an upgrade of Sanic read these functions first: `sanic/http/http1.py` (class Http, one for each connection, with
the `stage` of its present request) and `sanic/server/protocols/http_protocol.py` (the asyncio protocol around it).
"""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sanic import Request, Sanic
from sanic.application.state import ApplicationServerInfo
from sanic.exceptions import RequestCancelled
from sanic.headers import format_http1_response
from sanic.http import Http, Stage
from sanic.http.constants import HTTP
from sanic.server.protocols.http_protocol import HttpProtocol

CLOSE_POLL_SECONDS = 0.02


class QuietHttp(Http):
    """Sanic's side of a connection, which gives up without a word once the client has gone."""

    async def error_response(self, exception: Exception) -> None:
        # Sanic would send the response to nobody, fail, and log both failures with tracebacks.
        transport = self.protocol.transport
        if transport is None or transport.is_closing():
            raise RequestCancelled
        await super().error_response(exception)


class DeferredHttpProtocol(HttpProtocol):
    """
    A Sanic connection that is set up by start(), not when the socket connects.

    Sanic creates a task and buffers of 10 kB for each connection, even if nothing ever arrives on it. `HttpProtocol`
    does this in `__init__()` and `connection_made()`, so both are called late. A subclass calls register() first.
    """

    HTTP_CLASS = QuietHttp

    __slots__ = ("_settings", "_started")

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._started = False
        self.app, self.loop, self.connections = settings["app"], settings["loop"], settings["connections"]

    def register(self, transport: asyncio.Transport) -> None:
        """Enter the connection in the server's list, from which it is closed when the server stops."""
        self.transport = transport
        self.connections.add(self)

    def start(self, transport: asyncio.Transport) -> None:
        """Have Sanic take over. A second call does nothing."""
        if not self._started:
            self._started = True
            super().__init__(**self._settings)
            self._settings = {}
            super().connection_made(transport)  # type: ignore[no-untyped-call]

    def is_idle(self) -> bool:
        """True while there is no request: the next bytes begin one."""
        if not self._started:
            return True
        http: Any = self.http
        # A request whose response is complete may have a body that is still arriving.
        return http is not None and http.stage is Stage.IDLE and not self.recv_buffer and not http.request_body

    def holds_data(self) -> bool:
        """True while a subclass has data that it has not passed on, so that no more may be read from the socket."""
        return False

    async def receive_more(self) -> None:
        """Wait for more data. Sanic calls this when it has used up what it was given."""
        if self.transport and not self.holds_data():
            self.transport.resume_reading()
        self._data_received.clear()
        await self._data_received.wait()

    def pass_body(self, data: bytes) -> None:
        """
        Hand over bytes that follow the head of a request.

        `data_received()` sets `_time`, which Sanic's timeouts count from: any byte would extend them.
        """
        last_activity = self._time
        super().data_received(data)
        self._time = last_activity

    def pass_head(self, head: bytes) -> None:
        """Hand over the head of a request, and what has arrived of its body."""
        super().data_received(head)

    def release(self) -> None:
        """The connection is lost, or its stream has been detached from Sanic."""
        self.connections.discard(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.release()
        if self._started:
            super().connection_lost(error)  # type: ignore[no-untyped-call]

    def close(self, timeout: float | None = None) -> None:
        """Close the connection when what was written has been sent."""
        if self._started:
            super().close(timeout)
        elif self.transport:
            self.transport.close()


def detach(request: Request) -> None:
    """
    Have Sanic forget the connection of `request`, whose response has begun and is continued by a subscriber.

    Sanic keeps 10 kB for a request in progress: its task and the parsed headers. A stream may be open for days.
    With stage IDLE Sanic takes the response for complete, and without a transport the connection for closed, so
    `Http.http1()` and `connection_task()` return without writing or closing anything. close_after_response() must have
    been called before, or `http1()` waits for the next request.
    """
    http: Any = request.stream
    http.stage, http.response_func, http.request_body = Stage.IDLE, None, None
    protocol: Any = http.protocol
    protocol.connections.discard(protocol)
    if isinstance(protocol, DeferredHttpProtocol):
        protocol.release()
    protocol.transport = None


def close_after_response(request: Request) -> None:
    """Close the connection after the response to `request`: `Http.keep_alive` becomes `Connection: close`."""
    http: Any = request.stream
    http.keep_alive = False


async def send_head_only(request: Request, response: Any) -> None:
    """
    Send the head of `response` to the HEAD request `request`, with the same headers as for GET.

    `http1_response_header()` takes a response without a byte for one of length 0, so it gets a byte, which it drops.
    """
    await response.send(b"-")
    end_response(request)


async def start_unchunked(request: Request, response: Any) -> None:
    """
    Send the head of `response` for a body of unknown length without chunks, which ends with the connection.

    `Http` sends every body of unknown length in chunks, also to HTTP/1.0. So the head is sent by `_send()`, and
    `response_func`, which `response.send()` calls, is replaced.
    """
    http: Any = request.stream

    async def send(data: bytes, end_stream: bool) -> None:
        if data:
            await http._send(data)
        if end_stream:
            end_response(request)

    response.headers["connection"] = "close"
    await http._send(format_http1_response(response.status, response.processed_headers))
    http.response_func, http.stage = send, Stage.RESPONSE


def end_response(request: Request) -> None:
    """Have Sanic take the response to `request` for complete, so that it sends nothing more, no last chunk either."""
    http: Any = request.stream
    http.response_func, http.stage = None, Stage.IDLE


async def read_body_piece(request: Request) -> bytes | None:
    """
    The next bytes of the body of `request`, None at its end.

    `Http.read()` is public, but only to be had from `request.stream`, whose declared type doesn't have it.
    """
    http: Any = request.stream
    piece: bytes | None = await http.read()
    return piece


def stop_reading_body(request: Request) -> None:
    """
    Answer `request` before its body has arrived, then close the connection.

    While `request_body` is set, `Http.http1()` reads the rest of the body after the response.
    """
    http: Any = request.stream
    http.keep_alive, http.request_body = False, None


@contextmanager
def no_response_timeout(request: Request) -> Iterator[None]:
    """
    No timeout for the response to `request` in the block, which has one of its own.

    `RESPONSE_TIMEOUT` is copied to each connection, which may serve other requests afterwards. Raises RequestCancelled
    if the client has gone.
    """
    protocol: Any = request.protocol
    if protocol is None:
        raise RequestCancelled
    timeout, protocol.response_timeout = protocol.response_timeout, math.inf
    try:
        yield
    finally:
        protocol.response_timeout = timeout


def cookie_values(request: Request, name: str) -> list[str]:
    """
    The values of the cookies with exactly this `name`.

    `CookieRequestParameters.get()` also returns the cookies `__Host-<name>` and `__Secure-<name>`: the second can be
    set by a sibling domain. It is a dict of lists.
    """
    return dict.get(request.cookies, name) or []


def use_http1_only(app: "Sanic[Any, Any]") -> None:
    """
    Send no `Alt-Svc` header from `app`, which is not started by `app.run()`.

    At its start Sanic removes the header from `http1_response_header()` if `server_info` has HTTP/1 only. Without an
    entry, which `app.run()` would add, the header stays, and is empty.
    """
    app.state.server_info.append(ApplicationServerInfo(settings={"version": HTTP.VERSION_1}))


async def close_connections(server: Any, seconds: float) -> None:
    """
    Close the connections of `server` (an `AsyncioServer`) as they become idle, and abort the rest after `seconds`.

    Sanic does this only in `app.run()`, and reports no change of a connection: `connections` has to be polled.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while server.connections and loop.time() < deadline:
        for connection in list(server.connections):
            connection.close_if_idle()
        await asyncio.sleep(CLOSE_POLL_SECONDS)
    for connection in list(server.connections):
        connection.abort()
