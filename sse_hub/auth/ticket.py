"""
Tickets: for an `EventSource`, which can send no header, of a page that has a token but no cookie.

    token, channels --> issue() --> sse-hub:ticket:<digest>, for 30 s --> ?ticket= --> redeem(), once --> the same

A ticket stands in an address, and addresses get into logs: so it is good for one request, and only for its channels.
It stands for its token, which is checked when it is redeemed as if it came itself: a ticket is worth no more than that.
"""

import json
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import ticket_key
from sse_hub.broker.scripts import script
from sse_hub.errors import Forbidden, SourceUnavailable
from sse_hub.protocol.selection import Selection

TICKET_SECONDS = 30
MAX_TICKET_CHARACTERS = 128


class RedeemedTicket(NamedTuple):
    """What a ticket stands for: a `token`, yet to be checked, for the channels and patterns it is `bound` to."""

    token: str
    bound: tuple[str, ...]


class Tickets:
    """Issues and redeems them; any hub of the same Redis redeems what another has issued."""

    def __init__(self, commands: redis.asyncio.Redis) -> None:
        self._commands = commands
        self._redeem = commands.register_script(script("redeem"))

    async def issue(self, token: str, selection: Selection) -> str:
        """A ticket for `selection` that is worth what `token` is. Raises SourceUnavailable."""
        ticket = secrets.token_urlsafe(32)
        kept = RedeemedTicket(token, (*selection.channels, *selection.patterns))
        try:
            await self._commands.set(_key(ticket), _seal(ticket, kept), px=TICKET_SECONDS * 1000)
        except (RedisError, OSError) as error:
            raise SourceUnavailable(f"Redis keeps no tickets at present: {error}.") from None
        return ticket

    async def redeem(self, ticket: str) -> RedeemedTicket:
        """
        What `ticket` was given for; it is used up.

        Raises NotAllowed, the same for one that is used up, too old, or none, and SourceUnavailable.
        """
        ticket = ticket[:MAX_TICKET_CHARACTERS]
        try:
            found = await self._redeem(keys=[_key(ticket)])
        except (RedisError, OSError) as error:
            raise SourceUnavailable(f"Redis does not say what the ticket is for: {error}.") from None
        kept = None if found is None else _open(ticket, found)
        if kept is None:
            raise Forbidden("The ticket is used, too old, or none.")
        return kept


# Who may read Redis's memory, or its log of slow commands, finds no ticket that could be used, and no token.


def _key(ticket: str) -> str:
    return ticket_key(sha256(ticket.encode(errors="replace")).hexdigest())


def _seal(ticket: str, kept: RedeemedTicket) -> bytes:
    # As in keyring: a hub without tokens need not pay for it.
    from cryptography.fernet import Fernet

    return Fernet(_cipher(ticket)).encrypt(json.dumps(kept).encode())


def _open(ticket: str, found: bytes) -> RedeemedTicket | None:
    from cryptography.fernet import Fernet, InvalidToken

    try:
        token, bound = json.loads(Fernet(_cipher(ticket)).decrypt(found))
    except (InvalidToken, ValueError, TypeError):
        # Of a hub of another version, or of somebody who may write to Redis.
        return None
    return RedeemedTicket(token, tuple(bound))


def _cipher(ticket: str) -> bytes:
    # Not the digest that is the name: that is there to be read.
    return urlsafe_b64encode(sha256(b"what it is for\0" + ticket.encode(errors="replace")).digest())
