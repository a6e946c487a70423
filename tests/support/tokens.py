"""
People for tests of access: a key of their own, tokens, and a hub that believes them.

    token_hub(redis.url, folder) --> hub          bearer(subscribe=["app.a"]) --> headers of a request
"""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt

from tests.support.http_client import Response, fetch
from tests.support.servers import HubProcess, hub_process

SECRET = secrets.token_bytes(32)
# Channels of the hub that the fixture `guarded` is, the first two with lines.
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
    """The header of a program that has the token `text`."""
    return {"Authorization": f"Bearer {text}"}


def bearer(**rights: Any) -> dict[str, str]:
    """The header of a program that has a token for these rights."""
    return token_header(token(**rights))


@contextmanager
def token_hub(redis_url: str, folder: Path, *options: str) -> Iterator[HubProcess]:
    """A hub that believes SECRET, and records."""
    keys = folder / "keys.json"
    keys.write_text(key_set(SECRET))
    with hub_process(redis_url, "--access", "token", "--token-keys", str(keys), *options) as hub:
        yield hub


def publish(hub: HubProcess, channel: str, record: object, headers: dict[str, str]) -> Response:
    """One line published by POST."""
    return fetch(hub, f"/publish?channel={channel}", json.dumps(record).encode(), headers)


def stream_url(hub: HubProcess, query: str) -> str:
    """The address of a stream."""
    return f"{hub.url}/message?{query}"


def sign_in(hub: HubProcess, text: str, **headers: str) -> Response:
    """The answer to a sign-in with the token `text`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return fetch(hub, "/login", json.dumps({"token": text}).encode(), named)


def cookie_of(answer: Response) -> dict[str, str]:
    """The header that a browser would send after that answer."""
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


def ticket_for(hub: HubProcess, query: str, headers: dict[str, str]) -> str:
    """A ticket."""
    answer = fetch(hub, f"/ticket?{query}", b"", headers)
    assert (answer.status, answer.json["expires_seconds"]) == (200, 30)
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json["ticket"])
