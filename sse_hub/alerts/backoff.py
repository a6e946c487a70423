"""
When an alert is tried again that its destination has not taken. Pure: no I/O.

    NotSent, number of failures in a row --> wait_seconds()
"""

from collections.abc import Callable

from sse_hub.errors import NotSent

FIRST_SECONDS, LONGEST_SECONDS = 1.0, 300.0
# For what will hardly be different next time.
FIRST_HOPELESS_SECONDS, LONGEST_HOPELESS_SECONDS = 60.0, 900.0
# A wait is shorter by up to this part of it, so that destinations that failed together come back one by one.
JITTER = 0.25


def wait_seconds(error: NotSent, failures: int, random: Callable[[], float]) -> float:
    """
    The seconds until the next try, after `failures` in a row, 1 or more.

    They double each time. `random` returns a number from 0 to 1. It is never less than what the destination asked for.
    """
    first, longest = (
        (FIRST_HOPELESS_SECONDS, LONGEST_HOPELESS_SECONDS) if error.hopeless else (FIRST_SECONDS, LONGEST_SECONDS)
    )
    # A float has no room for 2.0 ** 1024.
    wait = min(longest, first * 2.0 ** min(failures - 1, 32))
    return max(wait * (1 - JITTER * random()), error.wait_seconds)
