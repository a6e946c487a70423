"""
Checks whether this machine is set up for many streams.

    limits of the kernel and of this process --> check_machine() --> results
"""

import resource
from collections.abc import Iterator
from pathlib import Path

from sse_hub.commands.check.result import CheckResult, passed, unknown, warning

MIN_OPEN_FILES = 10_240
MIN_BACKLOG = 4096
SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


def check_machine() -> Iterator[CheckResult]:
    """The results for the limits that a hub started from here would have."""
    # The hub raises the soft limit to this one by itself.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MIN_OPEN_FILES:
        yield warning(
            "open files", f"at most {hard}, one per stream: raise the limit (ulimit -Hn, LimitNOFILE= in systemd)"
        )
    else:
        yield passed("open files", "unlimited" if hard == resource.RLIM_INFINITY else str(hard))
    try:
        backlog = int(SOMAXCONN.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        yield unknown("backlog", "net.core.somaxconn can't be read; it should be 4096 for mass reconnects")
        return
    if backlog < MIN_BACKLOG:
        yield warning("backlog", f"net.core.somaxconn is {backlog}: mass reconnects take long; set it to {MIN_BACKLOG}")
    else:
        yield passed("backlog", f"net.core.somaxconn is {backlog}")
