"""`GET /`: redirects to the page."""

from sanic import HTTPResponse, Request, redirect

from sse_hub.http.errors import api_blueprint
from sse_hub.http.response import get_route

root_routes = api_blueprint("sse_hub_root")


# A mounted hub must answer at `/logs` and at `/logs/`.
@get_route(root_routes, "/", strict_slashes=False)
async def root(request: Request) -> HTTPResponse:
    """Redirect to `index` below the prefix that the hub is mounted at, and below a path that a proxy takes away."""
    # Relative (RFC 9110, section 10.2.2), as the proxy's path is unknown here. "./", since a colon may be in the name.
    folder = request.path.rpartition("/")[2]
    return redirect(f"./{folder}/index" if folder else "index")
