"""
Escape sequences of terminals. Pure: no I/O.

    strip_ansi("\\x1b[1;31mno\\x1b[0m way") --> "no way"
"""

import re

from sse_hub.formats.table import TABLE

ESCAPE = re.compile(TABLE["escapes"])


def strip_ansi(text: str) -> str:
    """`text` without any escape sequence."""
    return ESCAPE.sub("", text) if "\x1b" in text or "\x9b" in text else text
