"""
Questions about what lines say: which of their patterns are new, and where a text occurs in the log.

    GET /patterns --> Survey          GET /search --> History, backwards --> found()
"""

from contextlib import aclosing

from sanic import HTTPResponse, Request, json

from sse_hub.caller import grant_of, selection_of
from sse_hub.context import context_of
from sse_hub.errors import InvalidRequest
from sse_hub.events import cursor_since, cursor_until
from sse_hub.refusal import refusing
from sse_hub.reply import reading
from sse_hub.routes import NO_STORE, cursor_of, whole_number
from sse_hub.search import found
from sse_hub.survey import iso

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
async def search(request: Request) -> HTTPResponse:
    """Recorded lines that hold a text, from the newest back."""
    history = context_of(request.app).history
    grant = await grant_of(request)
    selection = grant.narrowed(selection_of(request))
    text = str(request.get_args(keep_blank_values=True).get("text", ""))
    if not 1 <= len(text) <= MOST_TEXT:
        raise InvalidRequest(f"text= has {len(text)} characters; 1 to {MOST_TEXT} are allowed.")
    after, before = cursor_of(request, "after", cursor_since), cursor_of(request, "before", cursor_until)
    stretch = await history.stretch(selection, after, before)
    async with aclosing(history.back(stretch)) as runs:
        result = await found(runs, text)
    rows = [(str(line.id), line.channel, line.text.decode()) for line in result.lines]
    reached = None if result.reached is None else str(result.reached)
    body = {"lines": rows, "looked_at": result.looked_at, "reached": reached, "more": result.more}
    return json(body, headers=NO_STORE)
