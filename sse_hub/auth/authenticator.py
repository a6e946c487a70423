"""
The one place that decides who asks, and what they may: a gate, one kind for each `--access`.

    Knock --> Open: everything          Knock --> Tokens: Bearer, else ticket, else cookie --> Grant
                                        Knock --> Proxied: a trusted peer's user and groups --> Grant
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from sse_hub.auth.client_address import Networks, is_among
from sse_hub.auth.credentials import Knock, refuse_foreign, refuse_unproven
from sse_hub.auth.grant import EVERYTHING, Grant
from sse_hub.auth.keyring import Keyring
from sse_hub.auth.proxy_rules import Rules, trusting
from sse_hub.auth.reloaded_file import Kept
from sse_hub.auth.revocation import Revocations
from sse_hub.auth.ticket import Tickets
from sse_hub.auth.token import verified
from sse_hub.errors import NotSignedIn


class Gate(Protocol):
    """Decides. `asks` is false where nobody has to say who they are."""

    asks: bool

    async def grant(self, knock: Knock) -> Grant:
        """
        What the sender of `knock` may do.

        Raises NotSignedIn, NotAllowed, ForeignOrigin; SourceUnavailable where Redis would have to be asked.
        """

    def end_of(self, grant: Grant, now_seconds: float) -> str | None:
        """Why `grant` is good no more: expired, revoked, changed. None while it is."""

    async def refresh(self) -> None:
        """Every few seconds: look for what has changed outside."""


class Open:
    """Nobody is asked. Another site's page still may not have its reader's browser change anything."""

    asks = False

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins

    async def grant(self, knock: Knock) -> Grant:
        if knock.changes:
            refuse_foreign(knock, self._origins)
        return EVERYTHING

    def end_of(self, grant: Grant, now_seconds: float) -> str | None:
        return None

    async def refresh(self) -> None:
        pass


class Tokens:
    """Who has a token may do what it says."""

    asks = True

    def __init__(
        self,
        keyring: Kept[Keyring],
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

    async def grant(self, knock: Knock) -> Grant:
        if knock.ticket is not None and not knock.changes and bearer_of(knock) is None:
            token, bound = await self.tickets.redeem(knock.ticket)
            return replace(await self.verified(token), bound=bound, publish=(), operate=False)
        return await self.verified(self.token_of(knock))

    def token_of(self, knock: Knock) -> str:
        """The token that `knock` brings along, unchecked. Raises NotSignedIn, ForeignOrigin."""
        if knock.changes:
            refuse_foreign(knock, self._origins)
        token = bearer_of(knock)
        if token is not None:
            return token
        if knock.cookie is None:
            raise NotSignedIn("Sign in, or send Authorization: Bearer with a token.")
        refuse_foreign(knock, self._origins)
        refuse_unproven(knock)
        return knock.cookie

    def refuse_foreign(self, knock: Knock) -> None:
        """Raises ForeignOrigin for a sign-in that another site's page has its reader's browser make."""
        refuse_foreign(knock, self._origins)

    async def verified(self, token: str) -> Grant:
        """The rights that `token` gives. Raises NotSignedIn, SourceUnavailable."""
        # Looked at before the keys, which a thread reads: where they change in between, the grant ends at once.
        edition = self._keyring.edition
        grant = verified(token, self._keyring.value, self._audience, self._issuer)
        await self._revocations.known()
        if self._revocations.holds(grant.token_id):
            raise NotSignedIn("The token has been revoked.")
        return replace(grant, edition=edition)

    def end_of(self, grant: Grant, now_seconds: float) -> str | None:
        if grant.until is not None and grant.until <= now_seconds:
            return "expired"
        if self._revocations.holds(grant.token_id):
            return "revoked"
        # Who comes with a key that is still there is let in again.
        return None if grant.edition == self._keyring.edition else "changed"

    async def refresh(self) -> None:
        await asyncio.to_thread(self._keyring.refresh)
        await self._revocations.refresh()


class Proxied:
    """Whom a proxy has let in, by the headers that it adds. They count from trusted peers alone."""

    asks = True

    def __init__(
        self,
        peers: Networks,
        user_header: str,
        groups_header: str,
        rules: Kept[Rules] | None,
        origins: Collection[str],
    ) -> None:
        self._peers = peers
        self._user_header = user_header
        self._groups_header = groups_header
        self._rules = rules
        self._origins = origins

    async def grant(self, knock: Knock) -> Grant:
        if not is_among(knock.peer, self._peers):
            raise NotSignedIn("This hub is asked through its proxy.")
        user, groups = knock.value(self._user_header), knock.value(self._groups_header) or ""
        if not user:
            raise NotSignedIn("The proxy did not say who asks.")
        # The proxy's own session is a cookie, as like as not.
        refuse_foreign(knock, self._origins)
        if self._rules is None:
            return trusting(user)
        return replace(self._rules.value.grant(user, groups_of(groups)), edition=self._rules.edition)

    def end_of(self, grant: Grant, now_seconds: float) -> str | None:
        return "changed" if self._rules and self._rules.edition != grant.edition else None

    async def refresh(self) -> None:
        if self._rules:
            await asyncio.to_thread(self._rules.refresh)


def bearer_of(knock: Knock) -> str | None:
    """The token of `Authorization: Bearer`; None where there is none, or another scheme, which is for a proxy."""
    scheme, _, token = (knock.value("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def groups_of(text: str) -> list[str]:
    """The names in a header of groups, which proxies part by a comma or a bar."""
    return [name for part in text.replace("|", ",").split(",") if (name := part.strip())]
