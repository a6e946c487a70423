"""
`GET /metrics`: what all workers of this hub have to tell, whichever of them is asked.

    request --> readings of this process, dumps of the others --> text
"""

from sanic import HTTPResponse, Request

from sse_hub.http.authorization import operator_of
from sse_hub.http.context import context_of
from sse_hub.http.errors import refusing
from sse_hub.http.metrics import readings
from sse_hub.http.peers import gathered
from sse_hub.http.prometheus import CONTENT_TYPE, dumped, exposition
from sse_hub.http.response import reading

metrics_blueprint = refusing("sse_hub_metrics")


@reading(metrics_blueprint, "/metrics")
async def metrics(request: Request) -> HTTPResponse:
    """Metrics for Prometheus, and other operators."""
    await operator_of(request)
    context = context_of(request.app)
    by_worker = await gathered(context.place, dumped(readings(context)))
    return HTTPResponse(exposition(by_worker), headers={"Cache-Control": "no-store"}, content_type=CONTENT_TYPE)
