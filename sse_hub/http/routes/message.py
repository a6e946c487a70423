"""
The HTTP routes of lines. Requests are checked here; what is wrong with them becomes an answer in `refusal`.

    request --> Grant --> Selection, Origin, batch --> stream()
                      --> Stretch --> page, or download
"""

from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial

from sanic import HTTPResponse, Request, json, redirect

from sse_hub.auth import Grant
from sse_hub.errors import HubError, InvalidId, InvalidNumber, InvalidRequest, LimitExceeded, SourceUnavailable
from sse_hub.history.export import FORMATS, Format, file_name, format_of, render
from sse_hub.history.fair_lock import SLICE_LINES, FairLock
from sse_hub.history.log_range import LogRange
from sse_hub.history.query import MAX_LINES, HistoryPage
from sse_hub.http.admission import StreamSlot
from sse_hub.http.authorization import authorize, channel_to_publish, client_address, is_operator, requested_selection
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.event_stream import reject_with_retry, stream_events
from sse_hub.http.response import get_route
from sse_hub.http.transfer import discard_body, read_body, send_file, send_json
from sse_hub.hub.start_position import After, Now, StartAt, Tail, UnknownId
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.ids import Cursor, cursor_since, cursor_until
from sse_hub.protocol.selection import Selection

MAX_TAIL = 10_000
MAX_RATE = 1_000_000
# A cursor over 32 channels with counts of ten digits has about 370 characters.
MAX_ID_CHARACTERS = 512
DEFAULT_LIMIT = 500
# What one that is being sent has in memory, about.
EXPORT_BYTES = 1024 * 1024
NO_STORE = {"Cache-Control": "no-store"}
DOWNLOAD = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}

api = api_blueprint("sse_hub_api")


# Where a hub is mounted both `/logs` and `/logs/` lead there.
@get_route(api, "/", strict_slashes=False)
async def root(request: Request) -> HTTPResponse:
    """The page is at /index, below wherever the hub is mounted."""
    return redirect(request.path.rstrip("/") + "/index")


@get_route(api, "/message")
async def message(request: Request) -> None:
    """The stream: see docs/protocol.md."""
    limits, address = context_of(request.app).admission, client_address(request)
    try:
        # Before anything is asked of Redis, which knows the tickets.
        if error := limits.check(address):
            raise error
        grant = await authorize(request)
        selection = grant.restrict(requested_selection(request))
        with limits.take_slot(address, grant.subject) as slot:
            await _stream(request, grant, selection, slot)
    except LimitExceeded as error:
        limits.record_refusal(error.reason, str(error))
        await reject_with_retry(request, start_of(request), error)
    except SourceUnavailable:
        await reject_with_retry(request, start_of(request))


async def _stream(request: Request, grant: Grant, selection: Selection, slot: StreamSlot) -> None:
    context = context_of(request.app)
    query = request.get_args(keep_blank_values=True)
    batch = integer_in("batch", str(query.get("batch", "0")), 0, 1) == 1
    guard = integer_in("guard", str(query.get("guard", "0")), 0, MAX_RATE)

    def hold(subscriber: Subscriber) -> None:
        context.auth.stream_expiry.watch(grant, subscriber)
        slot.keep()
        subscriber.on_close(lambda _: slot.release())

    await stream_events(request, context.hub, selection, start_of(request), batch, guard, hold)


@get_route(api, "/channels")
async def channels(request: Request) -> HTTPResponse:
    """The channel directory: of the channels that may be seen."""
    context = context_of(request.app)
    grant = await authorize(request)
    entries = context.hub.ingest.registry.entries()
    body = {
        "ready": context.source.ready,
        "recording": context.log.recording,
        "channels": entries if grant.may_read_all else [each for each in entries if grant.may_read(str(each["name"]))],
    }
    return json(body, headers=NO_STORE)


@get_route(api, "/history")
async def history(request: Request) -> None:
    """A page of recorded lines."""
    context = context_of(request.app)
    grant = await authorize(request)
    selection = grant.restrict(requested_selection(request))
    query = request.get_args(keep_blank_values=True)
    limit = integer_in("limit", str(query.get("limit", DEFAULT_LIMIT)), 1, MAX_LINES)
    after, before = cursor_of(request, "after", cursor_since), cursor_of(request, "before", cursor_until)
    with context.admission.response_memory(client_address(request), grant.subject) as hold:
        stretch = await context.history.resolve_range(selection, after, before)
        page = await (context.history.first_page if after else context.history.last_page)(stretch, limit, hold)
        body = await _render_page(page, context.history.turns)
        hold(len(body))
        del page
        await send_json(request, body, NO_STORE)


async def _render_page(page: HistoryPage, turns: FairLock) -> bytes:
    rows: list[tuple[str, str, str]] = []
    for begin in range(0, len(page.lines), SLICE_LINES):
        async with turns:
            rows += [
                (str(line.id), line.channel, line.text.decode()) for line in page.lines[begin : begin + SLICE_LINES]
            ]
    return json({"lines": rows, "more": page.more, "gaps": [gap._asdict() for gap in page.gaps]}).body or b""


