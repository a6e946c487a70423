"""
`GET /metrics`: the metrics of all workers of this hub, whichever of them answers.

    request --> text of this process, texts of the other workers --> merge_workers() --> one text
"""

import asyncio

from sanic import HTTPResponse, Request

from sse_hub.http.authorization import require_operator
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.metrics import HubCollector
from sse_hub.http.peers import ask_all
from sse_hub.http.prometheus import CONTENT_TYPE, merge_workers, render
from sse_hub.http.response import get_route

metrics_blueprint = api_blueprint("sse_hub_metrics")


@get_route(metrics_blueprint, "/metrics")
async def metrics(request: Request) -> HTTPResponse:
    """Metrics in Prometheus's text format, for operators."""
    context = context_of(request.app)
    await require_operator(request, context)
    texts = await ask_all(context.worker_id, render(HubCollector(context)))
    # Milliseconds for each worker, for which live lines must not wait.
    body = await asyncio.to_thread(merge_workers, texts)
    return HTTPResponse(body, headers={"Cache-Control": "no-store"}, content_type=CONTENT_TYPE)
