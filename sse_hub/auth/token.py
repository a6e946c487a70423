"""
Tokens: JSON Web Tokens (RFC 7519, with the rules of RFC 8725) that say what their bearer may see and publish.

    {"sub": "alice", "aud": "sse-hub", "exp": …, "sse_hub": {"subscribe": ["shop.*"]}} --> verified() --> Grant
"""

import time
from typing import Any

from sse_hub.auth.grant import Grant, parse_rights
from sse_hub.auth.keyring import Keyring
from sse_hub.errors import Unauthenticated

CLAIM = "sse_hub"
MAX_TOKEN_CHARACTERS = 6_000
# How far the clock of who makes tokens may be ahead. What has expired has expired.
CLOCK_SECONDS = 5.0
# The end of the year 9999, beyond which no date is written.
LAST_SECOND = 253_402_300_799


def verify(token: str, keyring: Keyring, audience: str, issuer: str | None) -> Grant:
    """The rights that `token` gives. Raises NotSignedIn, with words that help an attacker no further than guessing."""
    # As in keyring.
    from jwt.exceptions import ExpiredSignatureError, PyJWTError

    if not token.isascii() or len(token) > MAX_TOKEN_CHARACTERS:
        raise Unauthenticated(f"This is not a token of up to {MAX_TOKEN_CHARACTERS} characters.")
    try:
        claims = _claims(token, keyring, audience, issuer)
        until = float(claims["exp"])
        if until > LAST_SECOND:
            raise Unauthenticated("The token is not valid here.")
        grant = parse_rights(claims["sub"], claims.get(CLAIM), until, str(claims.get("jti", "")))
    except ExpiredSignatureError:
        raise Unauthenticated("The token has expired.") from None
    # RecursionError, OverflowError: a header or claims of a thousand brackets, a time of 1e999.
    except (PyJWTError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        raise Unauthenticated("The token is not valid here.") from None
    if until <= time.time():
        raise Unauthenticated("The token has expired.")
    return grant


def _claims(token: str, keyring: Keyring, audience: str, issuer: str | None) -> dict[str, Any]:
    import jwt

    key = keyring.key(jwt.get_unverified_header(token).get("kid"))
    if key is None:
        raise Unauthenticated("The token is not valid here.")
    return jwt.decode(
        token,
        key.material,
        # The key's, not the token's.
        algorithms=[key.algorithm],
        audience=audience,
        issuer=issuer,
        leeway=CLOCK_SECONDS,
        options={"require": ["exp", "sub", "aud", *(["iss"] if issuer else [])]},
    )
