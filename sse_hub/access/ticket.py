"""
Tickets: for an `EventSource`, which can send no header, of a page that has a token but no cookie.

    Grant and channels --> issue() --> sse-hub:ticket:<digest>, for 30 s --> ?ticket= --> redeem(), once --> Grant

A ticket stands in an address, and addresses get into logs: so it is good for one request, and only for its channels.
"""

import json
import secrets
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.access.grant import Grant
from sse_hub.errors import NotAllowed, SourceUnavailable
from sse_hub.keys import ticket_key
from sse_hub.scripts import script
from sse_hub.selection import Selection

TICKET_SECONDS = 30
MAX_TICKET_CHARACTERS = 128


class Tickets:
    """Issues and redeems them; any hub of the same Redis redeems what another has issued."""

    def __init__(self, commands: redis.asyncio.Redis) -> None:
        self._commands = commands
        self._redeem = commands.register_script(script("redeem"))

    async def issue(self, grant: Grant, selection: Selection) -> str:
        """A ticket for `selection` with the rights of `grant`. Raises SourceUnavailable."""
        ticket = secrets.token_urlsafe(32)
        bound = replace(grant, bound=(*selection.channels, *selection.patterns), publish=(), operate=False)
        try:
            await self._commands.set(_key(ticket), json.dumps(asdict(bound)), px=TICKET_SECONDS * 1000)
        except (RedisError, OSError) as error:
            raise SourceUnavailable(f"Redis keeps no tickets at present: {error}.") from None
        return ticket

    async def redeem(self, ticket: str) -> Grant:
        """
        The rights that `ticket` was given for; it is used up.

        Raises NotAllowed, the same for one that is used up, too old, or none, and SourceUnavailable.
        """
        try:
            found = await self._redeem(keys=[_key(ticket[:MAX_TICKET_CHARACTERS])])
        except (RedisError, OSError) as error:
            raise SourceUnavailable(f"Redis does not say what the ticket is for: {error}.") from None
        if found is None:
            raise NotAllowed("The ticket is used, too old, or none.")
        told: dict[str, Any] = json.loads(found)
        # JSON knows no tuples.
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
        try:
            return Grant(**fields)
        except TypeError:
            # Of a hub of another version.
            raise NotAllowed("The ticket is used, too old, or none.") from None


def _key(ticket: str) -> str:
    # Who may read Redis's memory, or its log of slow commands, finds no ticket that could be used.
    return ticket_key(sha256(ticket.encode(errors="replace")).hexdigest())
