"""
The status of each file in a folder.

    folder --> read_statuses() --> FileStatus(name, file_id, size, times) of each
"""

import os
from dataclasses import dataclass
from pathlib import Path

from sse_hub.commands.ship.content import FileId


@dataclass(slots=True)
class FileStatus:
    """The status of a file. The size of a .gz is not that of its content."""

    name: str
    file_id: FileId
    size: int
    mtime_ns: int
    ctime_ns: int


def read_statuses(folder: Path) -> list[FileStatus]:
    """The status of each file in `folder`; files and folders that can't be read are left out."""
    statuses = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    status = entry.stat()
                except OSError:
                    continue
                times = status.st_mtime_ns, status.st_ctime_ns
                statuses.append(FileStatus(entry.name, FileId.of(status), status.st_size, *times))
    except OSError:
        pass
    return statuses
