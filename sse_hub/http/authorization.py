"""
Who sends a request, and what they may do. The authenticator decides, no route does.

    request --> credentials_of() --> Authenticator --> authorize(): Grant --> Grant.restrict(), .may_publish(), …
"""

from sanic import Request

from sse_hub.auth import Credentials, Grant
from sse_hub.errors import HubError
from sse_hub.http.context import Context
from sse_hub.http.parameters import peer_of, query_of
from sse_hub.http.sanic_internals import cookie_values

COOKIE = "__Host-sse-hub"
# RFC 9110 section 9.2.1: these methods change nothing.
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def credentials_of(request: Request) -> Credentials:
    """The credentials that `request` carries; nothing is checked."""
    cookies = cookie_values(request, COOKIE)
    ticket = query_of(request).get("ticket")
    return Credentials(
        peer=peer_of(request),
        header_values=lambda name: request.headers.getall(name, []),
        cookie=cookies[0] if cookies else None,
        ticket=None if ticket is None else str(ticket),
        unsafe=request.method not in SAFE_METHODS,
    )


async def authorize(request: Request, context: Context) -> Grant:
    """What the sender of `request` may do. Raises what `Authenticator.authenticate()` does."""
    return await context.auth.authenticator.authenticate(credentials_of(request))


async def require_operator(request: Request, context: Context) -> None:
    """Raises Forbidden, and what authorize() does, unless the sender of `request` may see the state of the hub."""
    grant = await authorize(request, context)
    grant.require_operator()


async def is_operator(request: Request, context: Context) -> bool:
    """True if require_operator() raises nothing."""
    try:
        await require_operator(request, context)
    except HubError:
        return False
    return True
