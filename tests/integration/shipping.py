"""
Files that are written and rotated as apps and rotators do, and a shipper in a process of its own.

    LogFile.write(), rotate_by_rename(), rotate_by_copy()     shipper(...) --> its process     lines_of(channel)
"""

import gzip
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.commands import following, said_in
from tests.rig import DEADLINE_SECONDS, RedisServer, wait_until


class LogFile:
    """An app's log at `path`, which it opens once and appends to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()

    def _open(self) -> None:
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115  # closed by close()

    def write(self, *lines: str) -> None:
        """Append `lines` in one write."""
        self._file.write("".join(line + "\n" for line in lines).encode())

    def write_bytes(self, data: bytes) -> None:
        self._file.write(data)

    def close(self) -> None:
        self._file.close()

    def rotate_by_rename(self) -> None:
        """app.log becomes app.log.1, app.log.1 becomes app.log.2, and so on; the app opens a new app.log."""
        self._shift()
        os.rename(self.path, self._older(1))
        self.close()
        self._open()

    def rotate_by_copy(self) -> None:
        """app.log is copied to app.log.1, and truncated."""
        self._shift()
        shutil.copyfile(self.path, self._older(1))
        os.truncate(self.path, 0)

    def compress(self, number: int) -> None:
        """app.log.N becomes app.log.N.gz."""
        plain = self._older(number)
        if plain.exists():
            compress(plain)

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _shift(self) -> None:
        for number in range(99, 0, -1):
            for suffix in ("", ".gz"):
                source = self.path.with_name(f"{self.path.name}.{number}{suffix}")
                if source.exists():
                    os.rename(source, self.path.with_name(f"{self.path.name}.{number + 1}{suffix}"))


def compress(path: Path) -> None:
    """As gzip does: the compressed file has the time of the plain one, which goes."""
    packed = path.with_name(path.name + ".gz")
    with open(path, "rb") as source, gzip.open(packed, "wb") as target:
        shutil.copyfileobj(source, target)
    status = path.stat()
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()


@contextmanager
def shipper(server: RedisServer, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`sse-hub ship` with its registry in `folder`, ended by SIGTERM if it is still there at the end of the block."""
    registry = str(folder / "positions.json")
    words = ("ship", "--registry", registry, *options, "--redis-url", server.url)
    with following(folder / "shipper.out", *words) as process:
        yield process


def said(folder: Path) -> str:
    """What the shippers with their registry in `folder` have logged."""
    return said_in(folder / "shipper.out")


def wait_begun(folder: Path, times: int = 1) -> None:
    """Return when shippers have begun with so many files: what is written from then on must arrive."""
    output = folder / "shipper.out"
    wait_until(lambda: output.exists() and said(folder).count("file_followed") >= times, "the shipper has begun")


def lines_of(server: RedisServer, channel: str) -> list[bytes]:
    """What the log has of `channel`; a hole is an empty line."""
    with server.client() as client:
        return [fields.get(b"l", b"") for _, fields in client.xrange(f"sse-hub:log:{channel}")]


def wait_lines(server: RedisServer, channel: str, count: int, seconds: float = DEADLINE_SECONDS) -> list[bytes]:
    """What the log has of `channel` when that are `count` lines or more, within `seconds`."""

    def there() -> bool:
        with server.client() as client:
            return int(client.xlen(f"sse-hub:log:{channel}")) >= count

    wait_until(there, f"{count} lines are in {channel}", seconds)
    return lines_of(server, channel)
