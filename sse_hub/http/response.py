"""
How answers begin: with their head alone for `HEAD`, and without chunks for HTTP/1.0, which does not know them.

    reading() --> a route for GET and HEAD          begin() --> the head of a body in pieces --> send(), eof()
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

from sanic import Blueprint, Request
from sanic.headers import format_http1_response
from sanic.http import Stage

from sse_hub.protocol.sse import END_OF_BODY, unchunk


def get_route(blueprint: Blueprint, uri: str, strict_slashes: bool | None = None) -> Callable[[Any], Any]:
    """
    Decorate the handler of a route that changes nothing, for `HEAD` too.

    `strict_slashes` says whether it answers at its very path alone; None leaves that to the blueprint.
    """
    methods = ("GET", "HEAD")
    route = blueprint.route(uri, methods=methods, strict_slashes=strict_slashes, ignore_body=True)
    return cast(Callable[[Any], Any], route)


def supports_chunks(request: Request) -> bool:
    """False where a body of unknown length must come as it is, up to the end of the connection."""
    return request.version != "1.0"


async def start_response(request: Request, headers: Mapping[str, str], content_type: str) -> Any:
    """
    An answer to `request`, to be sent with `send()` and ended with `eof()`. Its length is unknown, unless `headers`
    tell it.

    To `HEAD` all of it has been sent.
    """
    response: Any = await request.respond(headers=dict(headers), content_type=content_type)
    http: Any = request.stream
    if not supports_chunks(request):
        await _start_unchunked(http, response)
    elif request.method == "HEAD":
        # Sanic takes an answer without a byte for one whose length is known, and drops the byte of this one.
        await response.send(b"-")
    if request.method == "HEAD":
        _finish_unchunked(http)
    return response


async def _start_unchunked(http: Any, response: Any) -> None:
    async def send(data: bytes, end_stream: bool) -> None:
        if data:
            await http._send(data)
        if end_stream:
            _finish_unchunked(http)

    response.headers["connection"] = "close"
    await http._send(format_http1_response(response.status, response.processed_headers))
    http.response_func, http.stage = send, Stage.RESPONSE


def _finish_unchunked(http: Any) -> None:
    http.response_func, http.stage = None, Stage.IDLE


def transport_of(request: Request) -> asyncio.Transport:
    """What chunks are to be written to, so that the client of `request` gets what it understands."""
    transport = cast(asyncio.Transport, request.transport)
    return transport if supports_chunks(request) else cast(asyncio.Transport, RawTransport(transport))


class RawTransport:
    """A transport that takes chunks, one a `write()`, and writes their bodies."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, chunk: bytes) -> None:
        """Write what is in `chunk`."""
        if chunk != END_OF_BODY:
            self._transport.write(unchunk(chunk))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
