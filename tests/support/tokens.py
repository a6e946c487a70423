"""
A key, tokens signed with it, and a hub that accepts them, for tests of access control.

    token_hub(redis.url, folder) --> hub          bearer(subscribe=["app.a"]) --> headers of a request
"""

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt

from sse_hub.broker.keys import Partition
from tests.support.http_client import Response, fetch
from tests.support.servers import HubProcess, hub_process

SECRET = secrets.token_bytes(32)
# Channels of the fixture `guarded`, of which the first two have lines.
A, B, MISSING = "app.alpha", "app.bravo", "app.nobody"
HIDDEN = "what bravo says"


def key_set(secret: bytes, kid: str = "test") -> str:
    """A JWKS with one secret."""
    k = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    return json.dumps({"keys": [{"kty": "oct", "kid": kid, "k": k}]})


def token(seconds: float = 600, secret: bytes = SECRET, kid: str = "test", sub: str = "alice", **rights: Any) -> str:
    """A token of `sub` for `subscribe=[…]`, `publish=[…]`, `operate=True`."""
    claims = {"sub": sub, "aud": "sse-hub", "exp": time.time() + seconds, "jti": secrets.token_hex(8)}
    return jwt.encode(claims | {"sse_hub": rights}, secret, "HS256", headers={"kid": kid})


def token_header(text: str) -> dict[str, str]:
    """The header of a request with the token `text`."""
    return {"Authorization": f"Bearer {text}"}


def bearer(**rights: Any) -> dict[str, str]:
    """The header of a request with a new token for these rights."""
    return token_header(token(**rights))


@contextmanager
def token_hub(redis_url: str, folder: Path, *options: str) -> Iterator[HubProcess]:
    """A hub that accepts tokens signed with SECRET, and records."""
    keys = folder / "keys.json"
    keys.write_text(key_set(SECRET))
    with hub_process(redis_url, "--access", "token", "--token-keys", str(keys), *options) as hub:
        yield hub


def publish(hub: HubProcess, channel: str, record: object, headers: dict[str, str]) -> Response:
    """Publish one line by POST."""
    return fetch(hub, f"/publish?channel={channel}", json.dumps(record).encode(), headers)


def stream_url(hub: HubProcess, query: str) -> str:
    """The URL of a stream."""
    return f"{hub.url}/message?{query}"


def sign_in(hub: HubProcess, text: str, **headers: str) -> Response:
    """Sign in with the token `text`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return fetch(hub, "/login", json.dumps({"token": text}).encode(), named)


def cookie_of(answer: Response) -> dict[str, str]:
    """The cookie header that a browser would send after this response."""
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


def keep_ticket(ask: Callable[..., Any], ticket: str, partition: Partition) -> None:
    """Have `ticket` last until it is redeemed, however slow the machine is. `ask` runs a command of Redis."""
    kept = ask("PERSIST", partition.ticket(sha256(ticket.encode()).hexdigest()))
    assert kept, "the ticket has expired"


def ticket_for(hub: HubProcess, query: str, headers: dict[str, str]) -> str:
    """A ticket for the channels of `query`."""
    answer = fetch(hub, f"/ticket?{query}", b"", headers)
    assert (answer.status, answer.json["expires_seconds"]) == (200, 30)
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json["ticket"])
