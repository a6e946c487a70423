"""
What a process and all its children cost, from /proc. Linux only.

    tree_of(pid) --> pids --> cpu_seconds(), resident_bytes()
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc/PID/stat says: CPU seconds of the process, and of its children that have ended."""

    pid: int
    parent: int
    cpu_seconds: float
    resident_bytes: int


def parse_stat(text: str) -> Stat:
    """The fields of a line of /proc/PID/stat. A process may have blanks and brackets in its name."""
    pid, rest = text.split(" (", 1)
    fields = rest.rsplit(") ", 1)[1].split()
    # Counted from the state, which is field 3 of proc(5): ppid 4, utime 14 to cstime 17, rss 24.
    ticks = sum(int(field) for field in fields[11:15])
    return Stat(int(pid), int(fields[1]), ticks / TICKS_PER_SECOND, int(fields[21]) * PAGE_BYTES)


def tree_of(root: int, stats: Iterable[Stat]) -> list[Stat]:
    """The process `root` and all that descend from it."""
    children: dict[int, list[Stat]] = {}
    found: list[Stat] = []
    for stat in stats:
        children.setdefault(stat.parent, []).append(stat)
        if stat.pid == root:
            found.append(stat)
    for stat in found:
        found += children.get(stat.pid, [])
    return found


def all_stats() -> list[Stat]:
    """Every process of this machine, but those that ended while this looked."""
    stats = []
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                stats.append(parse_stat((folder / "stat").read_text()))
            except OSError:
                continue
    return stats


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree of processes has used so far (CPU) and holds now (memory)."""

    cpu_seconds: float
    resident_bytes: int


def usage_of(pid: int) -> Usage:
    """The usage of process `pid` and its descendants; zeros when it has gone."""
    tree = tree_of(pid, all_stats())
    return Usage(sum(stat.cpu_seconds for stat in tree), sum(stat.resident_bytes for stat in tree))
