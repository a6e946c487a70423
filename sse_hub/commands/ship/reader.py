"""
One file as it is read: from its position on, in batches, each of which says at which offsets it begins and ends.

    Content --> fetch() --> is it still the same file? --> split() --> Batch(token, start, end, lines)
"""

import time
from typing import NamedTuple

from sse_hub.commands.ship.content import MARK_BYTES, Content, FileId, Mark, holds, same
from sse_hub.commands.ship.folder import FileStatus
from sse_hub.commands.ship.registry import FileState
from sse_hub.commands.shipping.records import split

CHUNK_BYTES = 131_072
# How long the last record of a file may be without its end before it is published as it is.
IDLE_SECONDS = 1.0
# How far the clocks of files and processes may be apart; the registry has whole seconds, too.
CLOCK_SECONDS = 2.0


class SourceBatch(NamedTuple):
    """`lines` are what stands between the offsets `start` and `end` of the file `token`."""

    token: str
    start: int
    end: int
    channel: str
    lines: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of the lines."""
        return sum(map(len, self.lines))


class FileReader:
    """
    Reads one content. `live` is true while it has the name that is followed, `lost` when it was truncated: then only
    what had been read of it is left, until a copy is found, and once one was `searched` for in vain that is published.
    `look` is how it was last seen, None when it has gone.
    """

    def __init__(self, state: FileState, channel: str, multiline: bool, look: FileStatus | None) -> None:
        self.state = state
        self.look = look
        self.live = False
        self.lost = False
        self.searched = False
        self.content: Content | None = None
        self._channel = channel
        self._multiline = multiline
        # `_buffer` stands at `_start`; what of it is in batches has left it.
        self._start: int | None = None
        self._buffer = b""
        self._head = b""
        self._tail = b""
        self._grown_at = time.monotonic()

    @property
    def at(self) -> int:
        """The offset up to which it has been read."""
        return (self.state.offset if self._start is None else self._start) + len(self._buffer)

    @property
    def pending(self) -> bool:
        """True while a record is in it that has no end yet."""
        return bool(self._buffer)

    @property
    def waiting(self) -> bool:
        """True while what is in it is to be published after a while, whether more comes or not."""
        return self.lost or (self.pending and (not self.live or b"\n" in self._buffer))

    def behind(self) -> int:
        """How many bytes are to be read, as far as is known."""
        if self.content is None or (size := self.content.size()) is None:
            return 0
        return max(0, size - self.at)

    def quiet(self) -> bool:
        """True when all of it has been read, and nothing was added for a while."""
        if self.pending or self.content is None:
            return False
        if self.content.size() is None:
            return self.state.over
        return not self.behind() and time.monotonic() - self._grown_at >= IDLE_SECONDS

    def truncated(self) -> bool:
        """Whether the file has become another one in the same place. Raises OSError."""
        content = self.content
        if content is None or (size := content.size()) is None:
            return False
        return size < self.at or not (self._begins_as_before(content) and self._stands_as_before(content))

    def lose(self) -> None:
        """The file has been truncated: give it up, but for what has been read."""
        self.close()
        self.lost, self.searched, self.live = True, False, False

    def give_up(self) -> None:
        """It can't be read any further: what has been read is all there is."""
        self.lose()
        self.searched = self.state.over = True

    def close(self) -> None:
        """Close the content, if it is open."""
        if self.content is not None:
            self.content.close()
            self.content = None

    def adopt(self, content: Content, look: FileStatus) -> None:
        """Go on in `content`, which is a copy of this one."""
        self.content, self.look, self.lost = content, look, False
        self.state.place = content.file_id
        self._grown_at = time.monotonic()

    def over(self, look: FileStatus, before: FileStatus | None) -> bool:
        """Whether it has been read to its end and `look` shows it as it was then, under whatever name."""
        if not self.state.over:
            return False
        if before is not None:
            return (before.size, before.mtime_ns) == (look.size, look.mtime_ns)
        return look.ctime_ns / 1e9 < self.state.seen_at - CLOCK_SECONDS

    def take(self, content: Content) -> None:
        """
        Go on in `content`, which lies where this one did; where that is a .gz of something else, this one is lost.

        A .gz is never truncated, but what was compressed may have left its place to it.
        """
        self.content = content
        if content.size() is not None:
            return
        try:
            known = same(content, self.state.marks)
        except OSError:
            known = False
        if self.state.over:
            self.close()
            self.state.place = self.state.place if known else FileId(0, 0)
        elif not known:
            self.lose()

    def batch(self) -> SourceBatch | None:
        """The next complete records. None where there are none now. Raises OSError."""
        if self._start is None:
            self._start = self.state.offset
        while self.content is not None:
            chunk = self._fetch(self.content)
            if chunk is None:
                return None
            if not chunk:
                return self._last(self.content)
            if not self._buffer.strip(b"\0"):
                # The hole that a writer leaves which goes on at its old place after a truncation.
                return self._cut([], len(self._buffer))
            if batch := self._cut(*split(self._buffer, self._multiline)):
                return batch
        return self._cut(*split(self._buffer, self._multiline, over=True)) if self.lost else None

    def mark(self) -> None:
        """Have the state know what has been read."""
        if self._head:
            self.state.add_head(Mark.of(self._head, len(self._head)))
        if self._tail:
            self.state.add_last(Mark.of(self._tail, self.at))

    # The rest.

    def _fetch(self, content: Content) -> bytes | None:
        """What was read on. None where the file has been truncated."""
        at = self.at
        chunk = content.read(at, CHUNK_BYTES)
        # After the read: what comes from behind a truncation must not be taken for the file's next lines.
        if self.truncated():
            self.lose()
            return None
        if chunk:
            self._grown_at = time.monotonic()
            if at == len(self._head) < MARK_BYTES:
                self._head += chunk[: MARK_BYTES - at]
            self._tail = (self._tail + chunk)[-MARK_BYTES:]
            self._buffer += chunk
        return chunk

    def _last(self, content: Content) -> SourceBatch | None:
        """What is left at the end of the file, if it is complete."""
        if content.size() is None:
            self.state.over = True
            return self._cut(*split(self._buffer, self._multiline, over=True))
        if time.monotonic() - self._grown_at < IDLE_SECONDS:
            return None
        # A last line without its end is one where nobody writes it on.
        lines, size = split(self._buffer, multiline=False, over=not self.live)
        if self._multiline and lines:
            lines = [b"\n".join(lines)]
        return self._cut(lines, size)

    def _begins_as_before(self, content: Content) -> bool:
        if self._head:
            return content.read(0, len(self._head)) == self._head
        return not self.state.marks or holds(content, self.state.marks[0]) is True

    def _stands_as_before(self, content: Content) -> bool:
        if self._tail:
            return content.read(self.at - len(self._tail), len(self._tail)) == self._tail
        return not self.state.marks or holds(content, self.state.marks[-1]) is True

    def _cut(self, records: list[bytes], size: int) -> SourceBatch | None:
        if not size or self._start is None:
            return None
        batch = SourceBatch(self.state.token, self._start, self._start + size, self._channel, records)
        self._start, self._buffer = batch.end, self._buffer[size:]
        return batch
