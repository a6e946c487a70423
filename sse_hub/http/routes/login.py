"""
Signing in: a token is exchanged for a cookie or a ticket, since an EventSource can't send a header.

    POST /login {"token"} --> cookie          POST /ticket?channel= --> ticket for one request within 30 s
    POST /logout --> no cookie                GET /whoami --> subject and rights
"""

import time
from json import loads

from sanic import HTTPResponse, Request, json

from sse_hub.auth import TICKET_SECONDS, Grant, TokenAuth
from sse_hub.errors import InvalidRequest
from sse_hub.http.authorization import COOKIE, authorize, credentials_of
from sse_hub.http.context import Context, context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.parameters import requested_selection
from sse_hub.http.response import NO_STORE, get_route
from sse_hub.http.transfer import read_body

MAX_LOGIN_BYTES = 16 * 1024
# Browsers silently drop a cookie of more than 4,096 bytes, name and attributes included (RFC 6265 section 6.1).
MAX_COOKIE_CHARACTERS = 3_900

login_routes = api_blueprint("sse_hub_login")


@login_routes.post("/login", stream=True)
async def login(request: Request) -> HTTPResponse:
    """Exchange a token for a cookie."""
    body = await read_body(request, MAX_LOGIN_BYTES)
    tokens = _tokens_of(context_of(request.app))
    tokens.reject_foreign_origin(credentials_of(request))
    token = _token_in(body)
    grant = await tokens.verify(token)
    if len(token) > MAX_COOKIE_CHARACTERS:
        raise InvalidRequest(f"A cookie holds no token of more than {MAX_COOKIE_CHARACTERS} characters.")
    seconds = int((grant.expires_at or 0) - time.time())
    return json(grant_as_json(grant), headers=NO_STORE | {"Set-Cookie": _cookie(token, max(1, seconds))})


@login_routes.post("/logout")
async def logout(request: Request) -> HTTPResponse:
    """Delete the cookie. The token stays valid; `sse-hub token revoke` ends it."""
    _tokens_of(context_of(request.app)).reject_foreign_origin(credentials_of(request))
    return json({"subject": None}, headers=NO_STORE | {"Set-Cookie": _cookie("", 0)})


@login_routes.post("/ticket")
async def ticket(request: Request) -> HTTPResponse:
    """Issue a ticket for the requested channels."""
    context = context_of(request.app)
    tokens = _tokens_of(context)
    grant = await authorize(request, context)
    selection = grant.restrict(requested_selection(request, context))
    issued = await tokens.tickets.issue(tokens.find_token(credentials_of(request)), selection)
    return json({"ticket": issued, "expires_seconds": TICKET_SECONDS}, headers=NO_STORE)


@get_route(login_routes, "/whoami")
async def whoami(request: Request) -> HTTPResponse:
    """The subject of the sender, and its rights."""
    return json(grant_as_json(await authorize(request, context_of(request.app))), headers=NO_STORE)


def _tokens_of(context: Context) -> TokenAuth:
    authenticator = context.auth.authenticator
    if not isinstance(authenticator, TokenAuth):
        raise InvalidRequest("This hub accepts no tokens: it runs without --access token.")
    return authenticator


def _token_in(body: bytes) -> str:
    try:
        token = loads(body)["token"]
    except (ValueError, KeyError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str):
        raise InvalidRequest('The body must be {"token": "..."} as JSON.')
    return token


def _cookie(token: str, seconds: int) -> str:
    # __Host-: no other host, not even a subdomain, can set it. Lax: links from other sites send it, other requests of
    # theirs don't.
    return f"{COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"


def grant_as_json(grant: Grant) -> dict[str, object]:
    """`grant` as `/whoami` returns it; `expires` in seconds since the epoch."""
    return {
        "subject": grant.subject or None,
        "subscribe": grant.subscribe,
        "publish": grant.publish,
        "operate": grant.operate,
        "expires": grant.expires_at,
    }
