"""
The one place that decides who sends a request and what they may do. There is one class for each `--access`.

    Credentials --> NoAuth: everything          Credentials --> TokenAuth: Bearer, else ticket, else cookie --> Grant
                                                Credentials --> ProxyAuth: a proxy's user and groups --> Grant
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from sse_hub.auth.client_address import Networks, is_in_networks
from sse_hub.auth.credentials import Credentials, reject_foreign_origin, reject_unproven_origin
from sse_hub.auth.grant import EVERYTHING, Grant
from sse_hub.auth.keyring import Keyring
from sse_hub.auth.proxy_rules import ProxyRules, unrestricted_grant
from sse_hub.auth.revocation import Revocations
from sse_hub.auth.ticket import Tickets
from sse_hub.auth.token import verify
from sse_hub.errors import Unauthenticated
from sse_hub.reloaded_file import ReloadedFile


class Authenticator(Protocol):
    """Admits requests. `requires_auth` is false if everybody is admitted without credentials."""

    requires_auth: bool

    async def authenticate(self, credentials: Credentials) -> Grant:
        """
        The rights of the sender.

        Raises Unauthenticated, Forbidden, ForeignOrigin; SourceUnavailable if Redis is needed and doesn't answer.
        """

    def expiry_of(self, grant: Grant, now_seconds: float) -> str | None:
        """Why `grant` has ended: "expired", "revoked" or "changed". None while it is valid."""

    async def refresh(self) -> None:
        """Reload what has changed outside; called every few seconds."""


class NoAuth:
    """Everybody may do everything, but a page of another site may not make a browser change anything."""

    requires_auth = False

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins

    async def authenticate(self, credentials: Credentials) -> Grant:
        if credentials.unsafe:
            reject_foreign_origin(credentials, self._origins)
        return EVERYTHING

    def expiry_of(self, grant: Grant, now_seconds: float) -> str | None:
        return None

    async def refresh(self) -> None:
        pass


class TokenAuth:
    """Admits the bearers of tokens: a token says what its bearer may do."""

    requires_auth = True

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
        if credentials.ticket is not None and not credentials.unsafe and bearer_token(credentials) is None:
            token, channels = await self.tickets.redeem(credentials.ticket)
            return replace(await self.verify(token), ticket_channels=channels, publish=(), operate=False)
        return await self.verify(self.find_token(credentials))

    def find_token(self, credentials: Credentials) -> str:
        """The token of a request, not yet verified. Raises Unauthenticated, ForeignOrigin."""
        if credentials.unsafe:
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
        """Raises ForeignOrigin for a request that a page of another site made a browser send."""
        reject_foreign_origin(credentials, self._origins)

    async def verify(self, token: str) -> Grant:
        """The rights that `token` gives. Raises Unauthenticated, SourceUnavailable."""
        # Read before the keys, which a thread may reload: if they change in between, the grant ends at once.
        version = self._keyring.version
        grant = verify(token, self._keyring.value, self._audience, self._issuer)
        await self._revocations.ensure_loaded()
        if self._revocations.is_revoked(grant.token_id):
            raise Unauthenticated("The token has been revoked.")
        return replace(grant, version=version)

    def expiry_of(self, grant: Grant, now_seconds: float) -> str | None:
        if grant.expires_at is not None and grant.expires_at <= now_seconds:
            return "expired"
        if self._revocations.is_revoked(grant.token_id):
            return "revoked"
        # The client reconnects, and is admitted again if its key is still in the file.
        return None if grant.version == self._keyring.version else "changed"

    async def refresh(self) -> None:
        await asyncio.to_thread(self._keyring.refresh)
        await self._revocations.refresh()


class ProxyAuth:
    """Admits the users that a proxy names in headers. Only headers from trusted peers count."""

    requires_auth = True

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
            raise Unauthenticated("This hub can be reached only through its proxy.")
        user, groups = credentials.header(self._user_header), credentials.header(self._groups_header) or ""
        if not user:
            raise Unauthenticated("The proxy did not name the user.")
        # The proxy's own session is usually a cookie, which browsers send along for pages of other sites.
        reject_foreign_origin(credentials, self._origins)
        if self._rules is None:
            return unrestricted_grant(user)
        return replace(self._rules.value.grant(user, parse_groups(groups)), version=self._rules.version)

    def expiry_of(self, grant: Grant, now_seconds: float) -> str | None:
        return "changed" if self._rules and self._rules.version != grant.version else None

    async def refresh(self) -> None:
        if self._rules:
            await asyncio.to_thread(self._rules.refresh)


def bearer_token(credentials: Credentials) -> str | None:
    """The token of `Authorization: Bearer`. None without that header, or with another scheme, which is for a proxy."""
    scheme, _, token = (credentials.header("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def parse_groups(text: str) -> list[str]:
    """The names in a header of groups, which proxies separate by commas or bars."""
    return [name for part in text.replace("|", ",").split(",") if (name := part.strip())]
