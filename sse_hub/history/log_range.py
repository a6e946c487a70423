"""
What somebody wants of the log: some channels, from one place to another. Pure; no I/O.

    channels, after, before, the fence up to which the log is complete --> Stretch --> the bounds of each channel
"""

from dataclasses import dataclass

from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.selection import Selection

# The highest number that Redis takes in an id.
MAX_NUMBER = 2**64 - 1
BEGINNING = Cursor(0, (0,))


@dataclass(frozen=True, slots=True)
class LogRange:
    """
    What lies after `after` and before `before`. The log is complete up to fence `until`; `asked` is the one that was
    waited for, and greater where it was not in time.
    """

    selection: Selection
    after: Cursor
    before: Cursor
    until: int
    asked: int

    def start_of(self, name: str) -> EventId:
        """The id after which lines of `name` are wanted."""
        return self._id_at(self.after, name)

    def end_of(self, name: str) -> EventId:
        """The id before which lines of `name` are wanted."""
        return min(self._id_at(self.before, name), EventId(self.until, 0))

    def _id_at(self, cursor: Cursor, name: str) -> EventId:
        slot = self.selection.channels.index(name) if len(cursor.counts) > 1 else 0
        return EventId(min(cursor.fence, MAX_NUMBER), min(cursor.counts[slot], MAX_NUMBER))
