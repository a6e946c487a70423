"""Ctrl-C ends a hub or a demo at any moment, although redis-py on Python 3.11 can lose a cancellation."""

import signal
import subprocess
import sys
import time

import pytest

from tests.support.servers import RedisServer, free_port
from tests.support.settings import ROOT, STOP_SECONDS
from tests.support.waiting import wait_until

# The moments at which it once hung: while the demo connects, and just after it has published.
DELAYS_MS = [0, 10, 20, 30, 50, 80]


@pytest.mark.parametrize("delay_ms", DELAYS_MS)
@pytest.mark.parametrize("what", ["hub with demo", "demo"])
def test_ctrl_c_ends_a_hub_or_a_demo_at_any_moment(server: RedisServer, what: str, delay_ms: int) -> None:
    serve = ["run.py", "--port", str(free_port()), "--demo"]
    command = serve if what == "hub with demo" else ["-m", "sse_hub.cli", "demo"]
    process = subprocess.Popen(
        [sys.executable, *command, "--redis-url", server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout
        started = next(line for line in process.stdout if "is running" in line or "Publishing to" in line)
        time.sleep(delay_ms / 1000)

        process.send_signal(signal.SIGINT)

        wait_until(lambda: process.poll() is not None, f"it has ended after: {started}", STOP_SECONDS)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
