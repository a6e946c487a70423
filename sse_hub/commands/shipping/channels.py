"""
The channel of a source, from a template. Pure.

    "app.{name}", {"name": "订单"} --> "app.U+8BA2U+5355"

A character that a channel name can't have is written as its code point, so that different names stay different.
"""

import re
from collections.abc import Mapping
from hashlib import sha256

NOT_IN_CHANNELS = re.compile(r"[^A-Za-z0-9._:/@+-]")
CHANNEL_CHARACTERS = 128
DIGEST_CHARACTERS = 8


def fill_channel(template: str, values: Mapping[str, str]) -> str:
    """`template` with `{name}` replaced by the value of that name. Other fields stay, and no channel name has any."""
    filled = re.sub(
        r"\{(\w*)\}", lambda found: channel_text(values[found[1]]) if found[1] in values else found[0], template
    )
    if len(filled) <= CHANNEL_CHARACTERS:
        return filled
    # Long names often differ only at their end.
    digest = sha256(filled.encode(errors="surrogatepass")).hexdigest()[:DIGEST_CHARACTERS]
    return f"{filled[: CHANNEL_CHARACTERS - DIGEST_CHARACTERS - 1]}-{digest}"


def channel_text(value: str) -> str:
    """`value` in the characters of channel names."""
    return NOT_IN_CHANNELS.sub(lambda found: f"U+{ord(found[0]):04X}", value)
