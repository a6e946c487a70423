"""
One client's stream, from its headers to its end.

    join --> headers, retry, gaps, checkpoint --> what it missed --> live --> retry and the end, when the hub drains

An EventSource gives up for good on any status but 200, so a client that can't be served now is told to come back.
"""

import asyncio
import math
import random
from typing import Any, cast

from sanic import Request

from sse_hub.errors import SourceUnavailable
from sse_hub.frames import checkpoint_frame, retry_frame
from sse_hub.hub import Hub
from sse_hub.origin import After, Origin
from sse_hub.selection import Selection

RETRY_MS = 2000
CONTENT_TYPE = "text/event-stream; charset=utf-8"
HEADERS = {
    # A proxy that stores or compresses a stream delays it.
    "Cache-Control": "no-store, no-transform",
    # nginx buffers up to a gigabyte a client without this.
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


async def stream(request: Request, hub: Hub, selection: Selection, origin: Origin, batch: bool) -> None:
    """Answer `request` with the stream of `selection` from `origin` on; returns when it has ended."""
    # Sanic ends a response that its own send() has not written to for RESPONSE_TIMEOUT; live lines don't pass there,
    # and the wheel has a stall timer of its own.
    protocol: Any = request.protocol
    protocol.response_timeout = math.inf
    transport = cast(asyncio.Transport, request.transport)
    last = b""
    try:
        if hub.draining:
            raise SourceUnavailable("The hub is stopping.")
        position, frames = await hub.join(selection, origin)
        with hub.subscribe(selection, batch, transport, position) as subscriber:
            # This frame lives as long as the stream; what it needs no more it must not hold.
            del position
            response = await request.respond(headers=HEADERS, content_type=CONTENT_TYPE)
            await response.send(retry_frame(RETRY_MS) + frames)
            del frames
            last = await subscriber.run(response.send)
    except SourceUnavailable:
        _close_after(request, hub)
        response = await request.respond(headers=HEADERS, content_type=CONTENT_TYPE)
        if isinstance(origin, After):
            # To the letter of the standard a frame without an id takes the client's last one from it.
            await response.send(checkpoint_frame(str(origin.cursor).encode()))
    # Spread, so that the clients of a hub that stops don't all come back in the same moment.
    await response.send(last + retry_frame(round(RETRY_MS * random.uniform(0.5, 1.5))))
    _close_after(request, hub)
    await response.eof()


def _close_after(request: Request, hub: Hub) -> None:
    # A client that kept the connection would come back on it, past any load balancer, to the hub that has sent it away.
    if hub.draining:
        http: Any = request.stream
        http.keep_alive = False
