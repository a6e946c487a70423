"""
`GET /docs` and `GET /docs/openapi.json`: the routes, as a page and as an OpenAPI 3.1 document.

    openapi.json, version --> document() --> render_page() --> GET /docs
                                       └──► GET /docs/openapi.json

The document is written by hand; `tests/unit/test_reference.py` compares it with the routes.
"""

import json
from html import escape
from importlib.resources import files
from typing import Any

from sanic import Blueprint, HTTPResponse, Request

from sse_hub import __version__
from sse_hub.http.authorization import require_operator
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.response import get_route

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sse-hub: routes</title>
<link rel="stylesheet" href="web/css/docs.css">
<h1>sse-hub {version}</h1>
<p>{summary} For programs: <a href="docs/openapi.json">openapi.json</a>.</p>
{operations}
</html>
"""


def document() -> dict[str, Any]:
    """The OpenAPI document of this version."""
    described: dict[str, Any] = json.loads((files("sse_hub.http") / "openapi.json").read_text(encoding="utf-8"))
    described["info"]["version"] = __version__
    return described


def render_page(described: dict[str, Any]) -> str:
    """The OpenAPI document `described` as HTML without scripts."""
    operations = [
        _operation(path, method, operation, described)
        for path, item in described["paths"].items()
        for method, operation in item.items()
    ]
    info = described["info"]
    return PAGE.format(
        version=escape(info["version"]), summary=escape(info["summary"]), operations="\n".join(operations)
    )


def openapi_blueprint() -> Blueprint:
    """The two routes. Both responses are rendered here, once."""
    described = document()
    as_json, as_html = json.dumps(described, ensure_ascii=False).encode(), render_page(described).encode()
    routes = api_blueprint("sse_hub_openapi")

    @get_route(routes, "/docs")
    async def docs(request: Request) -> HTTPResponse:
        """The routes as a page."""
        await require_operator(request, context_of(request.app))
        return HTTPResponse(as_html, headers=HEADERS, content_type="text/html; charset=utf-8")

    @get_route(routes, "/docs/openapi.json")
    async def openapi(request: Request) -> HTTPResponse:
        """The routes as an OpenAPI document."""
        await require_operator(request, context_of(request.app))
        return HTTPResponse(as_json, headers=HEADERS, content_type="application/json")

    return routes


def _operation(path: str, method: str, operation: dict[str, Any], described: dict[str, Any]) -> str:
    parameters = [_resolve(each, described) for each in operation.get("parameters", ())]
    responses = {status: _resolve(each, described) for status, each in operation["responses"].items()}
    rows = [(each["name"], each["in"], each["description"] + _default_text(each["schema"])) for each in parameters]
    rows += [(status, "response", _response_text(each)) for status, each in responses.items()]
    table = "\n".join(f"<tr><th>{escape(a)}<td>{escape(b)}<td>{escape(c)}" for a, b, c in rows)
    text = " ".join(filter(None, (operation["summary"], operation.get("description"))))
    head = f"<h2><b>{method.upper()}</b> {escape(path)}</h2>\n<p>{escape(text)}</p>"
    return f"<section>\n{head}\n<table>\n{table}\n</table>\n</section>"


def _resolve(part: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found = described
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _default_text(schema: dict[str, Any]) -> str:
    return f" Default: {json.dumps(schema['default'])}." if "default" in schema else ""


def _response_text(response: dict[str, Any]) -> str:
    content_types = ", ".join(response.get("content", ()))
    return f"{response['description']} {content_types}".strip()
