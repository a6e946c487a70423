"""
CPU and memory of a process and all its descendants, from /proc. Linux only.

    /proc/*/stat --> process_tree(pid) --> ProcessUsage
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """Fields of /proc/PID/stat; `cpu_seconds` includes those of children that have ended."""

    pid: int
    parent: int
    cpu_seconds: float
    resident_bytes: int


def parse_stat(text: str) -> ProcessStat:
    """Parse a line of /proc/PID/stat (proc(5)). The process name in it may contain spaces and parentheses."""
    pid, rest = text.split(" (", 1)
    fields = rest.rsplit(") ", 1)[1].split()
    # Counted from the state, which is field 3 of proc(5): ppid 4, utime 14 to cstime 17, rss 24.
    ticks = sum(int(field) for field in fields[11:15])
    return ProcessStat(int(pid), int(fields[1]), ticks / TICKS_PER_SECOND, int(fields[21]) * PAGE_BYTES)


def process_tree(root: int, stats: Iterable[ProcessStat]) -> list[ProcessStat]:
    """Return the process `root` and all its descendants."""
    children: dict[int, list[ProcessStat]] = {}
    tree: list[ProcessStat] = []
    for stat in stats:
        children.setdefault(stat.parent, []).append(stat)
        if stat.pid == root:
            tree.append(stat)
    for stat in tree:
        tree += children.get(stat.pid, [])
    return tree


def read_all_stats() -> list[ProcessStat]:
    """Read the stat of every process of this machine, except those that end meanwhile."""
    stats = []
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                stats.append(parse_stat((folder / "stat").read_text()))
            except OSError:
                continue
    return stats


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """CPU that a process tree has used so far, and memory that it holds now."""

    cpu_seconds: float
    resident_bytes: int


def usage_of(pid: int) -> ProcessUsage:
    """Return the usage of process `pid` and its descendants; zeros if it has ended."""
    tree = process_tree(pid, read_all_stats())
    return ProcessUsage(sum(stat.cpu_seconds for stat in tree), sum(stat.resident_bytes for stat in tree))


def thread_cpu_seconds(pid: int) -> float:
    """The CPU of all threads of one process, exact to the nanosecond: a tick of the clock is 10 ms."""
    tasks = (PROC / str(pid) / "task").glob("*/schedstat")
    return sum(int(task.read_bytes().split()[0]) for task in tasks) / 1e9
