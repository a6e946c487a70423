"""Waiting for a condition, within a deadline: tests never sleep and hope."""

import time
from collections.abc import Callable

from tests.support.settings import DEADLINE_SECONDS


def wait_until(
    condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS, every_seconds: float = 0.01
) -> None:
    """Check `condition` every `every_seconds` until it is true. AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(every_seconds)
