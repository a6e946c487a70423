"""
Who calls: the one place where HTTP asks the gate, so that no route decides by itself.

    request --> knock_of() --> Gate --> grant_of(): Grant --> readable(): Selection, publishable(): channel
"""

from collections.abc import Callable

from sanic import Request

from sse_hub.auth import Credentials, Grant
from sse_hub.errors import HubError, InvalidChannel
from sse_hub.http.context import context_of
from sse_hub.protocol.selection import Selection

DEFAULT_CHANNEL = "log"
COOKIE = "__Host-sse-hub"
# What changes nothing, RFC 9110 section 9.2.1.
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def credentials_of(request: Request) -> Credentials:
    """What `request` says of its sender."""
    connection = request.conn_info
    # By this very name: Sanic's own look-up would take `__Secure-__Host-…` for it, too, which sibling domains can set.
    cookies: list[str] = dict.get(request.cookies, COOKIE) or []
    ticket = request.get_args(keep_blank_values=True).get("ticket")
    return Credentials(
        peer=connection.client_ip if connection else "",
        values=lambda name: request.headers.getall(name, []),
        cookie=cookies[0] if cookies else None,
        ticket=None if ticket is None else str(ticket),
        changes=request.method not in SAFE_METHODS,
    )


async def authorize(request: Request) -> Grant:
    """What the sender of `request` may do. Raises as Gate.grant() does."""
    return await context_of(request.app).auth.authenticator.authenticate(credentials_of(request))


async def require_operator(request: Request) -> Grant:
    """The same, of one who may see how the hub is doing. Raises NotAllowed too."""
    grant = await authorize(request)
    grant.require_operator()
    return grant


async def is_operator(request: Request) -> bool:
    """True when operator_of() raises nothing."""
    try:
        await require_operator(request)
    except HubError:
        return False
    return True


def client_address(request: Request) -> str:
    """From where `request` comes, as limits count it."""
    peer = request.conn_info.client_ip if request.conn_info else ""
    return context_of(request.app).admission.trusted_proxies.client_of(
        peer, request.headers.getall("x-forwarded-for", [])
    )


def requested_selection(request: Request) -> Selection:
    """The channels that `request` asks for, by anybody. Raises InvalidChannel."""
    names = request.get_args(keep_blank_values=True).getlist("channel") or [DEFAULT_CHANNEL]
    return Selection.parse(names, context_of(request.app).config.channels_per_stream)


def channel_to_publish(request: Request, grant: Grant, covers: Callable[[str], bool]) -> str:
    """The one channel to publish to, which must be recorded. Raises InvalidChannel, NotAllowed."""
    selection = requested_selection(request)
    if not selection.single:
        raise InvalidChannel("One channel to publish to is wanted, by its name.")
    channel = selection.channels[0]
    grant.may_publish(channel)
    if not covers(channel):
        raise InvalidChannel(f"{channel!r} is not covered by --ingest: what is published there would not be recorded.")
    return channel
