"""
Signatures of webhooks as Standard Webhooks has them, so that any of its libraries can check them. Pure: no I/O.

    secret, id, moment, body --> signed_headers() --> webhook-id, webhook-timestamp, webhook-signature

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac

PREFIX = "whsec_"
MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64


def key_of(secret: str) -> bytes:
    """The key in `secret`, `whsec_` and base64; the prefix may be missing. Raises ValueError, without the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise ValueError(
            f"the secret must be {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes in base64, after {PREFIX}: "
            "`openssl rand -base64 32` makes one"
        )
    return key


def signed_headers(key: bytes | None, message_id: str, timestamp_seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a request with `body`; without a key the signature is missing."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp_seconds)}
    if key is not None:
        digest = hmac.digest(key, b"%b.%d.%b" % (message_id.encode(), timestamp_seconds, body), "sha256")
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers
