"""
Lines that were published twice, found by their `line_id`. Pure: no I/O.

    a line read back from the log --> SeenLineIds.is_repeat()

A publisher repeats a line when it can't know whether the first try succeeded. Live delivery never checks for that.
Readers of the log do, and only search the end of the line: a `line_id` is the last member of its object, so nothing
needs to be parsed.
"""

import re

# The closing brace at the very end closes the whole object, so this member belongs to no nested one.
LINE_ID = re.compile(rb'"line_id"\s*:\s*"([!#-\[\]-~]{1,128})"\s*\}\s*\Z')
TAIL_BYTES = 192


class SeenLineIds:
    """The line ids seen so far, of each channel."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, bytes]] = set()

    def is_repeat(self, channel: str, line: bytes) -> bool:
        """True when a line of `channel` with the same line id was checked before."""
        found = LINE_ID.search(line, max(0, len(line) - TAIL_BYTES)) if line.endswith(b"}") else None
        if not found:
            return False
        key = channel, found[1]
        known = key in self._seen
        self._seen.add(key)
        return known
