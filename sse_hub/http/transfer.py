"""
Bodies over HTTP that are not streams of events: one that comes in, and a file that goes out at its client's pace.

    request --> received() --> bytes, or TooLarge            pieces of a file --> download(): whole, or cut off
                                                             a page of the log --> deliver(): until it is taken
"""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

from sanic import Request
from sanic.exceptions import RequestTimeout

from sse_hub.errors import LimitExceeded, LogUnavailable, TooLarge
from sse_hub.http.response import start_response
from sse_hub.hub.subscriber import PEER_TIMEOUT_MS, set_peer_timeout

logger = logging.getLogger(__name__)

READ_SECONDS = 60.0
# A client reads no answer before it has sent its body; of one that is too large this much is taken and dropped.
DISCARD_FACTOR = 4
# Of who may not send at all, less.
DISCARD_BYTES = 1024 * 1024
DISCARD_SECONDS = 5.0
# What is written at once of a body that is in memory.
PIECE_BYTES = 128 * 1024


async def read_body(
    request: Request, limit: int, seconds: float = READ_SECONDS, hold: Callable[[int], None] = lambda size: None
) -> bytes:
    """
    The body of `request`, which may have `limit` bytes. `hold` is told of each piece that is kept, and may object.

    Raises TooLarge, and what `hold` does; RequestTimeout where it takes longer than `seconds`.
    """
    stream: Any = request.stream
    pieces: list[bytes] = []
    size = 0
    error: LimitExceeded | None = None
    try:
        async with asyncio.timeout(seconds):
            while size <= DISCARD_FACTOR * limit and (piece := await stream.read()) is not None:
                size += len(piece)
                if size <= limit and not error:
                    error = _reserve_error(hold, len(piece))
                    pieces.append(piece)
                if size > limit or error:
                    pieces.clear()
    except TimeoutError:
        _stop_reading(stream)
        raise RequestTimeout(f"The body did not come within {seconds:.0f} s.") from None
    if size > limit:
        raise TooLarge(f"The body has more than {limit} bytes.")
    if error:
        raise error
    return b"".join(pieces)


async def discard_body(request: Request) -> None:
    """Take the body of `request`, which is refused, and keep nothing: a client that still sends may see no answer."""
    stream: Any = request.stream
    size = 0
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while size <= DISCARD_BYTES and (piece := await stream.read()) is not None:
                size += len(piece)
    except TimeoutError:
        _stop_reading(stream)


def _stop_reading(stream: Any) -> None:
    # Sanic would answer, and then wait for the rest of the body.
    stream.keep_alive, stream.request_body = False, None


def _reserve_error(hold: Callable[[int], None], size: int) -> LimitExceeded | None:
    try:
        hold(size)
    except LimitExceeded as error:
        return error
    return None


async def send_json(request: Request, body: bytes, headers: dict[str, str]) -> None:
    """
    Answer `request` with the JSON `body`. Returns when all of it but a piece has been taken: what waits for a client
    is counted by who calls this, and not in a transport, where nobody sees it.
    """
    response = await start_response(request, headers | {"Content-Length": str(len(body))}, "application/json")
    if request.method == "HEAD":
        return
    for at in range(0, len(body), PIECE_BYTES):
        await response.send(body[at : at + PIECE_BYTES])
    await response.eof()


async def send_file(
    request: Request,
    pieces: AsyncGenerator[bytes, None],
    headers: dict[str, str],
    content_type: str,
    stall_seconds: int,
) -> None:
    """
    Answer `request` with `pieces`. One that can't be had, or a client that takes none for `stall_seconds`, ends the
    connection without the end of the body, so that the client sees a file that is not whole.

    Raises LogUnavailable while nothing has been sent.
    """
    if request.method == "HEAD":
        await start_response(request, headers, content_type)
        return
    first = await anext(pieces, b"")
    protocol: Any = request.protocol
    transport = cast(asyncio.Transport, request.transport)
    patience, protocol.response_timeout = protocol.response_timeout, math.inf
    # Linux counts a peer that acknowledges but takes no bytes as gone, too.
    set_peer_timeout(transport, stall_seconds * 1000)
    try:
        response = await start_response(request, headers, content_type)
        await _send(response, first, stall_seconds)
        async for piece in pieces:
            await _send(response, piece, stall_seconds)
        async with asyncio.timeout(stall_seconds):
            await response.eof()
    except (LogUnavailable, TimeoutError) as error:
        logger.warning(
            "download_aborted path=%(path)r reason=%(reason)r",
            {"path": request.path, "reason": str(error) or "the client took nothing"},
        )
        transport.abort()
    finally:
        # The connection may serve other requests.
        protocol.response_timeout = patience
        set_peer_timeout(transport, PEER_TIMEOUT_MS)


async def _send(response: Any, piece: bytes, stall_seconds: int) -> None:
    if piece:
        async with asyncio.timeout(stall_seconds):
            await response.send(piece)
