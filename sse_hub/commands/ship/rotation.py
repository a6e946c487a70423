"""
One followed name and the rotated files beside it, in the order in which they were written.

    folder --> scan(): known by place, or by its marks, or new --> app.log.2, app.log.1, app.log --> batches
"""

import logging
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from sse_hub.commands.ship.content import MARK_BYTES, Content, FileId, holds, mark_before, open_content, same, whole
from sse_hub.commands.ship.folder import FileStatus
from sse_hub.commands.ship.names import RotatedName
from sse_hub.commands.ship.reader import FileReader, SourceBatch
from sse_hub.commands.ship.registry import FileState, Registry

logger = logging.getLogger(__name__)

# A copy may be on its way for this long after it was last written to.
COPY_SECONDS = 5.0


class RotationTracker:
    """All files of the followed name `path`. With `new` true it is to be read from its beginning."""

    def __init__(self, path: Path, channel: str, multiline: bool, registry: Registry, new: bool) -> None:
        self.path = path
        self._channel = channel
        self._multiline = multiline
        self._registry = registry
        self._rotated = RotatedName(path.name)
        self._readers = {state.token: self._reader(state, None) for state in registry.of(str(path))}
        self._new = new or bool(self._readers)
        self._seen: dict[FileId, FileStatus] = {}
        self._deferred = False
        self._said: set[str] = set()

    def scan(self, looks: Sequence[FileStatus]) -> None:
        """Take in what the folder says now; new files are in the registry afterwards, which is to be saved then."""
        by_place = {}
        for look in sorted(looks, key=lambda look: look.name == self.path.name):
            if look.name == self.path.name or self._rotated.matches(look.name):
                # The followed name last: it is the one that counts of two links to a file.
                by_place[look.place] = look
        self._deferred = False
        # Of those that are lost after the folder was looked at, a copy may be there that was not yet.
        lost = [reader for reader in self._readers.values() if reader.lost]
        for place, reader in self._known().items():
            self._look(reader, by_place.get(place))
        if any(reader.lost and not reader.searched for reader in self._readers.values()):
            self._seen.clear()
        for place, look in by_place.items():
            if place not in self._known() and self._seen.get(place) != look:
                self._meet(look)
        for reader in lost:
            reader.searched = True
        self._new = True

    def _known(self) -> dict[FileId, FileReader]:
        return {reader.state.place: reader for reader in self._readers.values() if not reader.lost or reader.state.over}

    def batches(self) -> Generator[SourceBatch, None, None]:
        """What is there to be published, the oldest first; the place of each batch counts as read when it is taken."""
        for reader in self._in_order():
            if reader.lost and not reader.searched:
                return
            try:
                while batch := reader.batch():
                    yield batch
            except OSError as error:
                self._complain(reader, error)
            if reader.lost and not reader.searched:
                return
            self._settle(reader)
            if reader.pending and not reader.live:
                # Its end is not known yet; what comes after it waits, so that the order stays.
                return

    @property
    def waiting(self) -> bool:
        """True while something waits for time to pass, not for more to be written."""
        return self._deferred or any(reader.waiting for reader in self._readers.values())

    @property
    def lost(self) -> bool:
        """True while a copy of a truncated file is to be looked for."""
        return any(reader.lost and not reader.searched for reader in self._readers.values())

    def behind(self) -> int:
        """How many bytes are to be read, as far as is known."""
        return sum(reader.behind() for reader in self._readers.values())

    def mark(self) -> None:
        """Have the registry know what has been read."""
        for reader in self._readers.values():
            reader.mark()

    def close(self) -> None:
        """Close all files."""
        for reader in self._readers.values():
            reader.close()

    # What is known.

    def _look(self, reader: FileReader, look: FileStatus | None) -> None:
        before, reader.look = reader.look, look
        if look is None:
            reader.live = False
            if before is not None:
                # What was a copy of it may be all that is left.
                self._seen.clear()
            return
        reader.live = look.name == self.path.name
        if before == look and (reader.content or not reader.live):
            reader.state.seen_at = time.time()
            return
        try:
            # Also one that is as large as it was when all of it had been read: it may be another one of that size.
            if reader.content is None and not reader.over(look, before):
                self._open(reader, look)
            if reader.truncated():
                logger.info(
                    "file_truncated path=%(path)s read=%(read)d",
                    {"path": self.path.with_name(look.name), "read": reader.at},
                )
                reader.lose()
        except OSError as error:
            self._complain(reader, error)
        reader.state.seen_at = time.time()

    def _open(self, reader: FileReader, look: FileStatus) -> None:
        content = open_content(self.path.with_name(look.name))
        if content.file_id != reader.state.place:
            # It was renamed since we looked; the next look tells.
            content.close()
            reader.look = None
            return
        reader.take(content)

    # What is not.

    def _meet(self, look: FileStatus) -> None:
        self._seen[look.place] = look
        path = self.path.with_name(look.name)
        age_seconds = time.time() - look.mtime_ns / 1e9
        if look.size == 0:
            # It is not known by anything yet.
            del self._seen[look.place]
            return
        try:
            content = open_content(path)
        except OSError as error:
            if path.name not in self._said:
                logger.warning("file_unreadable path=%(path)s error=%(error)r", {"path": path, "error": error.strerror})
            self._said.add(path.name)
            return
        try:
            if path.suffix == ".gz" and 0 <= age_seconds < COPY_SECONDS and not whole(content):
                kept = self._later(look)
            else:
                kept = content.file_id == look.place and self._identify(content, look, age_seconds)
        except OSError as error:
            logger.warning("file_unreadable path=%(path)s error=%(error)r", {"path": path, "error": str(error)})
            kept = False
        if not kept:
            content.close()

    def _identify(self, content: Content, look: FileStatus, age_seconds: float) -> bool:
        """Find out whose `content` this is; whether it is kept open. Raises OSError."""
        homeless = [reader for reader in self._readers.values() if reader.lost or reader.look is None]
        for reader in homeless:
            if same(content, reader.state.marks):
                return self._move(reader, content, look)
        if look.name != self.path.name:
            for reader in self._readers.values():
                if reader.look is None or not reader.state.marks:
                    continue
                if same(content, reader.state.marks):
                    # A copy of a file that is still there: all of it comes from that one, as long as it is.
                    return False
                if 0 <= age_seconds < COPY_SECONDS and holds(content, reader.state.marks[0]):
                    return self._later(look)
        head = content.read(0, MARK_BYTES)
        if not head:
            return False
        if self._new and look.name == self.path.name and b"\n" not in head and len(head) < MARK_BYTES:
            # Nothing is to be published yet, and so few bytes could be the beginning of any file.
            return False
        self._begin(content, look)
        return True

    def _later(self, look: FileStatus) -> bool:
        """It is being written: look at it again."""
        del self._seen[look.place]
        self._deferred = True
        return False

    def _move(self, reader: FileReader, content: Content, look: FileStatus) -> bool:
        """The file of `reader` is here now, or a copy of it; whether `content` is kept open."""
        logger.info(
            "file_recognized path=%(path)s offset=%(offset)d",
            {"path": self.path.with_name(look.name), "offset": reader.at},
        )
        if (size := content.size()) is not None and size < reader.at:
            # More of it has been read than was copied. The copy is known from now on, and has nothing new.
            state = FileState(str(self.path), content.file_id, offset=size)
            state.add_head(mark_before(content, min(MARK_BYTES, size)))
            self._add(state, look)
            return False
        if reader.content is None or reader.truncated():
            reader.close()
            reader.adopt(content, look)
            return True
        # It is still open, though it has lost its name.
        reader.look, reader.state.place = look, content.file_id
        return False

    def _begin(self, content: Content, look: FileStatus) -> None:
        live, path = look.name == self.path.name, str(self.path)
        state = FileState.beginning(path, content) if self._new else FileState.ended(path, content, live)
        logger.info(
            "file_followed path=%(path)s offset=%(offset)d",
            {"path": self.path.with_name(look.name), "offset": state.offset},
        )
        reader = self._add(state, look)
        reader.content, reader.live = content, live

    def _add(self, state: FileState, look: FileStatus) -> FileReader:
        self._registry.add(state)
        reader = self._readers[state.token] = self._reader(state, look)
        return reader

    # Reading.

    def _in_order(self) -> list[FileReader]:
        readers = [reader for reader in self._readers.values() if reader.content or reader.lost]
        return sorted(readers, key=self._age)

    def _age(self, reader: FileReader) -> tuple[bool, int, int]:
        if reader.look is None or reader.lost:
            return (False, 0, 0)
        return (reader.live, reader.look.mtime_ns, -self._rotated.turn(reader.look.name))

    def _settle(self, reader: FileReader) -> None:
        """Close what has been read, unless it may still grow."""
        if reader.pending:
            return
        if reader.lost or (not reader.live and reader.quiet()):
            reader.mark()
            reader.close()
            if reader.lost and not reader.state.over:
                # It has no place any more: what is there now is another file.
                reader.look, reader.state.place = None, FileId(0, 0)
            reader.lost = False

    def _complain(self, reader: FileReader, error: OSError) -> None:
        name = reader.look.name if reader.look else self.path.name
        if name not in self._said:
            logger.warning(
                "file_unreadable path=%(path)s error=%(error)r",
                {"path": self.path.with_name(name), "error": str(error)},
            )
        self._said.add(name)
        if name.endswith(".gz"):
            # What has been read of it is all there is.
            reader.give_up()

    def _reader(self, state: FileState, look: FileStatus | None) -> FileReader:
        return FileReader(state, self._channel, self._multiline, look)
