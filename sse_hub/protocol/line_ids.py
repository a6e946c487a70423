"""
Lines published twice, told by their `line_id`: where a publisher could not know whether the first try had come through.
Pure.

The hub's way of a line never looks for one. It is looked for where lines are read back, and costs a look at a line's
end: a `line_id` is the last member of its object, so nothing needs to be parsed.
"""

import re

# The closing brace at the very end is that of the whole object, so the member is one of its own.
LINE_ID = re.compile(rb'"line_id"\s*:\s*"([!#-\[\]-~]{1,128})"\s*\}\s*\Z')
TAIL_BYTES = 192


class SeenLineIds:
    """The line ids seen so far, of each channel."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, bytes]] = set()

    def is_repeat(self, channel: str, line: bytes) -> bool:
        """True when a line of `channel` with the same line id was seen before."""
        found = LINE_ID.search(line, max(0, len(line) - TAIL_BYTES)) if line.endswith(b"}") else None
        if not found:
            return False
        key = channel, found[1]
        known = key in self._seen
        self._seen.add(key)
        return known
