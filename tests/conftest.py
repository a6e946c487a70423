"""Settings for all tests."""

import os
import signal
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.file_schedule import FileSchedule

# No example fails because it is slow, which only shows that the machine is busy.
settings.register_profile("sse-hub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sse-hub")

# Container images set this. Each of the hundreds of processes that the tests start would compile all its modules anew,
# which takes a third of the CPU time of a hub's start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell script starts background processes with SIGINT ignored, and so would be everything that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileSchedule | None:
    """The processes of `-n` with `--dist loadfile` get their files in our order."""
    return FileSchedule(config, log) if config.getoption("dist") == "loadfile" else None
