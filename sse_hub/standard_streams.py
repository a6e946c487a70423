"""
Standard streams that a process was started without (`sse-hub serve <&- >&- 2>&-`): each becomes /dev/null.

Else the first files and sockets that the process opens would be 0, 1 and 2, and output meant for a terminal would go
into them. libuv aborts a process whose event loop uses such a descriptor.
"""

import os
import sys

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_standard_streams() -> None:
    """Open /dev/null for each standard stream that is closed. Every program calls this before anything else."""
    for descriptor, (name, mode) in enumerate(STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest descriptor that is free, which is this one.
            opened = os.open(os.devnull, os.O_RDWR)
            # Processes that this one starts have it, too.
            os.set_inheritable(opened, True)
            setattr(sys, name, open(opened, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # to the end
