"""
What a folder says of its files.

    folder --> looks_at() --> Look(name, place, size, times) of each
"""

import os
from dataclasses import dataclass
from pathlib import Path

from sse_hub.commands.ship.content import FileId


@dataclass(slots=True)
class FileStatus:
    """What a folder says of a file; the size of a .gz is another than its content's."""

    name: str
    place: FileId
    size: int
    mtime_ns: int
    ctime_ns: int


def read_statuses(folder: Path) -> list[FileStatus]:
    """What `folder` says of its files."""
    looks = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    status = entry.stat()
                except OSError:
                    continue
                times = status.st_mtime_ns, status.st_ctime_ns
                looks.append(FileStatus(entry.name, FileId.of(status), status.st_size, *times))
    except OSError:
        pass
    return looks
