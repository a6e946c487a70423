"""
Makes keys and tokens, for people without a login service that makes them. Pure but for randomness.

    new_key("EdDSA") --> JWK with its private half --> sign(jwk, grant, …) --> token          public_jwk(jwk) --> JWK
"""

import base64
import json
import secrets
from typing import Any

from sse_hub.auth.grant import Grant
from sse_hub.auth.keyring import KEY_TYPES, Keyring
from sse_hub.auth.token import CLAIM

RSA_BITS = 3072


def new_key(algorithm: str) -> dict[str, Any]:
    """A new private key for `algorithm`, with a random kid, as a JWK. Anyone who has it can make tokens."""
    # Imported here to save memory, as in keyring: the command line always imports this module.
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

    jwk: dict[str, Any]
    if algorithm == "HS256":
        secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        jwk = {"kty": "oct", "k": secret}
    elif algorithm == "RS256":
        jwk = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, RSA_BITS), as_dict=True)
        jwk.pop("key_ops", None)
    else:
        jwk = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
    return {"kid": secrets.token_hex(4), "alg": algorithm, "use": "sig"} | jwk


def public_jwk(jwk: dict[str, Any]) -> dict[str, Any]:
    """The half of `jwk` that checks signatures but can't make any. Raises ValueError for a secret, which has none."""
    algorithm, members = KEY_TYPES.get(str(jwk.get("kty")), ("", ()))
    if algorithm == "HS256":
        raise ValueError("a key for HS256 is one secret for both sides; use EdDSA or RS256 instead")
    return {name: jwk[name] for name in ("kid", "kty", "alg", "use", *members) if name in jwk}


def parse_keys(text: str) -> list[dict[str, Any]]:
    """The keys of a JWKS that a hub would accept, as JWKs. Raises ValueError saying what is wrong."""
    Keyring.parse(text)
    keys: list[dict[str, Any]] = json.loads(text)["keys"]
    return keys


def signing_key(text: str) -> dict[str, Any]:
    """The last key of a JWKS that can sign. Raises ValueError saying what is wrong."""
    private_keys = [jwk for jwk in parse_keys(text) if "k" in jwk or "d" in jwk]
    if not private_keys:
        raise ValueError("it has only public keys, which can't sign")
    return private_keys[-1]


def sign(jwk: dict[str, Any], grant: Grant, audience: str, issuer: str | None, now: float) -> str:
    """
    A token with the rights of `grant`, signed with the private key `jwk`.

    It is valid from `now` (seconds since the epoch) until the grant expires. Raises ValueError for an invalid key.
    """
    import jwt
    from jwt.exceptions import PyJWTError

    algorithm = KEY_TYPES[str(jwk.get("kty"))][0]
    rights: dict[str, object] = {"subscribe": grant.subscribe, "publish": grant.publish}
    claims = {
        "sub": grant.subject,
        "aud": audience,
        "iat": int(now),
        "exp": int(grant.expires_at or now),
        "jti": grant.token_id,
        CLAIM: rights | ({"operate": True} if grant.operate else {}),
    }
    if issuer:
        claims["iss"] = issuer
    try:
        return jwt.encode(claims, jwt.PyJWK(jwk, algorithm).key, algorithm, headers={"kid": jwk.get("kid")})
    except (PyJWTError, TypeError, ValueError):
        raise ValueError("its key is invalid") from None
