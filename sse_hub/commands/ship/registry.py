"""
The registry: which file is which, and how far each has been published, in a file that survives a crash intact.

    FileState(token, path, file_id, offset, fingerprints) --> save() --> StateFile --> Registry(path)

It lags behind Redis by what was published since it was saved. What only the registry has identifies files, so each file
is in it before its first line is published.
"""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sse_hub.commands.ship.content import (
    FINGERPRINT_BYTES,
    Content,
    FileId,
    Fingerprint,
    fingerprint_before,
    last_line_start,
)
from sse_hub.commands.shipping.encodings import TextEncoding
from sse_hub.commands.shipping.state_file import StateFile
from sse_hub.errors import RegistryUnavailable

# Fingerprints per file: of its beginning, and of the positions at the most recent saves.
MAX_FINGERPRINTS = 8
# A file that is gone may come back, compressed or under its old name.
FORGET_SECONDS = 7 * 86400.0


@dataclass(slots=True)
class FileState:
    """
    One file content, wherever it is. All before `offset` has been published; `token` is its name in Redis.

    `path` is the followed name it belongs to; `live` is true while it has it. `finished` is true for a .gz read
    to its end. `seen_at` is when it was last seen, in seconds since the epoch.
    """

    path: str
    file_id: FileId
    offset: int = 0
    fingerprints: list[Fingerprint] = field(default_factory=list)
    finished: bool = False
    live: bool = False
    seen_at: float = field(default_factory=time.time)
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def from_start(cls, path: str, content: Content) -> "FileState":
        """A state with all of `content` still to publish. Raises OSError."""
        state = cls(path, content.file_id)
        state.add_first(fingerprint_before(content, len(content.read(0, FINGERPRINT_BYTES))))
        return state

    @classmethod
    def from_end(cls, path: str, content: Content, live: bool, encoding: TextEncoding | None = None) -> "FileState":
        """A state with only future lines to publish; if `live`, an unfinished last line too. Raises OSError."""
        state = cls(path, content.file_id)
        size = content.size()
        if size is None:
            state.finished = True
            return state
        state.offset = last_line_start(content, size, encoding) if live else size
        state.add_first(fingerprint_before(content, min(FINGERPRINT_BYTES, size)))
        state.add_last(fingerprint_before(content, state.offset))
        return state

    def add_first(self, fingerprint: Fingerprint) -> None:
        """Keep the fingerprint of the content's beginning if it is longer than the known one."""
        if fingerprint.end > (self.fingerprints[0].end if self.fingerprints else 0):
            self.fingerprints = [
                fingerprint,
                *(known for known in self.fingerprints[1:] if known.start >= fingerprint.end),
            ]

    def add_last(self, fingerprint: Fingerprint) -> None:
        """Keep the fingerprint of a later position."""
        if (
            self.fingerprints
            and fingerprint.start >= self.fingerprints[0].end
            and fingerprint.end >= self.fingerprints[-1].end + FINGERPRINT_BYTES
        ):
            self.fingerprints.append(fingerprint)
            del self.fingerprints[1 : max(1, len(self.fingerprints) - MAX_FINGERPRINTS)]

    def as_json(self) -> dict[str, object]:
        """The record that from_json() reads."""
        return {
            "token": self.token,
            "path": self.path,
            "device": self.file_id.device,
            "inode": self.file_id.inode,
            "offset": self.offset,
            "over": self.finished,
            "live": self.live,
            "seen_at": round(self.seen_at),
            "marks": [list(mark) for mark in self.fingerprints],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "FileState":
        """The state of a record of as_json(). Raises KeyError, TypeError, ValueError if it is not one."""
        return cls(
            path=str(record["path"]),
            file_id=FileId(int(record["device"]), int(record["inode"])),
            offset=int(record["offset"]),
            fingerprints=[Fingerprint(int(start), int(end), str(digest)) for start, end, digest in record["marks"]],
            finished=bool(record["over"]),
            live=bool(record["live"]),
            seen_at=float(record["seen_at"]),
            token=str(record["token"]),
        )


class Registry:
    """
    The states of all files. `id` is its name in Redis. `patterns` are those it has been used with: a file that appears
    under one of them while no shipper runs is new, and is read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        """Raises RegistryUnavailable if it can't be read or written, or is in use."""
        self.id = secrets.token_hex(8)
        self.patterns: set[str] = set()
        self.states: dict[str, FileState] = {}
        self._state_file = StateFile(path)
        try:
            self._read()
        except (OSError, KeyError, TypeError, ValueError) as error:
            self._state_file.close()
            raise RegistryUnavailable(f"The registry {path} can't be read: {error!r}.") from None

    def add(self, state: FileState) -> None:
        """Add `state`; call save() before any of it is published."""
        self.states[state.token] = state

    def states_of(self, path: str) -> Iterable[FileState]:
        """The states of files that belong to the followed name `path`."""
        return [state for state in self.states.values() if state.path == path]

    def save(self) -> None:
        """Write it so that a crash leaves either this version or the previous one. Raises RegistryUnavailable."""
        oldest = time.time() - FORGET_SECONDS
        self.states = {token: state for token, state in self.states.items() if state.seen_at > oldest}
        files = [state.as_json() for state in self.states.values()]
        self._state_file.write({"id": self.id, "patterns": sorted(self.patterns), "files": files})

    def close(self) -> None:
        """Release it for other shippers."""
        self._state_file.close()

    def _read(self) -> None:
        if (record := self._state_file.read()) is None:
            return
        self.id = str(record["id"])
        self.patterns = {str(pattern) for pattern in record["patterns"]}
        self.states = {state.token: state for state in map(FileState.from_json, record["files"])}
