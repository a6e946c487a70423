"""
Questions about what lines say: which of their patterns are new, and where a text occurs in the log.

    GET /patterns --> Survey          GET /search --> History, backwards --> found()
"""

from contextlib import aclosing

from sanic import HTTPResponse, Request, json

from sse_hub.errors import InvalidRequest
from sse_hub.history.search import found
from sse_hub.http.authorization import address_of, grant_of, selection_of
from sse_hub.http.context import context_of
from sse_hub.http.errors import refusing
from sse_hub.http.response import reading
from sse_hub.http.routes.message import NO_STORE, cursor_of, whole_number
from sse_hub.http.transfer import deliver
from sse_hub.hub.sampler import iso
from sse_hub.protocol.ids import cursor_since, cursor_until

MOST_PATTERNS = 200
MOST_TEXT = 256

questions = refusing("sse_hub_questions")


@reading(questions, "/patterns")
async def patterns(request: Request) -> HTTPResponse:
    """The patterns of lines that are new within the last hour."""
    survey = context_of(request.app).survey
    grant = await grant_of(request)
    selection = grant.narrowed(selection_of(request))
    query = request.get_args(keep_blank_values=True)
    limit = whole_number("limit", str(query.get("limit", MOST_PATTERNS)), 1, MOST_PATTERNS)
    body = {"since": iso(survey.since), "patterns": survey.newest(selection, limit)}
    return json(body, headers=NO_STORE)


@reading(questions, "/search")
async def search(request: Request) -> None:
    """Recorded lines that hold a text, from the newest back."""
    context = context_of(request.app)
    grant = await grant_of(request)
    selection = grant.narrowed(selection_of(request))
    text = str(request.get_args(keep_blank_values=True).get("text", ""))
    if not 1 <= len(text) <= MOST_TEXT:
        raise InvalidRequest(f"text= has {len(text)} characters; 1 to {MOST_TEXT} are allowed.")
    after, before = cursor_of(request, "after", cursor_since), cursor_of(request, "before", cursor_until)
    with context.limits.answering(address_of(request), grant.subject) as hold:
        stretch = await context.history.stretch(selection, after, before)
        async with aclosing(context.history.back(stretch)) as runs:
            result = await found(runs, text, hold)
        rows = [(str(line.id), line.channel, line.text.decode()) for line in result.lines]
        reached = None if result.reached is None else str(result.reached)
        answer = {"lines": rows, "looked_at": result.looked_at, "reached": reached, "more": result.more}
        body = json(answer).body or b""
        hold(len(body))
        del answer, rows, result
        await deliver(request, body, NO_STORE)
