"""
`GET /metrics`: what all workers of this hub have to tell, whichever of them is asked.

    request --> readings of this process, dumps of the others --> text
"""

from sanic import HTTPResponse, Request

from sse_hub.http.authorization import require_operator
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.metrics import readings
from sse_hub.http.peers import ask_all
from sse_hub.http.prometheus import CONTENT_TYPE, dumped, exposition
from sse_hub.http.response import get_route

metrics_blueprint = api_blueprint("sse_hub_metrics")


@get_route(metrics_blueprint, "/metrics")
async def metrics(request: Request) -> HTTPResponse:
    """Metrics for Prometheus, and other operators."""
    context = context_of(request.app)
    await require_operator(request, context)
    by_worker = await ask_all(context.worker_id, dumped(readings(context)))
    return HTTPResponse(exposition(by_worker), headers={"Cache-Control": "no-store"}, content_type=CONTENT_TYPE)
