"""
`GET /docs`: the routes, described by an OpenAPI document that is kept by hand and held to the routes by a test.

    openapi.json, the version --> document() --> GET /docs/openapi.json, and as a plain page GET /docs
"""

import json
from html import escape
from importlib.resources import files
from typing import Any

from sanic import Blueprint, HTTPResponse, Request

from sse_hub import __version__
from sse_hub.http.authorization import require_operator
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
    read: dict[str, Any] = json.loads((files("sse_hub.http") / "openapi.json").read_text(encoding="utf-8"))
    read["info"]["version"] = __version__
    return read


def page(described: dict[str, Any]) -> str:
    """`described` for people, in HTML without scripts."""
    operations = [
        _operation(path, method, operation, described)
        for path, item in described["paths"].items()
        for method, operation in item.items()
    ]
    info = described["info"]
    return PAGE.format(
        version=escape(info["version"]), summary=escape(info["summary"]), operations="\n".join(operations)
    )


def reference_blueprint() -> Blueprint:
    """The two routes; both answers are made once."""
    described = document()
    as_json, as_html = json.dumps(described, ensure_ascii=False).encode(), page(described).encode()
    reference = api_blueprint("sse_hub_reference")

    @get_route(reference, "/docs")
    async def docs(request: Request) -> HTTPResponse:
        """The routes, for people."""
        await require_operator(request)
        return HTTPResponse(as_html, headers=HEADERS, content_type="text/html; charset=utf-8")

    @get_route(reference, "/docs/openapi.json")
    async def openapi(request: Request) -> HTTPResponse:
        """The routes, for programs."""
        await require_operator(request)
        return HTTPResponse(as_json, headers=HEADERS, content_type="application/json")

    return reference


def _operation(path: str, method: str, operation: dict[str, Any], described: dict[str, Any]) -> str:
    parameters = [_resolved(each, described) for each in operation.get("parameters", ())]
    answers = {status: _resolved(each, described) for status, each in operation["responses"].items()}
    rows = [(each["name"], each["in"], each["description"] + _default(each["schema"])) for each in parameters]
    rows += [(status, "answer", _answer(each)) for status, each in answers.items()]
    table = "\n".join(f"<tr><th>{escape(a)}<td>{escape(b)}<td>{escape(c)}" for a, b, c in rows)
    words = " ".join(filter(None, (operation["summary"], operation.get("description"))))
    head = f"<h2><b>{method.upper()}</b> {escape(path)}</h2>\n<p>{escape(words)}</p>"
    return f"<section>\n{head}\n<table>\n{table}\n</table>\n</section>"


def _resolved(part: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found = described
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _default(schema: dict[str, Any]) -> str:
    return f" Default: {json.dumps(schema['default'])}." if "default" in schema else ""


def _answer(response: dict[str, Any]) -> str:
    kinds = ", ".join(response.get("content", ()))
    return f"{response['description']} {kinds}".strip()
