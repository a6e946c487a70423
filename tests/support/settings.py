"""Settings of a test run: the repository, the patience with deadlines, and the scale of the load."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Scales all deadlines, for a slow machine or parallel tests.
PATIENCE = float(os.environ.get("SSE_HUB_TEST_PATIENCE", "1"))
DEADLINE_SECONDS = 20.0 * PATIENCE
STOP_SECONDS = 10.0 * PATIENCE
FULL_SCALE = bool(os.environ.get("SSE_HUB_TEST_FULL"))


def at_scale(usual: int, full: int) -> int:
    """The amount of load a test makes: `usual`, or `full` if SSE_HUB_TEST_FULL is set, which takes minutes."""
    return full if FULL_SCALE else usual
