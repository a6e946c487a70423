"""
File content as bytes at offsets, plain or from a .gz; and fingerprints, which identify content in another file.

    open_content(path) --> Content.read(at, size)          Fingerprint(start, end, digest) --> matches(content, …)
"""

import gzip
import os
import zlib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

from sse_hub.commands.shipping.encodings import MARK_BYTES, TextEncoding, encoding_of_mark

# Bytes that a fingerprint covers.
FINGERPRINT_BYTES = 1024
READ_BYTES = 1_048_576
# The start of an unfinished last line is searched this far back.
LAST_LINE_BYTES = 65_536


class FileId(NamedTuple):
    """Identifies a file on this system, whatever its name."""

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "FileId":
        """The id of a file with this status."""
        return cls(status.st_dev, status.st_ino)


class Fingerprint(NamedTuple):
    """A digest of the bytes from `start` to `end`."""

    start: int
    end: int
    digest: str

    @classmethod
    def of(cls, data: bytes, end: int) -> "Fingerprint":
        """The fingerprint of `data`, which ends at offset `end`."""
        return cls(end - len(data), end, sha256(data).hexdigest()[:32])


class Content(Protocol):
    """An open file."""

    file_id: FileId

    def size(self) -> int | None:
        """Its current size in bytes; None if that is only known at its end."""

    def read(self, at: int, size: int) -> bytes:
        """Up to `size` bytes at offset `at`; none at the end. Raises OSError."""

    def close(self) -> None:
        """Close it."""


class PlainContent:
    """A plain file, which may grow, or be renamed, removed or truncated meanwhile."""

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
    """A compressed file. Reading backwards starts again from the beginning."""

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
            raise OSError(f"damaged gzip data: {error}") from None

    def close(self) -> None:
        self._file.close()
        self._raw.close()


def open_content(path: Path) -> Content:
    """The content of `path`. Raises OSError."""
    return GzipContent(path) if path.suffix == ".gz" else PlainContent(path)


def readable_to_end(content: Content) -> bool:
    """Whether `content` can be read to its end, which fails for a .gz that is still being written."""
    at = 0
    try:
        while data := content.read(at, READ_BYTES):
            at += len(data)
    except OSError:
        return False
    return True


def fingerprint_before(content: Content, end: int) -> Fingerprint:
    """The fingerprint of the bytes before `end`."""
    start = max(0, end - FINGERPRINT_BYTES)
    data = content.read(start, end - start)
    return Fingerprint.of(data, start + len(data))


def matches(content: Content, fingerprint: Fingerprint) -> bool | None:
    """Whether `content` has these bytes; None if it does not reach that far. Raises OSError."""
    data = content.read(fingerprint.start, fingerprint.end - fingerprint.start)
    if len(data) < fingerprint.end - fingerprint.start:
        return None
    return Fingerprint.of(data, fingerprint.end) == fingerprint


def same_content(content: Content, fingerprints: Iterable[Fingerprint]) -> bool:
    """
    Whether `content` is the one that `fingerprints`, in ascending order, were taken from, or a copy of its beginning.

    The first fingerprint alone is enough only if there is no other: different files may begin with the same lines.
    """
    known = list(fingerprints)
    matching = 0
    for mark in known:
        found = matches(content, mark)
        if found is None:
            break
        if not found:
            return False
        matching += 1
    return matching >= min(2, len(known)) and matching > 0


def last_line_start(content: Content, size: int, encoding: TextEncoding | None = None) -> int:
    """
    The offset of an unfinished last line, so that it is published as a whole; `size` if there is none.

    `encoding` is that of a file without a byte order mark, None for UTF-8.
    """
    if found := encoding_of_mark(content.read(0, MARK_BYTES)):
        encoding = found[0]
    width = len(encoding.line_end) if encoding else 1
    start = max(0, size - LAST_LINE_BYTES)
    data = content.read(start, size - start)
    at = data.rfind(b"\n")
    # The line end may have more bytes.
    return size if at < 0 and start else min(size, -(-(start + at + 1) // width) * width)
