"""
A JSON file that survives a crash intact and belongs to one process at a time.

    StateFile(path) --> read() --> write(record): a new file, fsync, rename, fsync --> close()
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from sse_hub.errors import InvalidSetting, RegistryUnavailable


class StateFile:
    """The file at `path`, locked until close()."""

    def __init__(self, path: Path) -> None:
        """Raises RegistryUnavailable if it can't be used or another process has it."""
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
            raise RegistryUnavailable(
                f"Another shipper uses the registry {path}: choose another file (--registry)."
            ) from None
        except OSError as error:
            os.close(self._lock)
            raise RegistryUnavailable(f"The registry {path} can't be used: {error.strerror}.") from None

    def read(self) -> dict[str, Any] | None:
        """The record written last; None if there is none. Raises OSError, ValueError, TypeError."""
        return dict(json.loads(self.path.read_text(encoding="utf-8"))) if self.path.exists() else None

    def write(self, record: dict[str, object]) -> None:
        """Write `record` so that a crash leaves either this one or the previous one. Raises RegistryUnavailable."""
        new = self.path.with_name(self.path.name + ".new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
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
        """Release the lock."""
        os.close(self._lock)


def default_path(environ: "os._Environ[str] | dict[str, str]", name: str) -> Path:
    """The default path of the registry `name`. Raises InvalidSetting if there is no home directory."""
    folder = environ.get("XDG_STATE_HOME")
    try:
        base = Path(folder) if folder else Path.home() / ".local" / "state"
    except RuntimeError:
        raise InvalidSetting("There is no home directory for the registry: name a file with --registry.") from None
    return base / "sse-hub" / f"{name}.json"
