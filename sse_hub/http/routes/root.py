"""`GET /`: redirects to the page."""

from sanic import HTTPResponse, Request, redirect

from sse_hub.http.errors import api_blueprint
from sse_hub.http.response import get_route

root_routes = api_blueprint("sse_hub_root")


# A mounted hub must answer at `/logs` and at `/logs/`.
@get_route(root_routes, "/", strict_slashes=False)
async def root(request: Request) -> HTTPResponse:
    """Redirect to `/index` below the prefix that the hub is mounted at."""
    return redirect(request.path.rstrip("/") + "/index")
