"""
A file of settings that may change while the hub runs: keys are rotated, rules are edited.

    Kept(path, parse) --> .value, as it was when it could last be read --> refresh(), every few seconds
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from sse_hub.errors import InvalidSetting

logger = logging.getLogger(__name__)

Value = TypeVar("Value")


class ReloadedFile(Generic[Value]):
    """What `parse` makes of the file at `path`, which `setting` names; `edition` counts how often that has changed."""

    def __init__(self, setting: str, path: str, parse: Callable[[str], Value]) -> None:
        self._path = Path(path)
        self._parse = parse
        self._setting = setting
        self._stamp = (0, 0, 0)
        self.version = 0
        self.value = self._read()

    def refresh(self) -> None:
        """Read the file again where it has changed. One that can't be used changes nothing, and is logged."""
        try:
            if self._stamp != self._stamp_now():
                self.value = self._read()
                self.version += 1
                logger.info("setting_file_reloaded setting=%(setting)s", {"setting": self._setting})
        except (OSError, InvalidSetting) as error:
            logger.error(
                "setting_file_unreadable setting=%(setting)s error=%(error)r",
                {"setting": self._setting, "error": str(error)},
            )

    def _stamp_now(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> Value:
        try:
            # Looked at before: what changes while it is read is read again. Kept after: so is what can't be opened now.
            stamp = self._stamp_now()
            content = self._path.read_bytes()
            self._stamp = stamp
            return self._parse(content.decode())
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            raise InvalidSetting(f"{self._setting}={str(self._path)!r} can't be used: {words}.") from None
