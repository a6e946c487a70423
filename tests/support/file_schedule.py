"""
Which process gets which file of tests next: long files first, and few at a time that need a calm machine.

    pytest -n 3 --dist loadfile --> FileSchedule: the longest file that may run now --> a process without work

pytest-xdist itself begins with the files of the most tests, which are the quick ones: the slowest file would come last,
and alone.
"""

import os
from typing import Any

from xdist.scheduler import LoadFileScheduling

CALM = ("tests/integration/cluster/", "tests/integration/sentinel/", "tests/integration/failover/")
"""Tests whose servers take a busy machine for a broken one."""
MOST_CALM_AT_A_TIME = 2
BUSY = os.environ.get("SSE_HUB_TEST_BUSY", "")
"""A file that exists while something else makes the machine busy."""
SECONDS_PER_TEST = (
    # With what they build.
    ("tests/integration/logging/test_language_recipes.py", 20.0),
    ("tests/integration/delivery/test_client_libraries.py", 60.0),
    ("tests/unit/page/test_page_modules.py", 30.0),
    *((folder, 20.0) for folder in CALM),
    ("tests/integration/recording/", 10.0),
    ("tests/integration/redis_faults/", 8.0),
    ("tests/integration/overload/", 6.0),
    ("tests/integration/commands/", 2.0),
    ("tests/integration/server/", 2.0),
    ("tests/integration/logging/", 2.0),
    ("tests/integration/", 1.0),
    ("tests/browser/", 2.0),
    ("", 0.03),
)
"""Roughly how long a test takes; the first row counts whose folder fits."""


def is_calm(file: str) -> bool:
    """True if the tests of `file` need a calm machine."""
    return file.startswith(CALM)


def seconds_of(file: str, tests: int) -> float:
    """Roughly how long the `tests` of `file` take."""
    return tests * next(seconds for folder, seconds in SECONDS_PER_TEST if file.startswith(folder))


class FileSchedule(LoadFileScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """`workqueue` has the files that no process has yet, `assigned_work` those of each process, with their tests."""

    def _reschedule(self, node: Any) -> None:
        # A process begins a test when it knows the next one. It gets no file before it needs it: somebody else may be
        # free sooner.
        if node.shutting_down or self._pending_of(self.assigned_work[node]) > 1:
            return
        if self._next_file(node):
            self._assign_work_unit(node)
        else:
            node.shutdown()

    def _assign_work_unit(self, node: Any) -> None:
        # Every process begins with a file, even if all files need a calm machine.
        file = self._next_file(node) or next(iter(self.workqueue))
        self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)

    def _next_file(self, node: Any) -> str | None:
        """The longest file that `node` may run now. On a busy machine, others go before those that need a calm one."""
        others = [work for other, work in self.assigned_work.items() if other != node]
        calm = sum(any(is_calm(file) and not all(tests.values()) for file, tests in work.items()) for work in others)
        found = [file for file in self.workqueue if not is_calm(file)] if os.path.exists(BUSY) else []
        found = found or [file for file in self.workqueue if calm < MOST_CALM_AT_A_TIME or not is_calm(file)]
        return max(found, key=lambda file: seconds_of(file, len(self.workqueue[file])), default=None)
