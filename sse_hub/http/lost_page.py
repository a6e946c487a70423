"""
The answer to a browser that asks for an unknown address: words for a person, and the way to the page.

    GET /logs, Accept: text/html    404, HTML with a link to the page
    GET /logs, Accept: */*          404, JSON (see errors.py)
"""

from html import escape

from sanic import HTTPResponse, Request
from sanic.exceptions import NotFound

LONGEST_SHOWN = 200
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Vary": "Accept",
}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sse-hub: no such page</title>
<link rel="stylesheet" href="{home}web/css/docs.css">
<h1>There is no page here</h1>
<p>The hub has nothing at <code>{path}</code>.</p>
<p><a href="{home}index">Go to the logs</a></p>
</html>
"""


def is_lost_reader(request: Request, exception: Exception) -> bool:
    """True when a browser shows the response to a person, and no route has this address."""
    return (
        isinstance(exception, NotFound)
        and request.method == "GET"
        and "text/html" in request.headers.get("accept", "").lower()
    )


def lost_page(request: Request) -> HTTPResponse:
    """The page for an unknown address. Its links are relative: a proxy may serve the hub below a path of its own."""
    home = "../" * request.path.removeprefix("/").count("/") or "./"
    path = request.path if len(request.path) <= LONGEST_SHOWN else request.path[:LONGEST_SHOWN] + "…"
    # The path is what Sanic has decoded, and may have any bytes.
    text = escape(path.encode(errors="backslashreplace").decode())
    return HTTPResponse(
        PAGE.format(home=home, path=text), status=404, headers=HEADERS, content_type="text/html; charset=utf-8"
    )
