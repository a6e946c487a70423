"""
Authentication and authorization: who sends a request, and what they may read and publish.

    request --> Credentials --> Authenticator --> Grant --> restrict(selection), may_publish(channel), may_read(name)
                                     │              └──► StreamExpiry: ends the streams opened with it when it ends
                                     └── NoAuth, TokenAuth (keys, revocations, tickets), ProxyAuth (peers, rules)

The authenticator alone decides. Every route that names channels checks the grant before it sends anything to Redis.
Nothing here knows Sanic, and the hub knows nothing of this package.
"""

from sse_hub.auth.authenticator import Authenticator, TokenAuth
from sse_hub.auth.credentials import Credentials
from sse_hub.auth.grant import EVERYTHING, Grant
from sse_hub.auth.setup import Auth, check_access, create_auth
from sse_hub.auth.ticket import TICKET_SECONDS

__all__ = [
    "EVERYTHING",
    "TICKET_SECONDS",
    "Auth",
    "Authenticator",
    "Grant",
    "Credentials",
    "TokenAuth",
    "check_access",
    "create_auth",
]
