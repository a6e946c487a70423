"""
Text in any encoding as UTF-8. Pure.

    text_encoding("gbk").decode(line) --> UTF-8          encoding_of_mark(data) --> UTF-16, size of the mark
"""

import codecs
from typing import NamedTuple

from sse_hub.errors import InvalidSetting

UTF8 = "utf-8"
MARKS = (
    (codecs.BOM_UTF8, UTF8),
    # Before that of UTF-16, which it begins with.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MARK_BYTES = 4


class TextEncoding(NamedTuple):
    """An encoding by its name in Python, and the bytes of its line end."""

    name: str
    line_end: bytes

    def decode(self, text: bytes) -> bytes:
        """`text` as UTF-8; bytes that are no text become U+FFFD."""
        # Lone surrogates, which UTF-16 may hold, have no form in UTF-8.
        return text.decode(self.name, "replace").encode(UTF8, "replace")

    def split(self, data: bytes) -> list[bytes]:
        """The lines of `data`, without their ends; what follows the last end is the last one."""
        width = len(self.line_end)
        if width == 1:
            return data.split(self.line_end)
        lines, start, at = [], 0, data.find(self.line_end)
        while at >= 0:
            # Only at whole units: elsewhere these bytes are halves of two characters.
            if at % width == 0:
                lines.append(data[start:at])
                start = at + width
            at = data.find(self.line_end, at + 1)
        return [*lines, data[start:]]


def text_encoding(name: str) -> TextEncoding | None:
    """
    The encoding called `name`; None for UTF-8, which needs no decoding.

    Raises InvalidSetting if Python has no such encoding for text, or it is none for log files.
    """
    try:
        codec = codecs.lookup(name)
        line_end = "\n".encode(codec.name)
    except (LookupError, UnicodeError, TypeError, ValueError):
        raise InvalidSetting(f"{name!r} is not an encoding of text, such as gbk, latin-1 or utf-16-le.") from None
    if codec.name in (UTF8, "utf-8-sig", "ascii"):
        return None
    if codec.name in ("utf-16", "utf-32"):
        # Without a mark, which comes first, they are in the byte order of this machine's files.
        return TextEncoding(f"{codec.name}-le", line_end[len(line_end) // 2 :])
    if line_end.strip(b"\0") != b"\n":
        raise InvalidSetting(
            f"{name!r} has another line end than log files have; gbk, latin-1 or utf-16-le have the same."
        )
    return TextEncoding(codec.name, line_end)


def encoding_of_mark(data: bytes) -> tuple[TextEncoding | None, int] | None:
    """The encoding that a byte order mark at the beginning of `data` names, and the size of the mark; None without."""
    for mark, name in MARKS:
        if data.startswith(mark):
            return text_encoding(name), len(mark)
    return None
