"""
Responses of `/message`, from their head until a subscriber takes over the connection, or until their early end.

    start_stream():      head, first frames --> Subscriber.start() --> what it missed --> live
    reject_with_retry(): head, a frame with the position, the reason and `retry:`, end

An EventSource gives up for good on any status but 200, so a client that can't be served now is told when to reconnect.
"""

import random
from typing import Any

from sanic import Request

from sse_hub.errors import LimitExceeded
from sse_hub.http.response import start_response
from sse_hub.http.sanic_internals import close_after_response, detach
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.sse import RETRY_MS, checkpoint_frame, refused_frame

CONTENT_TYPE = "text/event-stream; charset=utf-8"
# A client beyond a limit would probably be refused again after the usual time.
LIMIT_RETRY_MS = 10_000
HEADERS = {
    # A proxy that stores or compresses a stream delays it.
    "Cache-Control": "no-store, no-transform",
    # nginx buffers up to a gigabyte a client without this.
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


async def send_head(request: Request) -> Any:
    """Send the head of a stream; the response, whose `send()` and `eof()` are to follow. For HEAD that is all."""
    # On the same connection a client would return to the hub that sent it away, past any load balancer.
    close_after_response(request)
    return await start_response(request, HEADERS, CONTENT_TYPE)


async def start_stream(request: Request, subscriber: Subscriber, first_frames: bytes) -> None:
    """
    Answer `request` with `first_frames`, then have `subscriber` continue the response. Returns at once.

    If the client is already gone, `subscriber` leaves the hub and the error is raised.
    """
    try:
        response = await send_head(request)
        await response.send(first_frames)
    except BaseException:
        subscriber.leave()
        raise
    detach(request)
    subscriber.start()


async def reject_with_retry(request: Request, id: bytes, error: LimitExceeded | None = None) -> None:
    """Answer `request` with retry_later_frame(): because of `error`, or because Redis is unavailable."""
    response = await send_head(request)
    if request.method == "HEAD":
        return
    await response.send(retry_later_frame(id, error))
    await response.eof()


def retry_later_frame(id: bytes, error: LimitExceeded | None) -> bytes:
    """
    The whole body for a client that can't be served now: its `id`, see `start_position.id_of()`, and when to return.

    The time is random, so that clients that are sent away together don't return together.
    """
    retry_ms = round((LIMIT_RETRY_MS if error else RETRY_MS) * random.uniform(0.5, 1.5))
    return refused_frame(id, retry_ms, error.reason, str(error)) if error else checkpoint_frame(id, retry_ms)
