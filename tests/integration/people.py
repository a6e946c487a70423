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

from tests.rig import HubProcess, hub_process

SECRET = secrets.token_bytes(32)


def key_set(secret: bytes, kid: str = "test") -> str:
    """A JWKS with one secret."""
    k = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    return json.dumps({"keys": [{"kty": "oct", "kid": kid, "k": k}]})


def token(seconds: float = 600, secret: bytes = SECRET, kid: str = "test", **rights: Any) -> str:
    """A token for `subscribe=[…]`, `publish=[…]`, `operate=True`."""
    claims = {"sub": "alice", "aud": "sse-hub", "exp": time.time() + seconds, "jti": secrets.token_hex(8)}
    return jwt.encode(claims | {"sse_hub": rights}, secret, "HS256", headers={"kid": kid})


def carrying(text: str) -> dict[str, str]:
    """The header of a program that has the token `text`."""
    return {"Authorization": f"Bearer {text}"}


def bearer(**rights: Any) -> dict[str, str]:
    """The header of a program that has a token for these rights."""
    return carrying(token(**rights))


@contextmanager
def token_hub(redis_url: str, folder: Path, *options: str) -> Iterator[HubProcess]:
    """A hub that believes SECRET, and records."""
    keys = folder / "keys.json"
    keys.write_text(key_set(SECRET))
    with hub_process(redis_url, "--access", "token", "--token-keys", str(keys), *options) as hub:
        yield hub
