"""
One client's stream, from its headers until it is a subscriber.

    join --> headers, retry, gaps, checkpoint --> Subscriber.start() --> what it missed --> live

An EventSource gives up for good on any status but 200, so a client that can't be served now is told to come back.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

from sanic import Request
from sanic.http import Stage

from sse_hub.errors import SourceUnavailable
from sse_hub.frames import checkpoint_frame, retry_frame
from sse_hub.hub import Hub
from sse_hub.origin import After, Origin
from sse_hub.selection import Selection
from sse_hub.subscriber import RETRY_MS, Subscriber

CONTENT_TYPE = "text/event-stream; charset=utf-8"
HEADERS = {
    # A proxy that stores or compresses a stream delays it.
    "Cache-Control": "no-store, no-transform",
    # nginx buffers up to a gigabyte a client without this.
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


async def stream(
    request: Request,
    hub: Hub,
    selection: Selection,
    origin: Origin,
    batch: bool,
    guard: int,
    hold: Callable[[Subscriber], None] = lambda subscriber: None,
) -> None:
    """
    Answer `request` with the stream of `selection` from `origin` on, which goes on when this has returned.

    `hold` is told of its subscriber, and may end it.
    """
    try:
        if hub.draining:
            raise SourceUnavailable("The hub is stopping.")
        position, frames = await hub.join(selection, origin)
    except SourceUnavailable:
        await send_away(request, origin)
        return
    subscriber = hub.subscribe(selection, batch, cast(asyncio.Transport, request.transport), position, guard)
    hold(subscriber)
    try:
        response = await _begin(request)
        await response.send(retry_frame(RETRY_MS) + frames)
    except BaseException:
        subscriber.leave()
        raise
    _release(request)
    subscriber.start()


async def send_away(request: Request, origin: Origin) -> None:
    """Tell the client of `request` to come back in a while: at present the hub can't tell what it should get."""
    response = await _begin(request)
    if isinstance(origin, After):
        # To the letter of the standard a frame without an id takes the client's last one from it.
        await response.send(checkpoint_frame(str(origin.cursor).encode()))
    await response.send(retry_frame(round(RETRY_MS * random.uniform(0.5, 1.5))))
    await response.eof()


async def _begin(request: Request) -> Any:
    http: Any = request.stream
    # A client that comes back on the same connection would come, past any load balancer, to the hub that sent it away.
    http.keep_alive = False
    return await request.respond(headers=HEADERS, content_type=CONTENT_TYPE)


def _release(request: Request) -> None:
    """
    Have Sanic forget the connection of `request`, whose answer has begun.

    What Sanic holds for a request that is being answered, its task and its parsed headers, is 10 kB; a stream may be
    open for days. To Sanic it looks as if the answer were complete and the connection already closed.
    """
    http: Any = request.stream
    http.stage, http.response_func, http.request_body = Stage.IDLE, None, None
    protocol: Any = http.protocol
    protocol.connections.discard(protocol)
    protocol.transport = None
