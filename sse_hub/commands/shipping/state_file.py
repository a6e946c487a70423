"""
A JSON file that a crash can't tear, and that one process has at a time.

    Store(path) --> read() --> write(record): a new file, fsync, rename, fsync --> close()
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from sse_hub.errors import InvalidSetting, RegistryUnavailable


class StateFile:
    """The file at `path`, held until close()."""

    def __init__(self, path: Path) -> None:
        """Raises RegistryUnavailable where it can't be had, or another process has it."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RegistryUnavailable(f"The registry {path} can't be used: {error.strerror}.") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RegistryUnavailable(f"Another shipper uses the registry {path}: choose one (--registry).") from None
        except OSError as error:
            os.close(self._lock)
            raise RegistryUnavailable(f"The registry {path} can't be used: {error.strerror}.") from None

    def read(self) -> dict[str, Any] | None:
        """What was written last, None where nothing was. Raises OSError, ValueError, TypeError."""
        return dict(json.loads(self.path.read_text())) if self.path.exists() else None

    def write(self, record: dict[str, object]) -> None:
        """Write it so that either this or what was there before is found after a crash. Raises RegistryUnavailable."""
        new = self.path.with_name(self.path.name + ".new")
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
                file.write(json.dumps(record, indent=1))
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise RegistryUnavailable(f"The registry {self.path} can't be written: {error.strerror}.") from None

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._lock)


def default_path(environ: "os._Environ[str] | dict[str, str]", name: str) -> Path:
    """Where the registry called `name` is if nobody says. Raises InvalidSetting where there is no home."""
    folder = environ.get("XDG_STATE_HOME")
    try:
        base = Path(folder) if folder else Path.home() / ".local" / "state"
    except RuntimeError:
        raise InvalidSetting("There is no home for the registry: say where it is to be (--registry).") from None
    return base / "sse-hub" / f"{name}.json"
