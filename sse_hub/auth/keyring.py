"""
The keys that tokens are checked with, as a JSON Web Key Set (RFC 7517). Pure; no I/O.

    JWKS text --> Keyring.read() --> Keyring.key(kid) --> Key: one secret or public key, for one algorithm

A key is for one algorithm, its own, whatever a token says of itself: an RSA key can't be taken for an HMAC secret.
"""

import json
from dataclasses import dataclass
from typing import Any

# By key type: its one algorithm, and the members that make it. Private ones are left out, so they are never held.
KINDS = {"oct": ("HS256", ("k",)), "RSA": ("RS256", ("n", "e")), "OKP": ("EdDSA", ("crv", "x"))}
ALGORITHMS = tuple(algorithm for algorithm, _ in KINDS.values())
# RFC 7518: sections 3.2 and 3.3.
MIN_SECRET_BYTES = 32
MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Key:
    """`material` is what PyJWT checks a signature of `algorithm` with."""

    kid: str | None
    algorithm: str
    material: Any


class Keyring:
    """The keys of one file."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self._keys = keys

    @classmethod
    def read(cls, text: str) -> "Keyring":
        """The keys of a JWKS; those for something else are left out. Raises ValueError saying what is wrong."""
        try:
            listed = json.loads(text)["keys"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError('a JSON Web Key Set is wanted: {"keys": [...]}') from None
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise ValueError("its keys must be a list of objects")
        keys = tuple(key for number, each in enumerate(listed, 1) if (key := _parse_key(number, each)))
        if not keys:
            raise ValueError(f"no key in it is for {', '.join(ALGORITHMS)}")
        kids = [key.kid for key in keys]
        if len(kids) > 1 and (None in kids or len(set(kids)) < len(kids)):
            raise ValueError("with more than one key each needs a kid of its own")
        return cls(keys)

    def key(self, kid: object) -> Key | None:
        """The key that a token names. One that names none can mean only the one there is."""
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.kid == kid), None)


def _parse_key(number: int, jwk: dict[str, Any]) -> Key | None:
    algorithm, members = KINDS.get(str(jwk.get("kty")), ("", ()))
    if not members or jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig":
        return None
    if jwk.get("kty") == "OKP" and jwk.get("crv") != "Ed25519":
        return None
    kid = jwk.get("kid")
    # Here, because it takes 60 ms and 8 MB that a hub without tokens need not pay.
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    if kid is not None and not isinstance(kid, str):
        raise ValueError(f"the kid of key {number} is not text")
    try:
        material = PyJWK({"kty": jwk["kty"]} | {name: jwk[name] for name in members}, algorithm).key
    except (PyJWTError, ValueError, KeyError, TypeError):
        # Without the error's own words: they may quote the key.
        raise ValueError(f"key {number} is broken") from None
    if algorithm == "HS256" and len(material) < MIN_SECRET_BYTES:
        raise ValueError(f"the secret of key {number} is shorter than {MIN_SECRET_BYTES} bytes")
    if algorithm == "RS256" and material.key_size < MIN_RSA_BITS:
        raise ValueError(f"key {number} has fewer than {MIN_RSA_BITS} bits")
    return Key(kid, algorithm, material)
