"""
The other side of tokens: keys and tokens made, for those who have no login service that does. Pure but for randomness.

    new_key("EdDSA") --> JWK with its private half --> signed(jwk, grant, …) --> token          public_half(jwk) --> JWK
"""

import base64
import json
import secrets
from typing import Any

from sse_hub.auth.grant import Grant
from sse_hub.auth.keyring import KINDS, Keyring
from sse_hub.auth.token import CLAIM

RSA_BITS = 3072


def new_key(algorithm: str) -> dict[str, Any]:
    """A new key for `algorithm`, with a kid of its own, as a JWK. It signs: whoever has it makes tokens."""
    # As in keyring: the command line as a whole imports this module.
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

    made: dict[str, Any]
    if algorithm == "HS256":
        secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        made = {"kty": "oct", "k": secret}
    elif algorithm == "RS256":
        made = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, RSA_BITS), as_dict=True)
        made.pop("key_ops", None)
    else:
        made = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
    return {"kid": secrets.token_hex(4), "alg": algorithm, "use": "sig"} | made


def public_jwk(jwk: dict[str, Any]) -> dict[str, Any]:
    """What checks the signatures of `jwk` and can't make any. Raises ValueError for a secret: it has no such half."""
    kind, members = KINDS.get(str(jwk.get("kty")), ("", ()))
    if kind == "HS256":
        raise ValueError("a key for HS256 is one secret for both sides; take EdDSA or RS256")
    return {name: jwk[name] for name in ("kid", "kty", "alg", "use", *members) if name in jwk}


def parse_keys(text: str) -> list[dict[str, Any]]:
    """The keys of a JWKS that a hub would take. Raises ValueError saying what is wrong."""
    Keyring.read(text)
    keys: list[dict[str, Any]] = json.loads(text)["keys"]
    return keys


def signing_key(text: str) -> dict[str, Any]:
    """The last key of a JWKS that can sign. Raises ValueError saying what is wrong."""
    found = [key for key in parse_keys(text) if "k" in key or "d" in key]
    if not found:
        raise ValueError("it has public keys only, which can't sign")
    return found[-1]


def sign(key: dict[str, Any], grant: Grant, audience: str, issuer: str | None, now: float) -> str:
    """A token with the rights of `grant`, valid from `now` on, signed with `key`. ValueError for a broken one."""
    import jwt
    from jwt.exceptions import PyJWTError

    algorithm = KINDS[str(key.get("kty"))][0]
    rights: dict[str, object] = {"subscribe": grant.subscribe, "publish": grant.publish}
    claims = {
        "sub": grant.subject,
        "aud": audience,
        "iat": int(now),
        "exp": int(grant.until or now),
        "jti": grant.token_id,
        CLAIM: rights | ({"operate": True} if grant.operate else {}),
    }
    if issuer:
        claims["iss"] = issuer
    try:
        return jwt.encode(claims, jwt.PyJWK(key, algorithm).key, algorithm, headers={"kid": key.get("kid")})
    except (PyJWTError, TypeError, ValueError):
        raise ValueError("its key is broken") from None
