"""
The HTTP routes. Requests are checked here, and our errors become answers here, nowhere else.

    request --> Selection, Origin, batch --> stream()          InvalidRequest --> 400 {"error", "detail"}
"""

import logging
from datetime import UTC, datetime
from http import HTTPStatus

from sanic import Blueprint, HTTPResponse, Request, json, redirect
from sanic.exceptions import SanicException

from sse_hub.context import context_of
from sse_hub.errors import InvalidId, InvalidNumber, InvalidRequest
from sse_hub.events import Cursor, cursor_since
from sse_hub.origin import After, Now, Origin, Tail, Unknown
from sse_hub.selection import Selection
from sse_hub.stream import stream

logger = logging.getLogger(__name__)

DEFAULT_CHANNEL = "log"
MAX_TAIL = 10_000
# A cursor over 32 channels with counts of ten digits has about 370 characters.
MAX_ID_CHARACTERS = 512

api = Blueprint("api")


@api.get("/")
async def root(request: Request) -> HTTPResponse:
    """The page is at /index."""
    return redirect("/index")


@api.get("/message")
async def message(request: Request) -> None:
    """The stream: see docs/protocol.md."""
    query = request.get_args(keep_blank_values=True)
    selection = Selection.parse(query.getlist("channel") or [DEFAULT_CHANNEL])
    batch = whole_number("batch", str(query.get("batch", "0")), 0, 1) == 1
    await stream(request, context_of(request.app).hub, selection, origin_of(request), batch)


@api.get("/channels")
async def channels(request: Request) -> HTTPResponse:
    """The channel directory."""
    context = context_of(request.app)
    body = {
        "ready": context.source.ready,
        "recording": context.log.recording,
        "channels": context.hub.directory.entries(),
    }
    return json(body, headers={"Cache-Control": "no-store"})


@api.get("/health/live")
async def live(request: Request) -> HTTPResponse:
    """200 as long as the process can answer at all."""
    return json({"live": True})


@api.get("/health/ready")
async def ready(request: Request) -> HTTPResponse:
    """200 when a fence came back on this worker's session within 3 s, else 503."""
    context = context_of(request.app)
    source = context.source
    is_ready = source.ready and not context.hub.draining
    state = {
        "ready": is_ready,
        "redis": "connected" if source.ready else "away",
        "draining": context.hub.draining,
        "fence_age_seconds": round(source.fence_age_seconds, 3) if context.hub.last_fence else None,
        "subscribers": context.hub.subscribers,
        "recording": context.log.recording,
        "recorder": context.recorder.recording,
        "recording_error": context.recorder.error or None,
        "counters": dict(context.hub.counters),
    }
    return json(state, status=200 if is_ready else 503)


def origin_of(request: Request) -> Origin:
    """Where the client wants to begin: `Last-Event-ID` wins over `since`, which wins over `tail`."""
    last_event_id = request.headers.get("last-event-id", "")
    if last_event_id:
        try:
            # Cut, a count would be another number.
            return After(Cursor.parse(last_event_id)) if len(last_event_id) <= MAX_ID_CHARACTERS else Unknown()
        except InvalidId:
            return Unknown()
    query = request.get_args(keep_blank_values=True)
    tail = whole_number("tail", str(query.get("tail", "0")), 0, MAX_TAIL)
    if "since" in query:
        return After(cursor_since(str(query.get("since"))[:MAX_ID_CHARACTERS], datetime.now(UTC)))
    return Tail(tail) if tail else Now()


def whole_number(name: str, text: str, low: int, high: int) -> int:
    """`text` as a number. Raises InvalidNumber, saying what is allowed."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and low <= int(text) <= high):
        raise InvalidNumber(f"{name}={text[:32]!r} is not a whole number from {low} to {high}.")
    return int(text)


async def refuse(request: Request, exception: Exception) -> HTTPResponse:
    """Our errors and Sanic's as JSON `{"error", "detail"}`."""
    headers: dict[str, str] = {}
    if isinstance(exception, InvalidRequest):
        status, detail = 400, str(exception)
    elif isinstance(exception, SanicException):
        status, detail, headers = exception.status_code, str(exception), dict(exception.headers)
    else:
        logger.error("request_failed path=%r", request.path, exc_info=exception)
        status, detail = 500, "The hub failed to answer; its log says why."
    return json({"error": HTTPStatus(status).phrase, "detail": detail}, status=status, headers=headers)
