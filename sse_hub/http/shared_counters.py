"""
Numbers that all workers of a hub have together: a file in their folder, mapped into the memory of each.

    name --> slot --> a count: each worker writes a row of its own, and what a name has is the sum
                 └──► a time: one row, in which the last to write it wins

The slot is a hash, under a key that nobody outside knows. Of two names one in 65,535 pairs has the same one, and counts
together: that is the price of a table that never grows and never has to be locked. What ALL have together has a slot to
itself: who shared that one would always have too much.
"""

import os
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from mmap import mmap
from pathlib import Path

SLOTS = 2**16
COUNT_BYTES, TIME_BYTES = 4, 8
ALL = "all"


def prepare(folder: str, count: int) -> None:
    """Make the file for `count` workers in `folder`. Raises OSError where there is no room for it."""
    # Written, and not only as long as that: to touch a page for which the disk has no room would be the end.
    _path(folder).write_bytes(bytes(_size_bytes(count)))


def restore(folder: str, count: int) -> None:
    """
    Make `folder` and file again where somebody has cleaned them away. Raises OSError.

    Who has the old one mapped counts there for as long as it lives.
    """
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    if os.lstat(folder).st_uid != os.geteuid():
        raise PermissionError(f"{folder} is not ours any more")
    if not _path(folder).exists():
        prepare(folder, count)


class SharedCounters:
    """The table of worker `number` among `count`, in the `folder` that was prepared for them; without, of a process."""

    def __init__(self, number: int = 0, count: int = 1, folder: str | None = None) -> None:
        if folder is None:
            table, key = mmap(-1, _size_bytes(count)), os.urandom(16)
        else:
            with _path(folder).open("r+b") as file:
                table, key = mmap(file.fileno(), _size_bytes(count)), folder.encode()[-64:]
        view = memoryview(table)
        self._key = key
        # Most clients come more than once, and each time several numbers are asked for.
        self._slot = lru_cache(maxsize=10_000)(self._hashed)
        self._times = view[: SLOTS * TIME_BYTES].cast("d")
        counts = view[SLOTS * TIME_BYTES :].cast("i")
        self._rows = [counts[row * SLOTS : (row + 1) * SLOTS] for row in range(count)]
        self._own = self._rows[number]
        if folder is not None:
            # What the one had whose place this process has taken.
            self._own[:] = memoryview(bytes(SLOTS * COUNT_BYTES)).cast("i")

    def count(self, name: str) -> int:
        """How many `name` has in all workers."""
        slot = self._slot(name)
        return sum([row[slot] for row in self._rows])

    def add(self, name: str, more: int) -> None:
        """This worker has `more` for `name`, or fewer."""
        self._own[self._slot(name)] += more

    def time(self, name: str) -> float:
        """The time that was noted last for `name`; 0 before that."""
        return self._times[self._slot(name)]

    def set_time(self, name: str, time: float) -> None:
        """Note a time for `name`, on a clock that the whole machine has."""
        self._times[self._slot(name)] = time

    def _hashed(self, name: str) -> int:
        if name == ALL:
            return 0
        digest = blake2b(name.encode(errors="replace"), digest_size=4, key=self._key).digest()
        return 1 + int.from_bytes(digest) % (SLOTS - 1)


def _path(folder: str) -> Path:
    return Path(folder) / "table"


def _size_bytes(count: int) -> int:
    return SLOTS * (TIME_BYTES + count * COUNT_BYTES)
