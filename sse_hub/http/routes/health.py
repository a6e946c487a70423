"""
`GET /health/live` and `GET /health/ready`: what a supervisor and a load balancer ask.

    Hub, RedisSource, LogReader, Recorder --> 200 or 503, with the reasons for operators
"""

from sanic import HTTPResponse, Request, json

from sse_hub.http.authorization import is_operator
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.response import NO_STORE, get_route

health_routes = api_blueprint("sse_hub_health")


@get_route(health_routes, "/health/live")
async def live(request: Request) -> HTTPResponse:
    """200 as long as the process answers."""
    return json({"live": True})


@get_route(health_routes, "/health/ready")
async def ready(request: Request) -> HTTPResponse:
    """
    200 if a fence came back on this worker's session within the last 3 s, else 503, always where Redis does not keep
    the order of lines. Operators get the reasons.
    """
    context = context_of(request.app)
    source = context.source
    is_ready = source.ready and not context.hub.draining
    status = 200 if is_ready else 503
    if not await is_operator(request, context):
        return json({"ready": is_ready}, status=status, headers=NO_STORE)
    state = {
        "ready": is_ready,
        "error": source.refusal or None,
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
