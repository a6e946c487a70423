"""
The registry: which file is which, and how far each has been published, as a file that a crash can't tear.

    FileState(token, path, place, offset, marks) --> save() --> Store --> Registry(path)

It is behind Redis by what was published since it was saved. What it has that Redis has not is what makes a file known
again, so each file stands in it before its first line is published.
"""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sse_hub.commands.ship.content import MARK_BYTES, Content, FileId, Mark, line_start, mark_before
from sse_hub.commands.shipping.state_file import StateFile
from sse_hub.errors import RegistryUnavailable

# Marks of one file: where it begins, and where it was at the last so many saves.
MARKS = 8
# A file that has gone may come back, compressed or under its old name.
FORGET_SECONDS = 7 * 86400.0


@dataclass(slots=True)
class FileState:
    """
    One content, wherever it lies. All before `offset` has been published; `token` is its name in Redis.

    `path` is the followed name it belongs to, `over` true for a .gz that has been read to its end, `seen_at` when it
    was last seen, in seconds since the epoch.
    """

    path: str
    place: FileId
    offset: int = 0
    marks: list[Mark] = field(default_factory=list)
    over: bool = False
    seen_at: float = field(default_factory=time.time)
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def beginning(cls, path: str, content: Content) -> "FileState":
        """All of `content` is to be published. Raises OSError."""
        state = cls(path, content.file_id)
        state.add_head(mark_before(content, len(content.read(0, MARK_BYTES))))
        return state

    @classmethod
    def ended(cls, path: str, content: Content, live: bool) -> "FileState":
        """What is added from now on is to be published; with `live` a last line that has no end yet, too."""
        state = cls(path, content.file_id)
        size = content.size()
        if size is None:
            state.over = True
            return state
        state.offset = line_start(content, size) if live else size
        state.add_head(mark_before(content, min(MARK_BYTES, size)))
        state.add_last(mark_before(content, state.offset))
        return state

    def add_head(self, mark: Mark) -> None:
        """Remember the content's beginning."""
        if mark.end > (self.marks[0].end if self.marks else 0):
            self.marks = [mark, *(known for known in self.marks[1:] if known.start >= mark.end)]

    def add_last(self, mark: Mark) -> None:
        """Remember another place of the content."""
        if self.marks and mark.start >= self.marks[0].end and mark.end >= self.marks[-1].end + MARK_BYTES:
            self.marks.append(mark)
            del self.marks[1 : max(1, len(self.marks) - MARKS)]

    def as_json(self) -> dict[str, object]:
        """What from_json() reads."""
        return {
            "token": self.token,
            "path": self.path,
            "device": self.place.device,
            "inode": self.place.inode,
            "offset": self.offset,
            "over": self.over,
            "seen_at": round(self.seen_at),
            "marks": [list(mark) for mark in self.marks],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "FileState":
        """Raises KeyError, TypeError and ValueError where that is not what as_json() gave."""
        return cls(
            path=str(record["path"]),
            place=FileId(int(record["device"]), int(record["inode"])),
            offset=int(record["offset"]),
            marks=[Mark(int(start), int(end), str(digest)) for start, end, digest in record["marks"]],
            over=bool(record["over"]),
            seen_at=float(record["seen_at"]),
            token=str(record["token"]),
        )


class Registry:
    """
    The states of all files. `id` names it in Redis; `patterns` are those that it has been used with: what appears
    under one of them while nobody looks is new, and is read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        """Raises RegistryUnavailable where it can't be read or written, or is in use."""
        self.id = secrets.token_hex(8)
        self.patterns: set[str] = set()
        self.files: dict[str, FileState] = {}
        self._store = StateFile(path)
        try:
            self._read()
        except (OSError, KeyError, TypeError, ValueError) as error:
            self._store.close()
            raise RegistryUnavailable(f"The registry {path} can't be read: {error!r}.") from None

    def add(self, state: FileState) -> None:
        """Remember `state`; save() before any of it is published."""
        self.files[state.token] = state

    def of(self, path: str) -> Iterable[FileState]:
        """The states of what belongs to the followed name `path`."""
        return [state for state in self.files.values() if state.path == path]

    def save(self) -> None:
        """Write it so that either this or what was there before is found after a crash. Raises RegistryUnavailable."""
        oldest = time.time() - FORGET_SECONDS
        self.files = {token: state for token, state in self.files.items() if state.seen_at > oldest}
        files = [state.as_json() for state in self.files.values()]
        self._store.write({"id": self.id, "patterns": sorted(self.patterns), "files": files})

    def close(self) -> None:
        """Let another shipper use it."""
        self._store.close()

    def _read(self) -> None:
        if (record := self._store.read()) is None:
            return
        self.id = str(record["id"])
        self.patterns = {str(pattern) for pattern in record["patterns"]}
        self.files = {state.token: state for state in map(FileState.from_json, record["files"])}
