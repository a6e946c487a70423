"""
A followed file name and its rotated files, in the order in which they were written.

    folder --> scan(): known by file id or fingerprints, or new --> app.log.2, app.log.1, app.log --> batches
"""

import logging
import os
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from sse_hub.commands.ship.content import (
    FINGERPRINT_BYTES,
    Content,
    FileId,
    fingerprint_before,
    matches,
    open_content,
    readable_to_end,
    same_content,
)
from sse_hub.commands.ship.folder import FileStatus
from sse_hub.commands.ship.names import RotatedName
from sse_hub.commands.ship.reader import FileReader
from sse_hub.commands.ship.registry import FileState, Registry
from sse_hub.commands.shipping.batch import SourceBatch
from sse_hub.commands.shipping.records import LineFormat

logger = logging.getLogger(__name__)

# A copy may still be in progress for this long after the last write to it.
COPY_SECONDS = 5.0


class RotationTracker:
    """Tracks all files of the followed name `path`. With `from_start`, its first file is read from the beginning."""

    def __init__(self, path: Path, channel: str, lines: LineFormat, registry: Registry, from_start: bool) -> None:
        self.path = path
        self._channel = channel
        self._lines = lines
        self._registry = registry
        self._rotated = RotatedName(path.name)
        # Kubernetes links to files in another folder, which are rotated there.
        self._link_target = RotatedName(path.resolve().name)
        self._readers = {state.token: self._new_reader(state, None) for state in registry.states_of(str(path))}
        self._from_start = from_start or bool(self._readers)
        self._examined: dict[FileId, FileStatus] = {}
        self._deferred = False
        self._logged: set[str] = set()
        # The files that could not be read since they changed last.
        self.unreadable: set[Path] = set()

    def scan(self, statuses: Sequence[FileStatus]) -> None:
        """Process a listing of the folder. It may add files to the registry, which must be saved afterwards."""
        by_file_id = {}
        known = self._readers_by_file()
        for status in sorted(statuses, key=lambda status: status.name == self.path.name):
            moved = os.sep in status.name and status.file_id in known
            if moved or self._concerns(status.name):
                # The followed name comes last, since it counts if a file has two links.
                by_file_id[status.file_id] = status
        self._deferred = False
        # Not the readers detached below: their copies may be newer than this listing.
        searched = [reader for reader in self._readers.values() if reader.detached]
        for file_id, reader in self._readers_by_file().items():
            self._update_reader(reader, by_file_id.get(file_id))
        if any(reader.detached and not reader.copy_searched for reader in self._readers.values()):
            self._examined.clear()
        for file_id, status in by_file_id.items():
            if file_id not in self._readers_by_file() and self._examined.get(file_id) != status:
                self._examine(status)
        for reader in searched:
            reader.copy_searched = True
        self._from_start = True

    def lost_readers(self) -> list[FileReader]:
        """Those whose file had the followed name when it was seen last, and is not among those of the last scan."""
        readers = self._readers.values()
        return [each for each in readers if each.state.live and not (each.status or each.content or each.detached)]

    def give_up_lost(self) -> None:
        """The files of lost_readers() are nowhere: what was appended to them can't be published."""
        for reader in self.lost_readers():
            reader.state.live = False
            logger.warning("file_gone path=%(path)s read=%(read)d", {"path": self.path, "read": reader.state.offset})

    def _path_of(self, name: str) -> Path:
        return self.path.parent / name

    def _concerns(self, name: str) -> bool:
        """Whether the file `name` has the followed name, or that of a rotated file, here or in another folder."""
        base = os.path.basename(name)
        if base == name:
            return name == self.path.name or self._rotated.matches(name)
        return base == self.path.name or self._rotated.matches(base) or self._link_target.matches(base)

    def _readers_by_file(self) -> dict[FileId, FileReader]:
        return {
            reader.state.file_id: reader
            for reader in self._readers.values()
            if not reader.detached or reader.state.finished
        }

    def batches(self) -> Generator[SourceBatch, None, None]:
        """The batches to publish, oldest first. A batch counts as read once it has been taken."""
        for reader in self._oldest_first():
            if reader.detached and not reader.copy_searched:
                return
            try:
                while batch := reader.next_batch():
                    yield batch
            except OSError as error:
                self._log_unreadable(reader, error)
            if reader.detached and not reader.copy_searched:
                return
            self._close_if_done(reader)
            if reader.partial and not reader.live:
                # Its end is not known yet: newer files wait, to keep the order.
                return

    @property
    def waiting(self) -> bool:
        """Whether something waits for time to pass, not for more bytes."""
        return self._deferred or any(reader.waiting for reader in self._readers.values())

    @property
    def searching_copy(self) -> bool:
        """Whether a copy of a truncated file has not been searched for yet."""
        return any(reader.detached and not reader.copy_searched for reader in self._readers.values())

    def unread_bytes(self) -> int:
        """The number of bytes still to read, as far as it is known."""
        return sum(reader.unread_bytes() for reader in self._readers.values())

    def update_fingerprints(self) -> None:
        """Update the fingerprints in the registry to what has been read."""
        for reader in self._readers.values():
            reader.update_fingerprints()

    def close(self) -> None:
        """Close all files."""
        for reader in self._readers.values():
            reader.close()

    # Known files.

    def _update_reader(self, reader: FileReader, status: FileStatus | None) -> None:
        before, reader.status = reader.status, status
        if status is None:
            reader.live = False
            if before is not None:
                # A file that was a copy of it may be all that is left.
                self._examined.clear()
            return
        reader.live = reader.state.live = status.name == self.path.name
        if before == status and (reader.content or not reader.live):
            reader.state.seen_at = time.time()
            return
        try:
            # Even at the same size as when it was read to its end: it may be another file of that size.
            if reader.content is None and not reader.still_finished(status, before):
                self._open(reader, status)
            if reader.truncated():
                logger.info(
                    "file_truncated path=%(path)s read=%(read)d",
                    {"path": self._path_of(status.name), "read": reader.read_to},
                )
                reader.detach()
            self.unreadable.discard(self._path_of(status.name))
        except OSError as error:
            self._log_unreadable(reader, error)
        reader.state.seen_at = time.time()

    def _open(self, reader: FileReader, status: FileStatus) -> None:
        content = open_content(self._path_of(status.name))
        if content.file_id != reader.state.file_id:
            # It was renamed after the listing; the next one will show it.
            content.close()
            reader.status = None
            return
        reader.reopen(content)

    # New files.

    def _examine(self, status: FileStatus) -> None:
        self._examined[status.file_id] = status
        path = self._path_of(status.name)
        age_seconds = time.time() - status.mtime_ns / 1e9
        if status.size == 0:
            # An empty file can't be identified yet.
            del self._examined[status.file_id]
            return
        try:
            content = open_content(path)
        except OSError as error:
            if path.name not in self._logged:
                logger.warning("file_unreadable path=%(path)s error=%(error)r", {"path": path, "error": error.strerror})
            self._logged.add(path.name)
            self.unreadable.add(path)
            return
        self.unreadable.discard(path)
        self._logged.discard(path.name)
        try:
            if path.suffix == ".gz" and 0 <= age_seconds < COPY_SECONDS and not readable_to_end(content):
                kept = self._defer(status)
            else:
                kept = content.file_id == status.file_id and self._identify(content, status, age_seconds)
        except OSError as error:
            logger.warning("file_unreadable path=%(path)s error=%(error)r", {"path": path, "error": str(error)})
            kept = False
        if not kept:
            content.close()

    def _identify(self, content: Content, status: FileStatus, age_seconds: float) -> bool:
        """Find the reader of this content, or add one; whether `content` stays open. Raises OSError."""
        without_file = [reader for reader in self._readers.values() if reader.detached or reader.status is None]
        for reader in without_file:
            if same_content(content, reader.state.fingerprints):
                return self._resume_reader(reader, content, status)
        if status.name != self.path.name:
            for reader in self._readers.values():
                if reader.status is None or not reader.state.fingerprints:
                    continue
                if same_content(content, reader.state.fingerprints):
                    # A copy of a file that still exists: that one is read, as long as it does.
                    return False
                if 0 <= age_seconds < COPY_SECONDS and matches(content, reader.state.fingerprints[0]):
                    return self._defer(status)
        head = content.read(0, FINGERPRINT_BYTES)
        if not head:
            return False
        if self._from_start and status.name == self.path.name and b"\n" not in head and len(head) < FINGERPRINT_BYTES:
            # No line is complete yet, and so few bytes could be the beginning of any file.
            return False
        self._follow_new(content, status)
        return True

    def _defer(self, status: FileStatus) -> bool:
        """The file is still being written: examine it again later."""
        del self._examined[status.file_id]
        self._deferred = True
        return False

    def _resume_reader(self, reader: FileReader, content: Content, status: FileStatus) -> bool:
        """Continue `reader` in this file, which is its own or a copy; whether `content` stays open."""
        logger.info(
            "file_recognized path=%(path)s offset=%(offset)d",
            {"path": self._path_of(status.name), "offset": reader.read_to},
        )
        if (size := content.size()) is not None and size < reader.read_to:
            # More was read than copied. From now on the copy is known, and has nothing new.
            state = FileState(str(self.path), content.file_id, offset=size)
            state.add_first(fingerprint_before(content, min(FINGERPRINT_BYTES, size)))
            self._add_reader(state, status)
            return False
        if reader.content is None or reader.truncated():
            reader.close()
            reader.resume_in_copy(content, status)
            return True
        # The original is still open, although its name is gone.
        reader.status, reader.state.file_id = status, content.file_id
        return False

    def _follow_new(self, content: Content, status: FileStatus) -> None:
        live, path = status.name == self.path.name, str(self.path)
        if self._from_start:
            state = FileState.from_start(path, content)
        else:
            state = FileState.from_end(path, content, live, self._lines.encoding)
        logger.info(
            "file_followed path=%(path)s offset=%(offset)d",
            {"path": self._path_of(status.name), "offset": state.offset},
        )
        reader = self._add_reader(state, status)
        reader.content, reader.live, state.live = content, live, live

    def _add_reader(self, state: FileState, status: FileStatus) -> FileReader:
        self._registry.add(state)
        reader = self._readers[state.token] = self._new_reader(state, status)
        return reader

    # Reading.

    def _oldest_first(self) -> list[FileReader]:
        readers = [reader for reader in self._readers.values() if reader.content or reader.detached]
        return sorted(readers, key=self._age_key)

    def _age_key(self, reader: FileReader) -> tuple[bool, int, int]:
        if reader.status is None or reader.detached:
            return (False, 0, 0)
        return (
            reader.live,
            reader.status.mtime_ns,
            -self._rotated.rotation_number(os.path.basename(reader.status.name)),
        )

    def _close_if_done(self, reader: FileReader) -> None:
        """Close a file that has been read to its end and won't grow."""
        if reader.partial:
            return
        if reader.detached or (not reader.live and reader.idle()):
            reader.update_fingerprints()
            reader.close()
            reader.state.live = False
            if reader.detached and not reader.state.finished:
                # Its content no longer exists: the file with this id is another one now.
                reader.status, reader.state.file_id = None, FileId(0, 0)
            reader.detached = False

    def _log_unreadable(self, reader: FileReader, error: OSError) -> None:
        name = reader.status.name if reader.status else self.path.name
        if name not in self._logged:
            logger.warning(
                "file_unreadable path=%(path)s error=%(error)r",
                {"path": self._path_of(name), "error": str(error)},
            )
        self._logged.add(name)
        if name.endswith(".gz"):
            # A damaged .gz: the bytes already read are all there is.
            reader.abandon()
        else:
            self.unreadable.add(self._path_of(name))

    def _new_reader(self, state: FileState, status: FileStatus | None) -> FileReader:
        return FileReader(state, self._channel, self._lines, status)
