"""
How many files, and so connections, this process may have open.

    soft limit --> allow_many() --> hard limit --> allowed() --> how many streams there is room for
"""

import sys
from contextlib import suppress

# What a process of a system without such a limit is taken to have.
UNLIMITED = sys.maxsize


def allow_many() -> None:
    """Have this process, and those it starts, open as many as the system lets it: most set a low limit for select()."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # macOS names a hard limit that it does not grant.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def allowed() -> int:
    """How many files this process may open."""
    if sys.platform == "win32":
        return UNLIMITED
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft
