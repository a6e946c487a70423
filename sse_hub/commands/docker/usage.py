"""
CPU and memory of a container, as numbers that the page plots. Pure; no I/O.

    two answers of the engine --> Usage, Usage --> {"cpu_percent": 12.5, "memory_mb": 20.1}
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple


class Usage(NamedTuple):
    """CPU in ns since the container started and memory in bytes, read `at` seconds since the epoch."""

    at: float
    cpu_ns: int
    memory_bytes: int


def parse_usage(record: Mapping[str, Any]) -> Usage | None:
    """
    The usage in `record`, an answer to `/containers/{id}/stats`; None if it has none, since the container is stopped.
    """
    try:
        cpu_ns = int(record["cpu_stats"]["cpu_usage"]["total_usage"])
        memory = record["memory_stats"]
        # The file cache is freed on demand; `docker stats` leaves it out, too. Its name depends on the version of the
        # kernel's control groups.
        details = memory.get("stats") or {}
        cached = int(details.get("inactive_file", details.get("total_inactive_file", 0)))
        used = int(memory["usage"])
        # Python reads fewer than the nine digits of a second it has.
        at = datetime.fromisoformat(str(record["read"])[:19] + "+00:00").timestamp()
        return Usage(at + float("0" + str(record["read"])[19:].rstrip("Z")), cpu_ns, max(0, used - cached))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def stats_between(before: Usage, now: Usage) -> dict[str, float] | None:
    """CPU between the two in percent of one core, and memory in MB; None if no time or a restart lies between."""
    seconds = now.at - before.at
    if seconds <= 0 or now.cpu_ns < before.cpu_ns:
        return None
    percent = (now.cpu_ns - before.cpu_ns) / 1e9 / seconds * 100
    return {"cpu_percent": round(percent, 1), "memory_mb": round(now.memory_bytes / 1e6, 1)}
