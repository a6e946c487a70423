"""
Recorded lines: `GET /history` returns a page of them, `GET /export` all of them as a file.

    request --> Grant, Selection, cursors --> LogRange --> HistoryPage --> JSON
                                                      └──► render() --> a file, piece by piece
"""

from contextlib import aclosing

import orjson
from sanic import Request

from sse_hub.filters.compile import Filter
from sse_hub.history.export import FORMATS, Format, file_name, format_of, render
from sse_hub.history.log_range import LogRange
from sse_hub.history.query import MAX_LINES, HistoryPage
from sse_hub.http.authorization import authorize
from sse_hub.http.context import Context, context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.line_rows import json_rows
from sse_hub.http.parameters import client_address, cursor_of, filter_of, integer_in, requested_selection, text_in
from sse_hub.http.response import NO_STORE, get_route
from sse_hub.http.transfer import send_file, send_json
from sse_hub.hub.fair_lock import SLICE_LINES, FairLock
from sse_hub.protocol.ids import cursor_since, cursor_until

DEFAULT_LIMIT = 500
# About what an export holds in memory while it is sent.
EXPORT_BYTES = 1024 * 1024
DOWNLOAD = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}

history_routes = api_blueprint("sse_hub_history")


@get_route(history_routes, "/history")
async def history(request: Request) -> None:
    """A page of recorded lines."""
    context = context_of(request.app)
    grant = await authorize(request, context)
    selection = grant.restrict(requested_selection(request, context))
    limit = integer_in(request, "limit", DEFAULT_LIMIT, 1, MAX_LINES)
    after, before = cursor_of(request, "after", cursor_since), cursor_of(request, "before", cursor_until)
    filter = filter_of(request)
    address = client_address(request, context)
    sender = context.admission.sender_of(address, grant.subject)
    with context.admission.response_memory(address, grant.subject) as reserve:
        log_range = await context.history.resolve_range(selection, after, before)
        read_page = context.history.first_page if after else context.history.last_page
        async with context.query_slots.slot(*sender):
            page = await read_page(log_range, limit, reserve, filter)
        body = await _render_history_page(page, context.history.fair_lock)
        reserve(len(body))
        # Sending may take long, and only the body is reserved for.
        del page
        await send_json(request, body, NO_STORE)


async def _render_history_page(page: HistoryPage, fair_lock: FairLock) -> bytes:
    rows = await json_rows(page.lines, fair_lock)
    gaps: list[bytes] = []
    for begin in range(0, len(page.gaps), SLICE_LINES):
        async with fair_lock:
            gaps.append(orjson.dumps([gap._asdict() for gap in page.gaps[begin : begin + SLICE_LINES]])[1:-1])
    state = orjson.dumps({"more": page.more, "reached": None if page.reached is None else str(page.reached)})
    return b'{"lines":[%b],"gaps":[%b],%b' % (rows, b",".join(gaps), state[1:])


@get_route(history_routes, "/export")
async def export(request: Request) -> None:
    """Recorded lines as a file."""
    context = context_of(request.app)
    grant = await authorize(request, context)
    selection = grant.restrict(requested_selection(request, context))
    name = text_in(request, "format", FORMATS)
    since, until = cursor_of(request, "since", cursor_since), cursor_of(request, "until", cursor_until)
    filter = filter_of(request)
    log_range = await context.history.resolve_range(selection, since, until)
    format = format_of(name, selection.single)
    file = file_name(selection, min(log_range.before.fence, log_range.awaited_fence), format.suffix)
    headers = DOWNLOAD | {"Content-Disposition": f'attachment; filename="{file}"'}
    address = client_address(request, context)
    sender = context.admission.sender_of(address, grant.subject)
    with context.admission.response_memory(address, grant.subject) as reserve:
        reserve(EXPORT_BYTES)
        async with context.query_slots.export_slot(*sender):
            await _send_file(request, context, log_range, filter, format, headers)


async def _send_file(
    request: Request,
    context: Context,
    log_range: LogRange,
    filter: Filter | None,
    format: Format,
    headers: dict[str, str],
) -> None:
    async with (
        aclosing(context.history.iterate(log_range, filter)) as runs,
        aclosing(render(format, runs, context.history.fair_lock)) as pieces,
    ):
        await send_file(request, pieces, headers, format.content_type, context.config.stall_seconds)
