"""
`GET /search`: recorded lines that contain a text, or pass a filter.

    request --> Grant, Selection, cursors --> LogRange, read backwards --> search() --> JSON
"""

from contextlib import aclosing

import orjson
from sanic import Request

from sse_hub.errors import InvalidRequest
from sse_hub.history.search import search as search_log
from sse_hub.http.authorization import authorize
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.line_rows import json_rows
from sse_hub.http.parameters import client_address, cursor_of, filter_of, query_of, requested_selection
from sse_hub.http.response import NO_STORE, get_route
from sse_hub.http.transfer import send_json
from sse_hub.protocol.ids import cursor_since, cursor_until

MAX_TEXT_CHARACTERS = 256

search_routes = api_blueprint("sse_hub_search")


@get_route(search_routes, "/search")
async def search(request: Request) -> None:
    """Recorded lines that contain a text and pass a filter, the newest of them."""
    context = context_of(request.app)
    grant = await authorize(request, context)
    selection = grant.restrict(requested_selection(request, context))
    text, filter = str(query_of(request).get("text", "")), filter_of(request)
    if len(text) > MAX_TEXT_CHARACTERS or not (text or filter):
        raise InvalidRequest(
            f"text= has {len(text)} characters; it must have 1 to {MAX_TEXT_CHARACTERS}, or none if there is q=."
        )
    after, before = cursor_of(request, "after", cursor_since), cursor_of(request, "before", cursor_until)
    address = client_address(request, context)
    sender = context.admission.sender_of(address, grant.subject)
    with context.admission.response_memory(address, grant.subject) as reserve:
        log_range = await context.history.resolve_range(selection, after, before)
        async with (
            context.query_slots.slot(*sender),
            aclosing(context.history.iterate_back(log_range)) as runs,
        ):
            result = await search_log(log_range, runs, text, filter, reserve, context.history.fair_lock)
        reached = None if result.reached is None else str(result.reached)
        gaps = [gap._asdict() for gap in result.gaps]
        state = orjson.dumps({"gaps": gaps, "looked_at": result.scanned, "reached": reached, "more": result.more})
        body = b'{"lines":[%b],%b' % (await json_rows(result.lines, context.history.fair_lock), state[1:])
        reserve(len(body))
        # Sending may take long, and only the body is reserved for.
        del result
        await send_json(request, body, NO_STORE)
