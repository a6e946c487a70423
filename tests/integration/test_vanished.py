"""A client that vanishes without a word is freed. In a network of its own, whose only device is taken down."""

import os
import subprocess
import sys

import pytest

from tests.rig import PATIENCE, ROOT, at_scale

FREED_SECONDS = 40.0 * PATIENCE
# With the default, 15 s, the same takes up to 40 s.
HEARTBEAT_SECONDS = at_scale(1, 15)
NEEDED = "This test makes a network of its own: `unshare {}` must work, as root, or with user namespaces allowed."


@pytest.fixture
def isolated() -> list[str]:
    """The command that runs another one in a network of its own."""
    options = ["-n"] if os.geteuid() == 0 else ["-r", "-n"]
    tried = subprocess.run(["unshare", *options, "true"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, NEEDED.format(" ".join(options)) + tried.stderr
    return ["unshare", *options]


def test_clients_that_vanish_idle_busy_or_paused_are_freed(isolated: list[str]) -> None:
    command = [
        *isolated,
        sys.executable,
        "-m",
        "tests.integration.vanishing",
        str(HEARTBEAT_SECONDS),
        str(FREED_SECONDS),
    ]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=4 * FREED_SECONDS, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
