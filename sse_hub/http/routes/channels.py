"""
What there is to read: `GET /channels` lists the channels, `GET /patterns` the message templates that are new.

    ChannelRegistry, LineSampler --> entries that the grant allows --> JSON
"""

from sanic import HTTPResponse, Request, json

from sse_hub.http.authorization import authorize
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.parameters import integer_in, requested_selection
from sse_hub.http.response import NO_STORE, get_route
from sse_hub.protocol.ids import iso_time

MAX_PATTERNS = 200

channel_routes = api_blueprint("sse_hub_channels")


@get_route(channel_routes, "/channels")
async def channels(request: Request) -> HTTPResponse:
    """The channels that the sender may read."""
    context = context_of(request.app)
    grant = await authorize(request, context)
    entries = context.hub.ingest.registry.entries()
    body = {
        "ready": context.source.ready,
        "recording": context.log.recording,
        "channels": entries if grant.may_read_all else [each for each in entries if grant.may_read(str(each["name"]))],
    }
    return json(body, headers=NO_STORE)


@get_route(channel_routes, "/patterns")
async def patterns(request: Request) -> HTTPResponse:
    """The message templates that appeared within the last hour."""
    context = context_of(request.app)
    grant = await authorize(request, context)
    selection = grant.restrict(requested_selection(request, context))
    limit = integer_in(request, "limit", MAX_PATTERNS, 1, MAX_PATTERNS)
    body = {
        "since": iso_time(round(context.sampler.since * 1000)),
        "patterns": context.sampler.newest_patterns(selection, limit),
    }
    return json(body, headers=NO_STORE)
