"""
A file of settings that may change while the hub runs: keys are rotated, rules are edited.

    ReloadedFile(path, parse) --> value, as last read without error --> refresh(), every few seconds
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from sse_hub.errors import InvalidSetting

logger = logging.getLogger(__name__)

Value = TypeVar("Value")


class ReloadedFile(Generic[Value]):
    """
    `value` is the result of `parse` for the text of the file at `path`; `version` counts its changes. `error` says why
    the file can't be used at present; it is empty while it can.

    `setting` is the option that names the file, for messages. Raises InvalidSetting if the file can't be used.
    """

    def __init__(self, setting: str, path: str, parse: Callable[[str], Value]) -> None:
        self._path = Path(path)
        self._parse = parse
        self._setting = setting
        self._stamp = (0, 0, 0)
        self.version = 0
        self.error = ""
        self.value = self._read()

    def refresh(self) -> None:
        """Read the file again if it has changed. If it can't be used, log that and keep the value."""
        try:
            if self._stamp != self._current_stamp():
                self.value = self._read()
                self.version += 1
                self.error = ""
                logger.info("setting_file_reloaded setting=%(setting)s", {"setting": self._setting})
        except (OSError, InvalidSetting) as error:
            if str(error) != self.error:
                logger.error(
                    "setting_file_unreadable setting=%(setting)s error=%(error)r",
                    {"setting": self._setting, "error": str(error)},
                )
            self.error = str(error)

    def _current_stamp(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> Value:
        try:
            # Taken before reading, so that a change meanwhile is read again; stored after it, so that a file that can't
            # be opened is tried again.
            stamp = self._current_stamp()
            content = self._path.read_bytes()
            self._stamp = stamp
            # Editors on Windows put a mark at its beginning.
            return self._parse(content.decode("utf-8-sig"))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            if isinstance(error, UnicodeDecodeError):
                reason = "it is not UTF-8"
            raise InvalidSetting(f"{self._setting}={str(self._path)!r} can't be used: {reason}.") from None
