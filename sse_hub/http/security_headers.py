"""
Headers that every answer has: what a browser may do with it, and which other site's pages may read it (CORS).

    answer --> SECURITY --> the page's files have a policy of their own, everything else is data and runs nothing
    Origin --> in --cors-origin? --> Access-Control-Allow-Origin with that one; else nothing
"""

from collections.abc import Collection
from email.utils import formatdate
from typing import Any

from sanic import HTTPResponse, Request, Sanic
from sanic.response import BaseHTTPResponse

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # No page of another site may have it as an image or a script; CORS, which asks for it by fetch, is not concerned.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}


def cors_headers(origin: str | None, allowed: Collection[str]) -> dict[str, str]:
    """
    What lets a page of `origin` read an answer, if it is one of `allowed`. Never `*`: cookies would not go with it.

    The answer varies with it, allowed or not, as soon as there is anybody to allow.
    """
    headers = {"Vary": "Origin"} if allowed else {}
    if origin is not None and origin in allowed:
        headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
        headers |= {"Access-Control-Expose-Headers": "Content-Disposition, Retry-After"}
    return headers


def add_headers(app: "Sanic[Any, Any]", allowed: Collection[str]) -> None:
    """Have every answer of `app` carry them, errors too, and answer the preflights of pages of `allowed` origins."""

    async def preflight(request: Request) -> HTTPResponse | None:
        asked = request.method == "OPTIONS" and "access-control-request-method" in request.headers
        if asked and request.headers.get("origin") in allowed:
            return HTTPResponse(status=204, headers=PREFLIGHT)
        return None

    def protect(request: Request, response: BaseHTTPResponse) -> None:
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        # By which the page knows how far the clock of its browser is off.
        response.headers.setdefault("Date", formatdate(usegmt=True))
        for name, value in cors_headers(request.headers.get("origin"), allowed).items():
            response.headers[name] = value

    app.register_middleware(preflight, "request")
    app.register_middleware(protect, "response")