@get_route(api, "/export")
async def export(request: Request) -> None:
    """Recorded lines as a file."""
    context = context_of(request.app)
    grant = await authorize(request)
    selection = grant.restrict(requested_selection(request))
    name = str(request.get_args(keep_blank_values=True).get("format", FORMATS[0]))
    if name not in FORMATS:
        raise InvalidRequest(f"format={name[:32]!r} is none of {', '.join(FORMATS)}.")
    since, until = cursor_of(request, "since", cursor_since), cursor_of(request, "until", cursor_until)
    stretch = await context.history.resolve_range(selection, since, until)
    format = format_of(name, selection.single)
    file = file_name(selection, min(stretch.before.fence, stretch.asked), format.suffix)
    headers = DOWNLOAD | {"Content-Disposition": f'attachment; filename="{file}"'}
    with context.admission.response_memory(client_address(request), grant.subject) as hold:
        hold(EXPORT_BYTES)
        await _send_file(request, stretch, format, headers)


async def _send_file(request: Request, stretch: LogRange, format: Format, headers: dict[str, str]) -> None:
    context = context_of(request.app)
    async with (
        aclosing(context.history.iterate(stretch)) as runs,
        aclosing(render(format, runs, context.history.turns)) as pieces,
    ):
        await send_file(request, pieces, headers, format.content_type, context.config.stall_seconds)


@api.post("/publish", stream=True)
async def publish(request: Request) -> HTTPResponse:
    """Publish lines, and answer when they are recorded."""
    context = context_of(request.app)
    try:
        grant = await authorize(request)
        channel = channel_to_publish(request, grant, context.hub.ingest.registry.covers)
    except HubError:
        await discard_body(request)
        raise
    config, limits, key = context.config, context.admission, request.headers.get("idempotency-key")
    spend = partial(limits.take_publish_quota, client_address(request), grant.subject)
    with limits.body_memory() as hold:
        body = await read_body(request, config.body_bytes, config.body_seconds, hold)
        published = await context.publisher.publish(channel, body, key, grant.subject, spend)
    return json({"published": published.size, "last_id": str(published.last_id)}, headers=NO_STORE)


@get_route(api, "/health/live")
async def live(request: Request) -> HTTPResponse:
    """200 as long as the process can answer at all."""
    return json({"live": True})


@get_route(api, "/health/ready")
async def ready(request: Request) -> HTTPResponse:
    """200 when a fence came back on this worker's session within 3 s, else 503. Why is for operators."""
    context = context_of(request.app)
    source = context.source
    is_ready = source.ready and not context.hub.draining
    status = 200 if is_ready else 503
    if not await is_operator(request):
        return json({"ready": is_ready}, status=status, headers=NO_STORE)
    state = {
        "ready": is_ready,
        "redis": "connected" if source.ready else "away",
        "draining": context.hub.draining,
        "fence_age_seconds": round(source.fence_age_seconds, 3) if context.hub.ingest.last_fence else None,
        "subscribers": context.hub.subscribers,
        "recording": context.log.recording,
        "recorder": context.recorder.recording,
        "recording_error": context.recorder.error or None,
        "counters": {
            "recorded_lines": context.hub.counters.recorded_lines,
            "recording_failures": context.hub.counters.recording_failures,
        },
    }
    return json(state, status=status, headers=NO_STORE)


def cursor_of(request: Request, name: str, parse: Callable[[str, datetime, str], Cursor]) -> Cursor | None:
    """The place in the log that the query's `name` means, None where it is left out. Raises InvalidId."""
    query = request.get_args(keep_blank_values=True)
    return parse(str(query.get(name))[:MAX_ID_CHARACTERS], datetime.now(UTC), name) if name in query else None


def start_of(request: Request) -> StartAt:
    """Where the client wants to begin: `Last-Event-ID` wins over `since`, which wins over `tail`."""
    last_event_id = request.headers.get("last-event-id", "").strip(" \t")
    if last_event_id:
        try:
            # Cut, a count would be another number.
            return After(Cursor.parse(last_event_id)) if len(last_event_id) <= MAX_ID_CHARACTERS else UnknownId()
        except InvalidId:
            return UnknownId()
    query = request.get_args(keep_blank_values=True)
    tail = integer_in("tail", str(query.get("tail", "0")), 0, MAX_TAIL)
    if "since" in query:
        return After(cursor_since(str(query.get("since"))[:MAX_ID_CHARACTERS], datetime.now(UTC)))
    return Tail(tail) if tail else Now()


def integer_in(name: str, text: str, low: int, high: int) -> int:
    """`text` as a number. Raises InvalidNumber, saying what is allowed."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and low <= int(text) <= high):
        raise InvalidNumber(f"{name}={text[:32]!r} is not a whole number from {low} to {high}.")
    return int(text)
