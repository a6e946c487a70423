"""
Files written and rotated as apps and rotators do it, and a shipper in its own process.

    LogFile.write(), rotate_by_rename(), rotate_by_copy()     shipper(...) --> its process     recorded_lines(channel)
"""

import gzip
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.cli import output_in, running_command
from tests.support.servers import RedisServer
from tests.support.settings import DEADLINE_SECONDS
from tests.support.waiting import wait_until


class LogFile:
    """The log of an app at `path`. The app opens it once and appends to it."""

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
    """Compress as gzip does: the compressed file gets the time of the plain one, which is removed."""
    packed = path.with_name(path.name + ".gz")
    with open(path, "rb") as source, gzip.open(packed, "wb") as target:
        shutil.copyfileobj(source, target)
    status = path.stat()
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()


@contextmanager
def shipper(
    server: RedisServer, folder: Path, *options: str, prefix: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """`sse-hub ship` with its registry in `folder`. At the end of the block it gets SIGTERM if it still runs."""
    registry = str(folder / "positions.json")
    words = ("ship", "--registry", registry, *options, "--redis-url", server.url)
    with running_command(folder / "shipper.out", *words, prefix=prefix) as process:
        yield process


def shipper_output(folder: Path) -> str:
    """The log of the shippers with their registry in `folder`."""
    return output_in(folder / "shipper.out")


def wait_started(folder: Path, times: int = 1) -> None:
    """Return when shippers have opened `times` files: everything written after that must arrive."""
    output = folder / "shipper.out"
    wait_until(
        lambda: output.exists() and shipper_output(folder).count("file_followed") >= times, "the shipper has begun"
    )


def recorded_lines(server: RedisServer, channel: str) -> list[bytes]:
    """The lines of `channel` in the log, with markers of missing lines as empty lines."""
    with server.client() as client:
        return [fields.get(b"l", b"") for _, fields in client.xrange(f"sse-hub:log:{channel}")]


def wait_lines(server: RedisServer, channel: str, count: int, seconds: float = DEADLINE_SECONDS) -> list[bytes]:
    """The lines of `channel` in the log once there are at least `count`. AssertionError after `seconds`."""

    def there() -> bool:
        with server.client() as client:
            return int(client.xlen(f"sse-hub:log:{channel}")) >= count

    wait_until(there, f"{count} lines are in {channel}", seconds)
    return recorded_lines(server, channel)
