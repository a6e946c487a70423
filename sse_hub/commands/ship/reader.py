"""
Reads one file from its position on, in batches, each with the offsets where it begins and ends.

    Content --> _fetch() --> is it still the same file? --> split() --> SourceBatch(token, start, end, …, lines)
"""

import time

from sse_hub.commands.ship.content import FINGERPRINT_BYTES, Content, FileId, Fingerprint, matches, same_content
from sse_hub.commands.ship.folder import FileStatus
from sse_hub.commands.ship.registry import FileState
from sse_hub.commands.shipping.batch import SourceBatch
from sse_hub.commands.shipping.encodings import MARK_BYTES, encoding_of_mark
from sse_hub.commands.shipping.records import LineFormat, Split, complete_size, split

CHUNK_BYTES = 131_072
# An unfinished last record is published after this long without new bytes.
IDLE_SECONDS = 1.0
# How far the clocks of file systems and processes may differ; also, the registry stores whole seconds.
CLOCK_SECONDS = 2.0


class FileReader:
    """
    Reads one file content. `live` is true while it has the followed name. `status` is how it was last seen, None if it
    is gone.

    `detached` is true after the file was truncated: then only the bytes already read are left, until a copy is found.
    Once a copy was searched for in vain (`copy_searched`), these bytes are published.
    """

    def __init__(self, state: FileState, channel: str, lines: LineFormat, status: FileStatus | None) -> None:
        self.state = state
        self.status = status
        self.live = False
        self.detached = False
        self.copy_searched = False
        self.content: Content | None = None
        self._channel = channel
        self._new_joiner = lines.new_joiner
        # A mark at the beginning of the file names another one.
        self._encoding = lines.encoding
        self._mark_bytes = 0
        self._mark_sought = False
        # `_buffer` begins at offset `_start`; batches are removed from it.
        self._start: int | None = None
        self._buffer = b""
        self._head = b""
        self._tail = b""
        self._grown_at = time.monotonic()

    @property
    def read_to(self) -> int:
        """The offset up to which the file has been read."""
        return (self.state.offset if self._start is None else self._start) + len(self._buffer)

    @property
    def partial(self) -> bool:
        """Whether an unfinished record has been read."""
        return bool(self._buffer)

    @property
    def waiting(self) -> bool:
        """Whether bytes already read will be published after a while, even if no more follow."""
        return self.detached or (self.partial and (not self.live or b"\n" in self._buffer))

    def unread_bytes(self) -> int:
        """The number of bytes still to read, as far as it is known."""
        if self.content is None or (size := self.content.size()) is None:
            return 0
        return max(0, size - self.read_to)

    def idle(self) -> bool:
        """Whether everything has been read and nothing was appended for a while."""
        if self.partial or self.content is None:
            return False
        if self.content.size() is None:
            return self.state.finished
        return not self.unread_bytes() and time.monotonic() - self._grown_at >= IDLE_SECONDS

    def truncated(self) -> bool:
        """Whether the open file has been truncated or overwritten. Raises OSError."""
        content = self.content
        if content is None or (size := content.size()) is None:
            return False
        return size < self.read_to or not (self._head_unchanged(content) and self._tail_unchanged(content))

    def detach(self) -> None:
        """The file has been truncated: keep only the bytes already read."""
        self.close()
        self.detached, self.copy_searched, self.live = True, False, False

    def abandon(self) -> None:
        """The file can't be read any further: publish the bytes already read."""
        self.detach()
        self.copy_searched = self.state.finished = True

    def close(self) -> None:
        """Close the content, if it is open."""
        if self.content is not None:
            self.content.close()
            self.content = None

    def resume_in_copy(self, content: Content, status: FileStatus) -> None:
        """Continue in `content`, which is a copy of this file."""
        self.content, self.status, self.detached = content, status, False
        self.state.file_id = content.file_id
        self._grown_at = time.monotonic()

    def still_finished(self, status: FileStatus, before: FileStatus | None) -> bool:
        """Whether it was read to its end and `status`, under any name, shows no change since then."""
        if not self.state.finished:
            return False
        if before is not None:
            return (before.size, before.mtime_ns) == (status.size, status.mtime_ns)
        return status.ctime_ns / 1e9 < self.state.seen_at - CLOCK_SECONDS

    def reopen(self, content: Content) -> None:
        """
        Continue in `content`, which has the same file id. If that is a .gz of something else, detach.

        A .gz is never truncated, but the file that was compressed may have left its inode to it.
        """
        self.content = content
        if content.size() is not None:
            return
        try:
            known = same_content(content, self.state.fingerprints)
        except OSError:
            known = False
        if self.state.finished:
            self.close()
            self.state.file_id = self.state.file_id if known else FileId(0, 0)
        elif not known:
            self.detach()

    def next_batch(self) -> SourceBatch | None:
        """The next complete records; None if there are none now. Raises OSError."""
        if self._start is None:
            self._start = self.state.offset
        while self.content is not None:
            chunk = self._fetch(self.content)
            if chunk is None:
                return None
            if not chunk:
                return self._last_batch(self.content)
            if not self._buffer.strip(b"\0"):
                # NUL bytes: after a truncation, the writer continued at its old position.
                return self._cut_batch([], len(self._buffer))
            if batch := self._cut_batch(*self._split(self._buffer)):
                return batch
        return self._cut_batch(*self._split(self._buffer, at_end=True)) if self.detached else None

    def update_fingerprints(self) -> None:
        """Update the fingerprints of the state to what has been read."""
        if self._head:
            self.state.add_first(Fingerprint.of(self._head, len(self._head)))
        if self._tail:
            self.state.add_last(Fingerprint.of(self._tail, self.read_to))

    def _fetch(self, content: Content) -> bytes | None:
        """The next bytes read; None if the file has been truncated."""
        at = self.read_to
        if not self._mark_sought:
            self._seek_mark(content)
        chunk = content.read(at, CHUNK_BYTES)
        # Checked after the read: bytes written after a truncation must not be taken for the next lines.
        if self.truncated():
            self.detach()
            return None
        if chunk:
            self._grown_at = time.monotonic()
            if at == len(self._head) < FINGERPRINT_BYTES:
                self._head += chunk[: FINGERPRINT_BYTES - at]
            self._tail = (self._tail + chunk)[-FINGERPRINT_BYTES:]
            self._buffer += chunk
        return chunk

    def _last_batch(self, content: Content) -> SourceBatch | None:
        """The remaining records at the end of the file, if they are complete."""
        if content.size() is None:
            self.state.finished = True
            return self._cut_batch(*self._split(self._buffer, at_end=True))
        if time.monotonic() - self._grown_at < IDLE_SECONDS:
            return None
        # An unfinished last line is complete if the file is no longer written to.
        complete = self._buffer[: complete_size(self._buffer, self._encoding)] if self.live else self._buffer
        return self._cut_batch(*self._split(complete, at_end=True))

    def _split(self, data: bytes, at_end: bool = False) -> Split:
        # Without the mark; a file that has nothing else has no line.
        skipped = self._mark_bytes if self._start == 0 else 0
        records, size = split(data[skipped:], self._new_joiner, at_end, self._encoding)
        return Split(records, size + skipped if size or at_end else 0)

    def _seek_mark(self, content: Content) -> None:
        head = content.read(0, MARK_BYTES)
        self._mark_sought = len(head) == MARK_BYTES
        if found := encoding_of_mark(head):
            self._encoding, self._mark_bytes = found

    def _head_unchanged(self, content: Content) -> bool:
        if self._head:
            return content.read(0, len(self._head)) == self._head
        return not self.state.fingerprints or matches(content, self.state.fingerprints[0]) is True

    def _tail_unchanged(self, content: Content) -> bool:
        if self._tail:
            return content.read(self.read_to - len(self._tail), len(self._tail)) == self._tail
        return not self.state.fingerprints or matches(content, self.state.fingerprints[-1]) is True

    def _cut_batch(self, records: list[bytes], size: int) -> SourceBatch | None:
        if not size or self._start is None:
            return None
        batch = SourceBatch(self.state.token, self._start, self._start + size, self._channel, records)
        self._start, self._buffer = batch.end, self._buffer[size:]
        return batch
