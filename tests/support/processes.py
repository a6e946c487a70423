"""Looks at processes that may end at any moment."""

from contextlib import suppress
from typing import Any

import psutil


def has_ended(process: psutil.Process) -> bool:
    """Say whether `process` runs no more. A zombie has ended; so has one that ends while it is looked at."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def connections(process: psutil.Process) -> list[Any]:
    """The connections of `process`; none if it has just ended."""
    with suppress(psutil.NoSuchProcess):
        return list(process.net_connections())
    return []
