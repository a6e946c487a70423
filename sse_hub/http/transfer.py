"""
Bodies over HTTP that are not event streams: request bodies, and responses that are sent at the client's pace.

    request --> read_body(): bytes, or TooLarge        pieces of a file --> send_file(): complete, or cut off
            --> discard_body()                         a page of the log --> send_json(): until the client has read it
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

from sanic import Request
from sanic.exceptions import RequestTimeout

from sse_hub.errors import LimitExceeded, LogUnavailable, TooLarge
from sse_hub.http.response import start_response
from sse_hub.http.sanic_internals import no_response_timeout, read_body_piece, stop_reading_body
from sse_hub.hub.subscriber import PEER_TIMEOUT_MS, set_peer_timeout

logger = logging.getLogger(__name__)

READ_SECONDS = 60.0
# A client reads no response before it has sent its body, so this much of one that is too large is read and dropped.
DISCARD_FACTOR = 4
# The same for a client that may not send at all.
DISCARD_BYTES = 1024 * 1024
DISCARD_SECONDS = 5.0
# How much of a body in memory is written at once.
PIECE_BYTES = 128 * 1024


async def read_body(
    request: Request,
    limit: int,
    seconds: float = READ_SECONDS,
    reserve: Callable[[int], None] = lambda more_bytes: None,
) -> bytes:
    """
    The body of `request`, of at most `limit` bytes. `reserve` is called with the size of each piece that is kept.

    Raises TooLarge, LimitExceeded from `reserve`, and RequestTimeout after `seconds`.
    """
    pieces: list[bytes] = []
    size = 0
    error: LimitExceeded | None = None
    try:
        async with asyncio.timeout(seconds):
            while size <= DISCARD_FACTOR * limit and (piece := await read_body_piece(request)) is not None:
                size += len(piece)
                if size <= limit and not error:
                    error = _reserve_error(reserve, len(piece))
                    pieces.append(piece)
                if size > limit or error:
                    pieces.clear()
    except TimeoutError:
        stop_reading_body(request)
        raise RequestTimeout(f"The body did not arrive within {seconds:.0f} s.") from None
    if size > limit:
        raise TooLarge(f"The body has more than {limit} bytes.")
    if error:
        raise error
    return b"".join(pieces)


async def discard_body(request: Request) -> None:
    """Read and drop the body of `request`, which is rejected: a client that is still sending may miss the response."""
    size = 0
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while size <= DISCARD_BYTES and (piece := await read_body_piece(request)) is not None:
                size += len(piece)
    except TimeoutError:
        stop_reading_body(request)


def _reserve_error(reserve: Callable[[int], None], size: int) -> LimitExceeded | None:
    try:
        reserve(size)
    except LimitExceeded as error:
        return error
    return None


async def send_json(request: Request, body: bytes, headers: dict[str, str]) -> None:
    """
    Answer `request` with the JSON `body`. Returns when all but a piece has left for the client.

    Until then the caller accounts for the body; in the buffer of a transport nobody would.
    """
    response = await start_response(request, headers | {"Content-Length": str(len(body))}, "application/json")
    if request.method == "HEAD":
        return
    for start in range(0, len(body), PIECE_BYTES):
        await response.send(body[start : start + PIECE_BYTES])
    await response.eof()


async def send_file(
    request: Request,
    pieces: AsyncGenerator[bytes, None],
    headers: dict[str, str],
    content_type: str,
    stall_seconds: int,
) -> None:
    """
    Answer `request` with `pieces`. If the log fails, or the client reads nothing for `stall_seconds`, the connection
    is cut without the end of the body, so that the client sees that the file is incomplete.

    Raises LogUnavailable if nothing has been sent yet.
    """
    if request.method == "HEAD":
        await start_response(request, headers, content_type)
        return
    first = await anext(pieces, b"")
    transport = cast(asyncio.Transport, request.transport)
    # On Linux TCP_USER_TIMEOUT also ends the connection of a peer that acknowledges, but reads nothing.
    set_peer_timeout(transport, stall_seconds * 1000)
    try:
        with no_response_timeout(request):
            response = await start_response(request, headers, content_type)
            await _send_piece(response, first, stall_seconds)
            async for piece in pieces:
                await _send_piece(response, piece, stall_seconds)
            async with asyncio.timeout(stall_seconds):
                await response.eof()
    except (LogUnavailable, TimeoutError) as error:
        logger.warning(
            "download_aborted path=%(path)r reason=%(reason)r",
            {"path": request.path, "reason": str(error) or "the client read nothing"},
        )
        transport.abort()
    finally:
        # The connection may serve other requests.
        set_peer_timeout(transport, PEER_TIMEOUT_MS)


async def _send_piece(response: Any, piece: bytes, stall_seconds: int) -> None:
    if piece:
        async with asyncio.timeout(stall_seconds):
            await response.send(piece)
