"""
Makes text from outside safe for a terminal. Pure; no I/O.

    "\\x1b[31mred\\x1b[0m \\x07" --> sanitize() --> "red \\\\x07"
"""

import re

# Removed: honest loggers write colours, and they carry no information.
ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)")
# Escaped: other control characters, and characters that make text look different: direction marks, invisible
# characters, unusual line endings, lone surrogates.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
UNSAFE_IN_JSON = re.compile(
    "[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def sanitize(text: str) -> str:
    """`text` with no control characters but tabs and line feeds."""
    if text.isascii() and text.isprintable():
        return text
    return UNSAFE.sub(_escape, ESCAPE_SEQUENCE.sub("", text.replace("\r\n", "\n")))


def sanitize_line(text: str) -> str:
    """Sanitized `text` on one line."""
    return sanitize(text).replace("\n", "\\n").replace("\t", " ")


def sanitize_json(text: str) -> str:
    """The JSON `text` on one line, with control characters as escapes."""
    # Raw ASCII control characters occur in JSON only between tokens.
    text = text.replace("\r", " ").replace("\n", " ")
    return UNSAFE.sub(_escape, UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
