"""
Headers of every response: what a browser may do with it, and which other sites may read it (CORS).

    response --> SECURITY: data that runs nothing; the page's files bring their own policy
    Origin   --> one of --cors-origin? --> Access-Control-Allow-Origin with that origin, else no such header
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
    # Keeps other sites from embedding a response as an image or a script. Requests by CORS are not affected.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID"
    ),
    "Access-Control-Max-Age": "600",
}


def cors_headers(origin: str | None, allowed: Collection[str]) -> dict[str, str]:
    """
    The headers that let a page of `origin` read a response, if it is one of `allowed`.

    See https://fetch.spec.whatwg.org/#http-cors-protocol.
    Never `*`: a browser sends no cookies for that. With any `allowed` the response varies with the origin, for caches.
    """
    headers = {"Vary": "Origin"} if allowed else {}
    if origin is not None and origin in allowed:
        headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
        headers |= {"Access-Control-Expose-Headers": "Content-Disposition, Retry-After"}
    return headers


def add_headers(app: "Sanic[Any, Any]", allowed: Collection[str]) -> None:
    """Add these headers to every response of `app`, errors included, and answer preflights of `allowed` origins."""

    async def preflight(request: Request) -> HTTPResponse | None:
        is_preflight = request.method == "OPTIONS" and "access-control-request-method" in request.headers
        if is_preflight and request.headers.get("origin") in allowed:
            return HTTPResponse(status=204, headers=PREFLIGHT)
        return None

    def add_to(request: Request, response: BaseHTTPResponse) -> None:
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        # The page compares it with the clock of its browser.
        response.headers.setdefault("Date", formatdate(usegmt=True))
        for name, value in cors_headers(request.headers.get("origin"), allowed).items():
            response.headers[name] = value

    app.register_middleware(preflight, "request")
    app.register_middleware(add_to, "response")
