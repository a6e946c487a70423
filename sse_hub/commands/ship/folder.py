"""
The status of each file in a folder.

    folder --> read_statuses() --> FileStatus(name, file_id, size, times) of each
"""

import os
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from pathlib import Path

from sse_hub.commands.ship.content import FileId

# A file that was moved is searched among so many, and so many folders deep.
MAX_SEARCHED = 10_000
MAX_DEPTH = 4


@dataclass(slots=True)
class FileStatus:
    """
    The status of a file. `name` is that in the folder of the followed file, or a path from there. The size of a .gz is
    not that of its content.
    """

    name: str
    file_id: FileId
    size: int
    mtime_ns: int
    ctime_ns: int


def read_statuses(folder: Path, names: Iterable[str]) -> list[FileStatus]:
    """
    The status of each file in `folder`; files and folders that can't be read are left out. Of a folder that may be
    searched but not listed, the status of those called `names`.
    """
    try:
        with os.scandir(folder) as entries:
            return [status for entry in entries if (status := _status(entry.name, entry.stat))]
    except PermissionError:
        return [status for name in names if (status := _status(name, (folder / name).stat))]
    except OSError:
        return []


def read_status(path: Path, name: str) -> FileStatus | None:
    """The status of the file at `path`, called `name`; None if it can't be read."""
    return _status(name, path.stat)


def _status(name: str, stat: Callable[[], os.stat_result]) -> FileStatus | None:
    try:
        status = stat()
    except OSError:
        return None
    times = status.st_mtime_ns, status.st_ctime_ns
    return FileStatus(name, FileId.of(status), status.st_size, *times)


def find_below(folder: Path, file_ids: Set[FileId]) -> list[Path]:
    """Where the files `file_ids` are in the folders below `folder`, of which at most MAX_SEARCHED entries are read."""
    found: list[Path] = []
    entries = 0
    for parent, folders, names in os.walk(folder):
        if len(Path(parent).relative_to(folder).parts) >= MAX_DEPTH:
            folders.clear()
        entries += len(names)
        if entries > MAX_SEARCHED or len(found) == len(file_ids):
            break
        if parent == str(folder):
            continue
        for name in names:
            status = read_status(Path(parent, name), name)
            if status is not None and status.file_id in file_ids:
                found.append(Path(parent, name))
    return found
