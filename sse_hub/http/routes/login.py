"""
The door: routes by which people come in, and learn what they may see. `gate` decides, as everywhere.

    POST /login {"token"} --> cookie --> EventSource          POST /ticket?channel= --> ?ticket=, once, 30 s
    POST /logout --> no cookie                                GET /whoami --> what may be seen
"""

import time
from json import loads

from sanic import HTTPResponse, Request, json

from sse_hub.auth import TICKET_SECONDS, Grant, TokenAuth
from sse_hub.errors import InvalidRequest
from sse_hub.http.authorization import COOKIE, authorize, credentials_of, requested_selection
from sse_hub.http.context import context_of
from sse_hub.http.errors import api_blueprint
from sse_hub.http.response import get_route
from sse_hub.http.transfer import read_body

NO_STORE = {"Cache-Control": "no-store"}
MAX_LOGIN_BYTES = 16 * 1024
# Browsers drop a cookie of more than 4,096 bytes, with its name and attributes, without a word.
MAX_COOKIE_CHARACTERS = 3_900

login_routes = api_blueprint("sse_hub_door")


@login_routes.post("/login", stream=True)
async def login(request: Request) -> HTTPResponse:
    """A token for a cookie."""
    body = await read_body(request, MAX_LOGIN_BYTES)
    tokens = _tokens_of(request)
    tokens.reject_foreign_origin(credentials_of(request))
    token = _token_in(body)
    grant = await tokens.verify(token)
    if len(token) > MAX_COOKIE_CHARACTERS:
        raise InvalidRequest(f"A cookie holds no token of more than {MAX_COOKIE_CHARACTERS} characters.")
    seconds = int((grant.until or 0) - time.time())
    return json(grant_as_json(grant), headers=NO_STORE | {"Set-Cookie": _cookie(token, max(1, seconds))})


@login_routes.post("/logout")
async def logout(request: Request) -> HTTPResponse:
    """Forget the cookie. The token stays good: see `sse-hub token revoke`."""
    _tokens_of(request).reject_foreign_origin(credentials_of(request))
    return json({"subject": None}, headers=NO_STORE | {"Set-Cookie": _cookie("", 0)})


@login_routes.post("/ticket")
async def ticket(request: Request) -> HTTPResponse:
    """A ticket for the channels that are asked for."""
    tokens = _tokens_of(request)
    grant = await authorize(request)
    selection = grant.restrict(requested_selection(request))
    issued = await tokens.tickets.issue(tokens.find_token(credentials_of(request)), selection)
    return json({"ticket": issued, "expires_seconds": TICKET_SECONDS}, headers=NO_STORE)


@get_route(login_routes, "/whoami")
async def whoami(request: Request) -> HTTPResponse:
    """Who asks, and what they may."""
    return json(grant_as_json(await authorize(request)), headers=NO_STORE)


def _tokens_of(request: Request) -> TokenAuth:
    gate = context_of(request.app).auth.authenticator
    if not isinstance(gate, TokenAuth):
        raise InvalidRequest("This hub takes no tokens: it runs without --access token.")
    return gate


def _token_in(body: bytes) -> str:
    try:
        token = loads(body)["token"]
    except (ValueError, KeyError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str):
        raise InvalidRequest('The body must be {"token": "..."} as JSON.')
    return token


def _cookie(token: str, seconds: int) -> str:
    # __Host-: no other host, not even a subdomain, can set it. Lax: other sites' requests go without it, links with.
    return f"{COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"


def grant_as_json(grant: Grant) -> dict[str, object]:
    return {
        "subject": grant.subject or None,
        "subscribe": grant.subscribe,
        "publish": grant.publish,
        "operate": grant.operate,
        "expires": grant.until,
    }
