"""
How far the log of each container has been published, on the disk as the shipper of files has it.

    (time, count): all messages before `time`, and `count` of those at it, have been published --> one number, `offset`

A container without a position begins where all do: with the first run, or with `--from-start` at its first line.
"""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sse_hub.commands.docker.log_frames import NANOSECONDS, STDERR, STDOUT
from sse_hub.commands.shipping.state_file import StateFile
from sse_hub.errors import RegistryUnavailable

# So many messages can have one time: some engines tell no more than the second.
MOST_AT_ONCE = 1_000_000_000
FORGET_SECONDS = 3600.0


def position(time_ns: int, count: int) -> int:
    """The position after the message number `count` of those at `time_ns`; the later, the larger."""
    return time_ns * MOST_AT_ONCE + count


def time_of_position(number: int) -> int:
    """The time of a position(), in ns since the epoch."""
    return number // MOST_AT_ONCE


def token(container: str, stream: int) -> str:
    """The name of one stream of a container, by which Redis remembers it."""
    return f"{container}:{stream}"


def tokens(container: str) -> tuple[str, str]:
    """Those of both streams."""
    return token(container, STDOUT), token(container, STDERR)


@dataclass(slots=True)
class StreamPosition:
    """
    All of it before the position `offset` has been published, and all of its container before `since`.

    `since` and `seen_at` are in seconds since the epoch.
    """

    offset: int
    since: int
    seen_at: float = field(default_factory=time.time)


class Positions:
    """Those of all containers. `began` is where a new one begins, in seconds since the epoch; None before begin()."""

    def __init__(self, path: Path) -> None:
        """Raises RegistryUnavailable where they can't be read or written, or another process has them."""
        self.id = secrets.token_hex(8)
        self.began: int | None = None
        self.files: dict[str, StreamPosition] = {}
        self._looked_at = 0.0
        self._store = StateFile(path)
        try:
            if (record := self._store.read()) is not None:
                self.id = str(record["id"])
                self.began = int(record["began"])
                self.files = {
                    str(name): StreamPosition(int(offset), int(since), float(seen_at))
                    for name, (offset, since, seen_at) in dict(record["streams"]).items()
                }
        except (OSError, KeyError, TypeError, ValueError) as error:
            self._store.close()
            raise RegistryUnavailable(f"The registry {path} can't be read: {error!r}.") from None

    def add(self, containers: Iterable[str]) -> None:
        """
        Know `containers`, those that are there, from now on; on the disk before any line of a new one is published.

        Raises RegistryUnavailable.
        """
        new = False
        self._looked_at = time.time()
        for container in containers:
            for name in tokens(container):
                if state := self.files.get(name):
                    state.seen_at = self._looked_at
                else:
                    began = self.began or 0
                    self.files[name] = StreamPosition(position(began * NANOSECONDS, 0), began)
                    new = True
        if new:
            self.save()

    def forget(self) -> list[str]:
        """Forget the containers that were not there for an hour when there was a look last; their tokens."""
        oldest = self._looked_at - FORGET_SECONDS
        gone = [name for name, state in self.files.items() if state.seen_at < oldest]
        for name in gone:
            del self.files[name]
        return gone

    def save(self) -> None:
        """Write them. Raises RegistryUnavailable."""
        streams = {name: [state.offset, state.since, round(state.seen_at)] for name, state in self.files.items()}
        self._store.write({"id": self.id, "began": self.began or 0, "streams": streams})

    def close(self) -> None:
        """Let another process have them."""
        self._store.close()
