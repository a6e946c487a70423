"""
The keys that tokens are checked with, as a JSON Web Key Set (RFC 7517). Pure; no I/O.

    JWKS text --> Keyring.parse() --> Keyring.find(kid) --> PyJWK: one secret or public key, for one algorithm

A key is for the algorithm of its type, whatever a token claims: an RSA key can't be used as an HMAC secret.
"""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jwt import PyJWK

# By key type: its one algorithm, and its public members. Private members are dropped, so a hub never holds them.
KEY_TYPES = {"oct": ("HS256", ("k",)), "RSA": ("RS256", ("n", "e")), "OKP": ("EdDSA", ("crv", "x"))}
ALGORITHMS = tuple(algorithm for algorithm, _ in KEY_TYPES.values())
# RFC 7518, sections 3.2 and 3.3.
MIN_SECRET_BYTES = 32
MIN_RSA_BITS = 2048


class Keyring:
    """The keys of one file."""

    def __init__(self, keys: "tuple[PyJWK, ...]") -> None:
        self._keys = keys

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """The keys of a JWKS, without those for other uses or algorithms. Raises ValueError saying what is wrong."""
        try:
            listed = json.loads(text)["keys"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError('it must be a JSON Web Key Set: {"keys": [...]}') from None
        if not isinstance(listed, list) or not all(isinstance(jwk, dict) for jwk in listed):
            raise ValueError("its keys must be a list of objects")
        # PyJWKSet would skip invalid keys silently.
        keys = tuple(key for number, jwk in enumerate(listed, 1) if (key := _parse_key(number, jwk)))
        if not keys:
            raise ValueError(f"it has no key for any of {', '.join(ALGORITHMS)}")
        kids = [key.key_id for key in keys]
        if len(kids) > 1 and (None in kids or len(set(kids)) < len(kids)):
            raise ValueError("with more than one key, each must have a kid, different from the others")
        return cls(keys)

    def find(self, kid: object) -> "PyJWK | None":
        """The key with this `kid`. A token without a kid (None) can only mean the one key of a keyring."""
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.key_id == kid), None)


def _parse_key(number: int, jwk: dict[str, Any]) -> "PyJWK | None":
    """The key that is the `number`th of a file, None if it is for something else. Raises ValueError."""
    algorithm, members = KEY_TYPES.get(str(jwk.get("kty")), ("", ()))
    if not algorithm or jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig":
        return None
    if jwk["kty"] == "OKP" and jwk.get("crv") != "Ed25519":
        return None
    kid = jwk.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise ValueError(f"the kid of key {number} must be text")
    # Imported here because it takes 60 ms and 8 MB, which a hub without tokens can save.
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    try:
        key = PyJWK({"kty": jwk["kty"], "kid": kid} | {name: jwk[name] for name in members}, algorithm)
    except (PyJWTError, ValueError, KeyError, TypeError):
        # Without the error's own text, which may quote the key.
        raise ValueError(f"key {number} is invalid") from None
    if algorithm == "HS256" and len(key.key) < MIN_SECRET_BYTES:
        raise ValueError(f"the secret of key {number} is shorter than {MIN_SECRET_BYTES} bytes")
    if algorithm == "RS256" and key.key.key_size < MIN_RSA_BITS:
        raise ValueError(f"key {number} has fewer than {MIN_RSA_BITS} bits")
    return key
