"""
`POST /publish`: publishes lines, and answers when they are recorded.

    request --> Grant, channel --> body --> decode_body() --> AcknowledgedPublisher --> {"published", "last_id"}
"""

from functools import partial

from sanic import HTTPResponse, Request, json

from sse_hub.errors import HubError
from sse_hub.http.authorization import authorize
from sse_hub.http.content_coding import check_coding, decode_body
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.parameters import channel_to_publish, client_address, text_in
from sse_hub.http.response import NO_STORE
from sse_hub.http.transfer import discard_body, read_body

publish_routes = api_blueprint("sse_hub_publish")


@publish_routes.post("/publish", stream=True)
async def publish(request: Request) -> HTTPResponse:
    """Publish lines, and answer when they are recorded."""
    context = context_of(request.app)
    try:
        grant = await authorize(request, context)
        channel = channel_to_publish(request, context, grant)
        bad_lines_as_text = text_in(request, "on_bad_line", ("error", "text")) == "text"
        coding = check_coding(", ".join(request.headers.getall("content-encoding", [])))
    except HubError:
        await discard_body(request)
        raise
    config, admission, key = context.config, context.admission, request.headers.get("idempotency-key")
    take_quota = partial(admission.take_publish_quota, client_address(request, context), grant.subject)
    with admission.body_memory() as reserve:
        body = await read_body(request, config.body_bytes, config.body_seconds, reserve)
        body = await decode_body(body, coding, config.body_bytes, reserve)
        published = await context.publisher.publish(channel, body, key, grant.subject, take_quota, bad_lines_as_text)
    return json({"published": published.size, "last_id": str(published.last_id)}, headers=NO_STORE)
