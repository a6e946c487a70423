"""
One client's stream, from its headers until it is a subscriber.

    join --> headers, retry, gaps, checkpoint --> Subscriber.start() --> what it missed --> live

An EventSource gives up for good on any status but 200, so a client that can't be served now is told to come back.
"""

import random
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from sanic import Request
from sanic.http import Stage

from sse_hub.errors import LimitExceeded, SourceUnavailable
from sse_hub.http.response import start_response, transport_of
from sse_hub.hub.hub import Hub
from sse_hub.hub.start_position import After, StartAt
from sse_hub.hub.subscriber import RETRY_MS, Subscriber
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import refused_frame, retry_frame, retry_later_frames

CONTENT_TYPE = "text/event-stream; charset=utf-8"
# Most of those who are one too many would be refused again.
TOO_MANY_RETRY_MS = 10_000
HEADERS = {
    # A proxy that stores or compresses a stream delays it.
    "Cache-Control": "no-store, no-transform",
    # nginx buffers up to a gigabyte a client without this.
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


@runtime_checkable
class Host(Protocol):
    """A server that counts its connections; that of another app may not."""

    def let_go(self) -> None:
        """This one is a stream from now on."""


async def stream_events(
    request: Request,
    hub: Hub,
    selection: Selection,
    origin: StartAt,
    batch: bool,
    guard: int,
    hold: Callable[[Subscriber], None] = lambda subscriber: None,
) -> None:
    """
    Answer `request` with the stream of `selection` from `origin` on, which goes on when this has returned.

    `hold` is told of its subscriber, and may end it. Raises TooMany, before anything has been answered.
    """
    if request.method == "HEAD":
        await _start_response(request)
        return
    try:
        if hub.draining:
            raise SourceUnavailable("The hub is stopping.")
        position, frames = await hub.prepare_stream(selection, origin)
    except SourceUnavailable:
        await reject_with_retry(request, origin)
        return
    subscriber = hub.subscribe(selection, batch, transport_of(request), position, guard)
    hold(subscriber)
    try:
        response = await _start_response(request)
        await response.send(retry_frame(RETRY_MS) + frames)
    except BaseException:
        subscriber.leave()
        raise
    _detach_from_sanic(request)
    subscriber.start()


async def reject_with_retry(request: Request, origin: StartAt, error: LimitExceeded | None = None) -> None:
    """Tell the client of `request` to come back in a while: because of `error`, or the hub has no answer at present."""
    response = await _start_response(request)
    if request.method == "HEAD":
        return
    last_id = str(origin.cursor).encode() if isinstance(origin, After) else None
    told = refused_frame(error.reason, str(error)) if error else b""
    await response.send(retry_later_frames(last_id, jittered_ms(TOO_MANY_RETRY_MS if error else RETRY_MS), told))
    await response.eof()


def jittered_ms(milliseconds: int) -> int:
    """A time of about so many `milliseconds`: those who are sent away together must not come back together."""
    return round(milliseconds * random.uniform(0.5, 1.5))


async def _start_response(request: Request) -> Any:
    http: Any = request.stream
    # A client that comes back on the same connection would come, past any load balancer, to the hub that sent it away.
    http.keep_alive = False
    return await start_response(request, HEADERS, CONTENT_TYPE)


def _detach_from_sanic(request: Request) -> None:
    """
    Have Sanic forget the connection of `request`, whose answer has begun.

    What Sanic holds for a request that is being answered, its task and its parsed headers, is 10 kB; a stream may be
    open for days. To Sanic it looks as if the answer were complete and the connection already closed.
    """
    http: Any = request.stream
    http.stage, http.response_func, http.request_body = Stage.IDLE, None, None
    protocol: Any = http.protocol
    protocol.connections.discard(protocol)
    if isinstance(protocol, Host):
        protocol.let_go()
    protocol.transport = None
