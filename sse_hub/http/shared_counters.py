"""
Numbers that all workers of a hub share: a file without a name, mapped into the memory of each.

    supervisor --> counters_file() --> descriptor, inherited by each worker --> SharedCounters
    name --> slot --> a count: each worker writes a row of its own, and a name's count is the sum of its slot over all
                 └──► a time: one row for all, in which the last write wins

The slot is a hash under a secret key. Two names share a slot, and count together, with a probability of 1 in 65,535:
that is the price of a table that never grows and needs no lock. ALL has a slot to itself, because a name that shared
it would always have too many.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from mmap import mmap
from tempfile import TemporaryFile

SLOTS = 2**16
KEY_BYTES, TIME_BYTES, COUNT_BYTES = 16, 8, 4
ALL = "all"


@contextmanager
def counters_file(count: int) -> Iterator[int]:
    """The descriptor of a new unlinked file for the counters of `count` workers. Raises OSError without room for it."""
    with TemporaryFile() as file:
        # Real zeros: touching a mapped page for which the disk has no room is a SIGBUS.
        file.write(os.urandom(KEY_BYTES) + bytes(_size_bytes(count) - KEY_BYTES))
        file.flush()
        yield file.fileno()


class SharedCounters:
    """
    The counters of worker `number` of `count`, in the file at `descriptor`; without one, those of a single process.

    The row of `number` starts at 0: what a worker that was killed had counted there is taken back by its successor.
    """

    def __init__(self, number: int = 0, count: int = 1, descriptor: int | None = None) -> None:
        table = mmap(-1 if descriptor is None else descriptor, _size_bytes(count))
        if descriptor is None:
            table[:KEY_BYTES] = os.urandom(KEY_BYTES)
        view = memoryview(table)
        self._key = bytes(view[:KEY_BYTES])
        # Most clients come more than once, and each request reads several counts.
        self._slot = lru_cache(maxsize=10_000)(self._hashed)
        times_end = KEY_BYTES + SLOTS * TIME_BYTES
        self._times = view[KEY_BYTES:times_end].cast("d")
        counts = view[times_end:].cast("i")
        self._rows = [counts[row * SLOTS : (row + 1) * SLOTS] for row in range(count)]
        self._own = self._rows[number]
        if descriptor is not None:
            self._own[:] = memoryview(bytes(SLOTS * COUNT_BYTES)).cast("i")

    def count(self, name: str) -> int:
        """The count of `name` in all workers."""
        slot = self._slot(name)
        return sum([row[slot] for row in self._rows])

    def add(self, name: str, change: int) -> None:
        """Change this worker's count of `name`, up or down."""
        self._own[self._slot(name)] += change

    def time(self, name: str) -> float:
        """The last time set for `name`; 0 before the first."""
        return self._times[self._slot(name)]

    def set_time(self, name: str, time: float) -> None:
        """Set the time for `name`, on a clock that is the same in all processes of the machine."""
        self._times[self._slot(name)] = time

    def _hashed(self, name: str) -> int:
        if name == ALL:
            return 0
        digest = blake2b(name.encode(errors="replace"), digest_size=4, key=self._key).digest()
        return 1 + int.from_bytes(digest) % (SLOTS - 1)


def _size_bytes(count: int) -> int:
    return KEY_BYTES + SLOTS * (TIME_BYTES + count * COUNT_BYTES)
