"""
The door: routes by which people come in, and learn what they may see. `gate` decides, as everywhere.

    POST /login {"token"} --> cookie --> EventSource          POST /ticket?channel= --> ?ticket=, once, 30 s
    POST /logout --> no cookie                                GET /whoami --> what may be seen
"""

import time
from json import loads

from sanic import HTTPResponse, Request, json

from sse_hub.auth import TICKET_SECONDS, Grant, Tokens
from sse_hub.errors import InvalidRequest
from sse_hub.http.authorization import COOKIE, grant_of, knock_of, selection_of
from sse_hub.http.context import context_of
from sse_hub.http.errors import refusing
from sse_hub.http.response import reading
from sse_hub.http.transfer import received

NO_STORE = {"Cache-Control": "no-store"}
MAX_LOGIN_BYTES = 16 * 1024
# Browsers drop a cookie of more than 4,096 bytes, with its name and attributes, without a word.
MAX_COOKIE_CHARACTERS = 3_900

door = refusing("sse_hub_door")


@door.post("/login", stream=True)
async def login(request: Request) -> HTTPResponse:
    """A token for a cookie."""
    body = await received(request, MAX_LOGIN_BYTES)
    tokens = _tokens_of(request)
    tokens.refuse_foreign(knock_of(request))
    token = _token_in(body)
    grant = await tokens.verified(token)
    if len(token) > MAX_COOKIE_CHARACTERS:
        raise InvalidRequest(f"A cookie holds no token of more than {MAX_COOKIE_CHARACTERS} characters.")
    seconds = int((grant.until or 0) - time.time())
    return json(_told(grant), headers=NO_STORE | {"Set-Cookie": _cookie(token, max(1, seconds))})


@door.post("/logout")
async def logout(request: Request) -> HTTPResponse:
    """Forget the cookie. The token stays good: see `sse-hub token revoke`."""
    _tokens_of(request).refuse_foreign(knock_of(request))
    return json({"subject": None}, headers=NO_STORE | {"Set-Cookie": _cookie("", 0)})


@door.post("/ticket")
async def ticket(request: Request) -> HTTPResponse:
    """A ticket for the channels that are asked for."""
    tokens = _tokens_of(request)
    grant = await grant_of(request)
    selection = grant.narrowed(selection_of(request))
    issued = await tokens.tickets.issue(tokens.token_of(knock_of(request)), selection)
    return json({"ticket": issued, "expires_seconds": TICKET_SECONDS}, headers=NO_STORE)


@reading(door, "/whoami")
async def whoami(request: Request) -> HTTPResponse:
    """Who asks, and what they may."""
    return json(_told(await grant_of(request)), headers=NO_STORE)


def _tokens_of(request: Request) -> Tokens:
    gate = context_of(request.app).access.gate
    if not isinstance(gate, Tokens):
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


def _told(grant: Grant) -> dict[str, object]:
    return {
        "subject": grant.subject or None,
        "subscribe": grant.subscribe,
        "publish": grant.publish,
        "operate": grant.operate,
        "expires": grant.until,
    }
