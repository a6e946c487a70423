"""
Is this machine set up for many streams?

    limits of the kernel and of this process --> check_machine() --> findings
"""

import resource
from collections.abc import Iterator
from pathlib import Path

from sse_hub.commands.check.finding import Finding, good, odd, unseen

FILES = 10_240
BACKLOG = 4096
SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


def check_machine() -> Iterator[Finding]:
    """What there is to say of the limits that a hub started like this has."""
    # The hub raises the soft limit to this one by itself.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        yield odd("open files", f"{hard} at most, one for each stream: raise it (ulimit -Hn, LimitNOFILE= in systemd)")
    else:
        yield good("open files", "any number" if hard == resource.RLIM_INFINITY else str(hard))
    try:
        backlog = int(SOMAXCONN.read_text())
    except (OSError, ValueError):
        yield unseen("backlog", "net.core.somaxconn can't be read; it should be 4096 for mass reconnects")
        return
    if backlog < BACKLOG:
        yield odd("backlog", f"net.core.somaxconn is {backlog}: mass reconnects take long; set it to {BACKLOG}")
    else:
        yield good("backlog", f"net.core.somaxconn is {backlog}")
