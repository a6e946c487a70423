"""
Tickets: for a page that has a token but no cookie, because its `EventSource` can't send a header.

    token, channels --> issue() --> sse-hub:ticket:<digest>, for 30 s --> ?ticket= --> redeem(), once --> both again

A ticket is part of a URL, and URLs are logged: so it is valid for one request, and only for its channels. The token it
stands for is verified when the ticket is redeemed, so a ticket never gives more than its token.
"""

import json
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.keys import Partition
from sse_hub.broker.scripts import script
from sse_hub.errors import Forbidden, SourceUnavailable, error_text
from sse_hub.protocol.selection import Selection

TICKET_SECONDS = 30
MAX_TICKET_CHARACTERS = 128


class RedeemedTicket(NamedTuple):
    """What a ticket stands for: a `token`, not yet verified, for some `channels` and patterns."""

    token: str
    channels: tuple[str, ...]


class Tickets:
    """Issues and redeems tickets. Any hub of the same Redis redeems the tickets of another."""

    def __init__(self, commands: redis.asyncio.Redis, partition: Partition) -> None:
        self._commands = commands
        self._partition = partition
        self._redeem_script = commands.register_script(script("redeem"))

    async def issue(self, token: str, selection: Selection) -> str:
        """A ticket for `selection` that stands for `token`. Raises SourceUnavailable."""
        ticket = secrets.token_urlsafe(32)
        content = RedeemedTicket(token, (*selection.channels, *selection.patterns))
        key = self._partition.ticket(_digest(ticket))
        try:
            await self._commands.set(key, _encrypt(ticket, content), px=TICKET_SECONDS * 1000)
        except (RedisError, OSError) as error:
            raise SourceUnavailable(f"The ticket can't be stored: {error_text(error)}.") from None
        return ticket

    async def redeem(self, ticket: str) -> RedeemedTicket:
        """
        What `ticket` was issued for. It can't be redeemed again.

        Raises Forbidden, with the same message for a ticket that is used, expired or invalid; and SourceUnavailable.
        """
        ticket = ticket[:MAX_TICKET_CHARACTERS]
        try:
            stored = await self._redeem_script(keys=[self._partition.ticket(_digest(ticket))])
        except (RedisError, OSError) as error:
            raise SourceUnavailable(f"The ticket can't be read: {error_text(error)}.") from None
        content = None if stored is None else _decrypt(ticket, stored)
        if content is None:
            raise Forbidden("The ticket is used, expired or invalid.")
        return content


# Somebody who reads Redis's memory or its log of slow commands finds neither a usable ticket nor a token.


def _digest(ticket: str) -> str:
    return sha256(ticket.encode(errors="replace")).hexdigest()


def _encrypt(ticket: str, content: RedeemedTicket) -> bytes:
    # Imported here to save memory, as in keyring.
    from cryptography.fernet import Fernet

    return Fernet(_encryption_key(ticket)).encrypt(json.dumps(content).encode())


def _decrypt(ticket: str, stored: bytes) -> RedeemedTicket | None:
    from cryptography.fernet import Fernet, InvalidToken

    try:
        token, channels = json.loads(Fernet(_encryption_key(ticket)).decrypt(stored))
    except (InvalidToken, ValueError, TypeError):
        # Written by a hub of another version, or by somebody else with access to Redis.
        return None
    return RedeemedTicket(token, tuple(channels))


def _encryption_key(ticket: str) -> bytes:
    # Not the digest in the Redis key, which anybody with access to Redis can read.
    return urlsafe_b64encode(sha256(b"what it is for\0" + ticket.encode(errors="replace")).digest())
