"""
Tokens: JSON Web Tokens (RFC 7519, by the rules of RFC 8725) that say what their bearer may read and publish.

    {"sub": "alice", "aud": "sse-hub", "exp": …, "sse_hub": {"subscribe": ["shop.*"]}} --> verify() --> Grant
"""

import time
from typing import Any

from sse_hub.auth.grant import Grant, parse_rights
from sse_hub.auth.keyring import Keyring
from sse_hub.errors import Unauthenticated

CLAIM = "sse_hub"
MAX_TOKEN_CHARACTERS = 6_000
# How far the clock of the issuer may be ahead. It gives no token a longer life: `verify` checks the expiry itself.
CLOCK_LEEWAY_SECONDS = 5.0
# The end of the year 9999, the last that a date can be written for.
LAST_SECOND = 253_402_300_799


def verify(token: str, keyring: Keyring, audience: str, issuer: str | None) -> Grant:
    """
    The rights that `token` gives to its bearer.

    Raises Unauthenticated, with a message that helps an attacker no more than guessing would.
    """
    # Imported here to save memory, as in keyring.
    from jwt.exceptions import ExpiredSignatureError, PyJWTError

    if not token.isascii() or len(token) > MAX_TOKEN_CHARACTERS:
        raise Unauthenticated(f"A token must be ASCII, of at most {MAX_TOKEN_CHARACTERS} characters.")
    try:
        claims = _decode(token, keyring, audience, issuer)
        expires_at = float(claims["exp"])
        if expires_at > LAST_SECOND:
            raise Unauthenticated("The token is not valid here.")
        grant = parse_rights(claims["sub"], claims.get(CLAIM), expires_at, str(claims.get("jti", "")))
    except ExpiredSignatureError:
        raise Unauthenticated("The token has expired.") from None
    # RecursionError: a header or claims of a thousand brackets. OverflowError: a time of 1e999.
    except (PyJWTError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        raise Unauthenticated("The token is not valid here.") from None
    if expires_at <= time.time():
        raise Unauthenticated("The token has expired.")
    return grant


def _decode(token: str, keyring: Keyring, audience: str, issuer: str | None) -> dict[str, Any]:
    import jwt

    key = keyring.find(jwt.get_unverified_header(token).get("kid"))
    if key is None:
        raise Unauthenticated("The token is not valid here.")
    return jwt.decode(
        token,
        key,
        # The key's algorithm, not the token's.
        algorithms=[key.algorithm_name],
        audience=audience,
        issuer=issuer,
        leeway=CLOCK_LEEWAY_SECONDS,
        options={"require": ["exp", "sub", "aud", *(["iss"] if issuer else [])]},
    )
