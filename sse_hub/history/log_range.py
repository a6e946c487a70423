"""
The part of the log that a request covers: some channels, from one cursor to another. Pure; no I/O.

    channels, after, before, the fence up to which the log is complete --> LogRange --> start and end for each channel
"""

from dataclasses import dataclass

from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.selection import Selection

# The highest number that Redis accepts in a stream id: https://redis.io/docs/latest/develop/data-types/streams/
MAX_NUMBER = 2**64 - 1
BEGINNING = Cursor(0, (0,))


@dataclass(frozen=True, slots=True)
class LogRange:
    """
    The lines of `selection` after `after` and before `before`.

    The log is complete up to fence `complete_to` (ms). `awaited_fence` is the fence that the request waited for; it is
    greater than `complete_to` if the recorder did not get there in time.
    """

    selection: Selection
    after: Cursor
    before: Cursor
    complete_to: int
    awaited_fence: int

    def start_of(self, name: str) -> EventId:
        """The id after which the range of channel `name` starts."""
        return self._id_at(self.after, name)

    def end_of(self, name: str) -> EventId:
        """The id before which the range of channel `name` ends."""
        return min(self._id_at(self.before, name), EventId(self.complete_to, 0))

    def _id_at(self, cursor: Cursor, name: str) -> EventId:
        slot = self.selection.channels.index(name) if len(cursor.counts) > 1 else 0
        return EventId(min(cursor.fence, MAX_NUMBER), min(cursor.counts[slot], MAX_NUMBER))
