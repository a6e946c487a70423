"""
What there is to read: `GET /channels` lists the channels, `GET /patterns` the message templates that are new.

    ChannelList, LineSampler --> entries that the grant allows --> JSON
"""

import orjson
from sanic import HTTPResponse, Request, json

from sse_hub.http.authorization import authorize
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.parameters import client_address, integer_in, requested_selection
from sse_hub.http.response import NO_STORE, get_route
from sse_hub.http.transfer import send_json
from sse_hub.protocol.ids import iso_time

MAX_PATTERNS = 200

channel_routes = api_blueprint("sse_hub_channels")


@get_route(channel_routes, "/channels")
async def channels(request: Request) -> None:
    """The channels that the sender may read."""
    context = context_of(request.app)
    grant = await authorize(request, context)
    with context.admission.response_memory(client_address(request, context), grant.subject) as reserve:
        rows = await context.channel_list.rows(grant.readable)
        state = orjson.dumps({"ready": context.source.ready, "recording": context.log.recording})
        body = b'%b,"channels":[%b]}' % (state[:-1], b",".join(rows))
        reserve(len(body))
        # Sending may take long, and only the body is reserved for.
        del rows
        await send_json(request, body, NO_STORE)


@get_route(channel_routes, "/patterns")
async def patterns(request: Request) -> HTTPResponse:
    """The message templates that appeared within the last hour."""
    context = context_of(request.app)
    grant = await authorize(request, context)
    selection = grant.restrict(requested_selection(request, context))
    limit = integer_in(request, "limit", MAX_PATTERNS, 1, MAX_PATTERNS)
    body = {
        "since": iso_time(round(context.sampler.since * 1000)),
        "patterns": await context.sampler.newest_patterns(selection, limit),
    }
    return json(body, headers=NO_STORE)
