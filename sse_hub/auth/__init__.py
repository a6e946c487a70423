"""
Access: who asks, and what they may see and publish.

    request --> Knock --> Gate.grant() --> Grant --> .narrowed(selection), .publishes(channel), .reads(name), …
                            │                └──► Tenure: the streams that are open with it, ended when it ends
                            └── Open (nobody is asked), Tokens (keys, revocations, tickets), Proxied (peers, rules)

One place decides: a gate. Every route that names channels asks the grant it gives, before Redis is asked anything.
Nothing here knows of Sanic, and nothing of the hub knows of this.
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
