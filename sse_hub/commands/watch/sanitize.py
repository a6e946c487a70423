"""
Text from outside as text for a terminal. Pure; no I/O.

    "\\x1b[31mred\\x1b[0m \\x07" --> safe() --> "red \\\\x07"
"""

import re

# Colours and the like are left out: they say nothing, and are written by honest loggers.
SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)")
# What else a terminal obeys, or what makes text look like other text: controls of both sets, marks that change the
# direction, line ends that are none, halves of characters.
HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
NOT_IN_JSON = re.compile(
    "[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def sanitize(text: str) -> str:
    """`text`, with nothing but tabs and line feeds that a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text
    return HARMFUL.sub(_visible, SEQUENCE.sub("", text.replace("\r\n", "\n")))


def sanitize_line(text: str) -> str:
    """The same on one line."""
    return sanitize(text).replace("\n", "\\n").replace("\t", " ")


def sanitize_json(text: str) -> str:
    """The same JSON on one line, with what a terminal would obey as escapes."""
    # Raw controls of the first set stand only between the tokens of JSON.
    text = text.replace("\r", " ").replace("\n", " ")
    return HARMFUL.sub(_visible, NOT_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
