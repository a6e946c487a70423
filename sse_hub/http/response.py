"""
How responses begin: with the head alone for HEAD, and without chunks for HTTP/1.0, which doesn't know them.

    get_route() --> a route for GET and HEAD          start_response() --> head --> send(), eof()
                                                      transport_of() --> write(), past Sanic
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

from sanic import Blueprint, Request

from sse_hub.http.sanic_internals import end_response, send_head_only, start_unchunked
from sse_hub.protocol.sse import END_OF_BODY, unchunk

NO_STORE = {"Cache-Control": "no-store"}


def get_route(blueprint: Blueprint, uri: str, strict_slashes: bool | None = None) -> Callable[[Any], Any]:
    """
    Decorator: the handler of `uri` for GET and HEAD, which change nothing.

    `strict_slashes` is whether `uri/` is another path; None leaves that to the blueprint.
    """
    methods = ("GET", "HEAD")
    route = blueprint.route(uri, methods=methods, strict_slashes=strict_slashes, ignore_body=True)
    return cast(Callable[[Any], Any], route)


def supports_chunks(request: Request) -> bool:
    """False for HTTP/1.0: a body of unknown length is sent as it is, and ends with the connection."""
    return request.version != "1.0"


async def start_response(request: Request, headers: Mapping[str, str], content_type: str) -> Any:
    """
    Begin the response to `request`, whose body the caller sends with `send()` and ends with `eof()`.

    The length is unknown, unless `headers` have it. For HEAD the response is complete.
    """
    response: Any = await request.respond(headers=dict(headers), content_type=content_type)
    if not supports_chunks(request):
        await start_unchunked(request, response)
        if request.method == "HEAD":
            end_response(request)
    elif request.method == "HEAD":
        await send_head_only(request, response)
    return response


def transport_of(request: Request) -> asyncio.Transport:
    """The transport that chunks are written to: the connection's own, or for HTTP/1.0 an UnchunkedTransport."""
    transport = cast(asyncio.Transport, request.transport)
    return transport if supports_chunks(request) else cast(asyncio.Transport, UnchunkedTransport(transport))


class UnchunkedTransport:
    """A transport that is given chunks, one in each `write()`, and writes their content."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, chunk: bytes) -> None:
        """Write the content of `chunk`."""
        if chunk != END_OF_BODY:
            self._transport.write(unchunk(chunk))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
