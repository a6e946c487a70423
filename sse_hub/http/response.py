"""
How answers begin: with their head alone for `HEAD`, and without chunks for HTTP/1.0, which does not know them.

    reading() --> a route for GET and HEAD          begin() --> the head of a body in pieces --> send(), eof()
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
