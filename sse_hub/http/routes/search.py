"""
Questions about what lines say: which of their patterns are new, and where a text occurs in the log.

    GET /patterns --> Survey          GET /search --> History, backwards --> found()
"""

from contextlib import aclosing

from sanic import HTTPResponse, Request, json

from sse_hub.errors import InvalidRequest
from sse_hub.history.search import search as search_log
from sse_hub.http.authorization import authorize, client_address, requested_selection
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.response import get_route
from sse_hub.http.routes.message import NO_STORE, cursor_of, integer_in
from sse_hub.http.transfer import send_json
from sse_hub.protocol.ids import cursor_since, cursor_until, iso_time

MAX_PATTERNS = 200
MAX_TEXT_CHARACTERS = 256

search_routes = api_blueprint("sse_hub_questions")


@get_route(search_routes, "/patterns")
async def patterns(request: Request) -> HTTPResponse:
    """The patterns of lines that are new within the last hour."""
    survey = context_of(request.app).sampler
    grant = await authorize(request)
    selection = grant.restrict(requested_selection(request))
    query = request.get_args(keep_blank_values=True)
    limit = integer_in("limit", str(query.get("limit", MAX_PATTERNS)), 1, MAX_PATTERNS)
    body = {"since": iso_time(round(survey.since * 1000)), "patterns": survey.newest_patterns(selection, limit)}
    return json(body, headers=NO_STORE)


@get_route(search_routes, "/search")
async def search(request: Request) -> None:
    """Recorded lines that hold a text, from the newest back."""
    context = context_of(request.app)
    grant = await authorize(request)
    selection = grant.restrict(requested_selection(request))
    text = str(request.get_args(keep_blank_values=True).get("text", ""))
    if not 1 <= len(text) <= MAX_TEXT_CHARACTERS:
        raise InvalidRequest(f"text= has {len(text)} characters; 1 to {MAX_TEXT_CHARACTERS} are allowed.")
    after, before = cursor_of(request, "after", cursor_since), cursor_of(request, "before", cursor_until)
    with context.admission.response_memory(client_address(request), grant.subject) as hold:
        stretch = await context.history.resolve_range(selection, after, before)
        async with aclosing(context.history.iterate_back(stretch)) as runs:
            result = await search_log(runs, text, hold)
        rows = [(str(line.id), line.channel, line.text.decode()) for line in result.lines]
        reached = None if result.reached is None else str(result.reached)
        answer = {"lines": rows, "looked_at": result.scanned, "reached": reached, "more": result.more}
        body = json(answer).body or b""
        hold(len(body))
        del answer, rows, result
        await send_json(request, body, NO_STORE)
