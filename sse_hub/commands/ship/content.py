"""
What is in a file, as bytes at offsets: plain, or out of a .gz; and marks, by which content is known again elsewhere.

    open_content(path) --> Content.read(at, size)          Mark(start, end, digest) --> holds(content, mark)
"""

import gzip
import os
import zlib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

# How much of the content a mark stands for.
MARK_BYTES = 1024
WHOLE_BYTES = 1_048_576
# How far back the beginning of a last line is looked for.
ALIGN_BYTES = 65_536


class FileId(NamedTuple):
    """Where the system keeps a file, whatever its name is."""

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "FileId":
        """The place of a file with this status."""
        return cls(status.st_dev, status.st_ino)


class Mark(NamedTuple):
    """What stands from `start` to `end`, as a digest."""

    start: int
    end: int
    digest: str

    @classmethod
    def of(cls, data: bytes, end: int) -> "Mark":
        """The mark of `data`, which ends at `end`."""
        return cls(end - len(data), end, sha256(data).hexdigest()[:32])


class Content(Protocol):
    """An open file."""

    file_id: FileId

    def size(self) -> int | None:
        """Its size in bytes now; None where that is only known at its end."""

    def read(self, at: int, size: int) -> bytes:
        """Up to `size` bytes at offset `at`; nothing at the end. Raises OSError."""

    def close(self) -> None:
        """Close it."""


class PlainContent:
    """A file that may grow, be renamed, removed or truncated meanwhile."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self.file_id = FileId.of(os.fstat(self._descriptor))

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read(self, at: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, at)

    def close(self) -> None:
        os.close(self._descriptor)


class GzipContent:
    """A compressed file. Reading backwards begins anew."""

    def __init__(self, path: Path) -> None:
        self._raw = open(path, "rb")  # noqa: SIM115  # closed by close()
        self.file_id = FileId.of(os.fstat(self._raw.fileno()))
        self._file = gzip.GzipFile(fileobj=self._raw)

    def size(self) -> None:
        return None

    def read(self, at: int, size: int) -> bytes:
        try:
            self._file.seek(at)
            if self._file.tell() < at:
                return b""
            return self._file.read(size)
        except (EOFError, zlib.error) as error:
            raise OSError(f"it is damaged: {error}") from None

    def close(self) -> None:
        self._file.close()
        self._raw.close()


def open_content(path: Path) -> Content:
    """The content of `path`. Raises OSError."""
    return GzipContent(path) if path.suffix == ".gz" else PlainContent(path)


def whole(content: Content) -> bool:
    """Whether `content` can be read to its end, which of a .gz that is being written it can't."""
    at = 0
    try:
        while data := content.read(at, WHOLE_BYTES):
            at += len(data)
    except OSError:
        return False
    return True


def mark_before(content: Content, end: int) -> Mark:
    """The mark of what stands before `end`."""
    start = max(0, end - MARK_BYTES)
    data = content.read(start, end - start)
    return Mark.of(data, start + len(data))


def holds(content: Content, mark: Mark) -> bool | None:
    """Whether `content` has what `mark` stands for; None where it does not reach that far. Raises OSError."""
    data = content.read(mark.start, mark.end - mark.start)
    if len(data) < mark.end - mark.start:
        return None
    return Mark.of(data, mark.end) == mark


def same(content: Content, marks: Iterable[Mark]) -> bool:
    """
    Whether `content` is that which `marks`, in rising order, were taken of, or a copy of its beginning.

    The first mark alone says so only where there is no other: files may all begin with the same lines.
    """
    known = list(marks)
    held = 0
    for mark in known:
        found = holds(content, mark)
        if found is None:
            break
        if not found:
            return False
        held += 1
    return held >= min(2, len(known)) and held > 0


def line_start(content: Content, size: int) -> int:
    """Where the last line of a file begins that has no end yet, so that it comes as a whole."""
    start = max(0, size - ALIGN_BYTES)
    data = content.read(start, size - start)
    at = data.rfind(b"\n")
    return size if at < 0 and start else start + at + 1
