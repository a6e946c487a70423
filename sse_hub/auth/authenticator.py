"""
The one place that decides who asks, and what they may: a gate, one kind for each `--access`.

    Knock --> Open: everything          Knock --> Tokens: Bearer, else ticket, else cookie --> Grant
                                        Knock --> Proxied: a trusted peer's user and groups --> Grant
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from sse_hub.auth.client_address import Networks, is_in_networks
from sse_hub.auth.credentials import Credentials, reject_foreign_origin, reject_unproven_origin
from sse_hub.auth.grant import EVERYTHING, Grant
from sse_hub.auth.keyring import Keyring
from sse_hub.auth.proxy_rules import ProxyRules, trusting
from sse_hub.auth.reloaded_file import ReloadedFile
from sse_hub.auth.revocation import Revocations
from sse_hub.auth.ticket import Tickets
from sse_hub.auth.token import verify
from sse_hub.errors import Unauthenticated


class Authenticator(Protocol):
    """Decides. `asks` is false where nobody has to say who they are."""

    asks: bool

    async def authenticate(self, credentials: Credentials) -> Grant:
        """
        What the sender of `knock` may do.

        Raises NotSignedIn, NotAllowed, ForeignOrigin; SourceUnavailable where Redis would have to be asked.
        """

    def expiry_of(self, grant: Grant, now_seconds: float) -> str | None:
        """Why `grant` is good no more: expired, revoked, changed. None while it is."""

    async def refresh(self) -> None:
        """Every few seconds: look for what has changed outside."""


class NoAuth:
    """Nobody is asked. Another site's page still may not have its reader's browser change anything."""

    asks = False

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins

    async def authenticate(self, credentials: Credentials) -> Grant:
        if credentials.changes:
            reject_foreign_origin(credentials, self._origins)
        return EVERYTHING

    def expiry_of(self, grant: Grant, now_seconds: float) -> str | None:
        return None

    async def refresh(self) -> None:
        pass


class TokenAuth:
    """Who has a token may do what it says."""

    asks = True

    def __init__(
        self,
        keyring: ReloadedFile[Keyring],
        audience: str,
        issuer: str | None,
        origins: Collection[str],
        revocations: Revocations,
        tickets: Tickets,
    ) -> None:
        self.tickets = tickets
        self._keyring = keyring
        self._audience = audience
        self._issuer = issuer
        self._origins = origins
        self._revocations = revocations

    async def authenticate(self, credentials: Credentials) -> Grant:
        if credentials.ticket is not None and not credentials.changes and bearer_token(credentials) is None:
            token, bound = await self.tickets.redeem(credentials.ticket)
            return replace(await self.verify(token), bound=bound, publish=(), operate=False)
        return await self.verify(self.find_token(credentials))

    def find_token(self, credentials: Credentials) -> str:
        """The token that `knock` brings along, unchecked. Raises NotSignedIn, ForeignOrigin."""
        if credentials.changes:
            reject_foreign_origin(credentials, self._origins)
        token = bearer_token(credentials)
        if token is not None:
            return token
        if credentials.cookie is None:
            raise Unauthenticated("Sign in, or send Authorization: Bearer with a token.")
        reject_foreign_origin(credentials, self._origins)
        reject_unproven_origin(credentials)
        return credentials.cookie

    def reject_foreign_origin(self, credentials: Credentials) -> None:
        """Raises ForeignOrigin for a sign-in that another site's page has its reader's browser make."""
        reject_foreign_origin(credentials, self._origins)

    async def verify(self, token: str) -> Grant:
        """The rights that `token` gives. Raises NotSignedIn, SourceUnavailable."""
        # Looked at before the keys, which a thread reads: where they change in between, the grant ends at once.
        edition = self._keyring.version
        grant = verify(token, self._keyring.value, self._audience, self._issuer)
        await self._revocations.known()
        if self._revocations.holds(grant.token_id):
            raise Unauthenticated("The token has been revoked.")
        return replace(grant, version=edition)

    def expiry_of(self, grant: Grant, now_seconds: float) -> str | None:
        if grant.until is not None and grant.until <= now_seconds:
            return "expired"
        if self._revocations.holds(grant.token_id):
            return "revoked"
        # Who comes with a key that is still there is let in again.
        return None if grant.version == self._keyring.version else "changed"

    async def refresh(self) -> None:
        await asyncio.to_thread(self._keyring.refresh)
        await self._revocations.refresh()


class ProxyAuth:
    """Whom a proxy has let in, by the headers that it adds. They count from trusted peers alone."""

    asks = True

    def __init__(
        self,
        peers: Networks,
        user_header: str,
        groups_header: str,
        rules: ReloadedFile[ProxyRules] | None,
        origins: Collection[str],
    ) -> None:
        self._peers = peers
        self._user_header = user_header
        self._groups_header = groups_header
        self._rules = rules
        self._origins = origins

    async def authenticate(self, credentials: Credentials) -> Grant:
        if not is_in_networks(credentials.peer, self._peers):
            raise Unauthenticated("This hub is asked through its proxy.")
        user, groups = credentials.value(self._user_header), credentials.value(self._groups_header) or ""
        if not user:
            raise Unauthenticated("The proxy did not say who asks.")
        # The proxy's own session is a cookie, as like as not.
        reject_foreign_origin(credentials, self._origins)
        if self._rules is None:
            return trusting(user)
        return replace(self._rules.value.grant(user, parse_groups(groups)), version=self._rules.version)

    def expiry_of(self, grant: Grant, now_seconds: float) -> str | None:
        return "changed" if self._rules and self._rules.version != grant.version else None

    async def refresh(self) -> None:
        if self._rules:
            await asyncio.to_thread(self._rules.refresh)


def bearer_token(credentials: Credentials) -> str | None:
    """The token of `Authorization: Bearer`; None where there is none, or another scheme, which is for a proxy."""
    scheme, _, token = (credentials.value("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def parse_groups(text: str) -> list[str]:
    """The names in a header of groups, which proxies part by a comma or a bar."""
    return [name for part in text.replace("|", ",").split(",") if (name := part.strip())]
