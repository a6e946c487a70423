"""
How far the log of each container has been published, stored on disk as in a file shipper's registry.

    (time, count): all messages before `time` and `count` of those with that time are published --> one number, `offset`

A container without a position starts where all do: at the first run of the command, or with `--from-start` at its
first line.
"""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sse_hub.commands.docker.log_frames import NANOSECONDS, STDERR, STDOUT
from sse_hub.commands.shipping.state_file import StateFile
from sse_hub.errors import RegistryUnavailable

# The limit of messages with the same time: some engines have times in whole seconds.
MESSAGES_PER_TIME = 1_000_000_000
FORGET_SECONDS = 3600.0


def position(time_ns: int, count: int) -> int:
    """The position after message number `count` of those at `time_ns`; later positions are larger."""
    return time_ns * MESSAGES_PER_TIME + count


def position_time(number: int) -> int:
    """The time of a position, in ns since the epoch."""
    return number // MESSAGES_PER_TIME


def stream_token(container: str, stream: int) -> str:
    """The name of one stream of a container in Redis."""
    return f"{container}:{stream}"


def stream_tokens(container: str) -> tuple[str, str]:
    """The names of both streams."""
    return stream_token(container, STDOUT), stream_token(container, STDERR)


@dataclass(slots=True)
class StreamPosition:
    """
    All of the stream before the position `offset` has been published, and all of its container before `since`.

    `since` and `seen_at` are in seconds since the epoch.
    """

    offset: int
    since: int
    seen_at: float = field(default_factory=time.time)


class Positions:
    """
    The positions of all containers.

    `default_since` is where a new one starts, in seconds since the epoch; None until it is set at the first run.
    """

    def __init__(self, path: Path) -> None:
        """Raises RegistryUnavailable if they can't be read or written, or another process has them."""
        self.id = secrets.token_hex(8)
        self.default_since: int | None = None
        self.states: dict[str, StreamPosition] = {}
        self._listed_at = 0.0
        self._state_file = StateFile(path)
        try:
            if (record := self._state_file.read()) is not None:
                self.id = str(record["id"])
                self.default_since = int(record["began"])
                self.states = {
                    str(name): StreamPosition(int(offset), int(since), float(seen_at))
                    for name, (offset, since, seen_at) in dict(record["streams"]).items()
                }
        except (OSError, KeyError, TypeError, ValueError) as error:
            self._state_file.close()
            raise RegistryUnavailable(f"The registry {path} can't be read: {error!r}.") from None

    def add(self, containers: Iterable[str]) -> None:
        """
        Add `containers`, all that exist now; new ones are saved to disk before any of their lines is published.

        Raises RegistryUnavailable.
        """
        new = False
        self._listed_at = time.time()
        for container in containers:
            for name in stream_tokens(container):
                if state := self.states.get(name):
                    state.seen_at = self._listed_at
                else:
                    since = self.default_since or 0
                    self.states[name] = StreamPosition(position(since * NANOSECONDS, 0), since)
                    new = True
        if new:
            self.save()

    def forget(self) -> list[str]:
        """Remove containers that have been gone for an hour as of the last add(); their tokens."""
        oldest = self._listed_at - FORGET_SECONDS
        removed = [name for name, state in self.states.items() if state.seen_at < oldest]
        for name in removed:
            del self.states[name]
        return removed

    def save(self) -> None:
        """Write them to disk. Raises RegistryUnavailable."""
        streams = {name: [state.offset, state.since, round(state.seen_at)] for name, state in self.states.items()}
        self._state_file.write({"id": self.id, "began": self.default_since or 0, "streams": streams})

    def close(self) -> None:
        """Release them for other processes."""
        self._state_file.close()
