"""How a run of the tests is set: where the repository is, how patient the tests are, and how much load they make."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
# All deadlines are scaled by this factor, so that a slow machine needs one setting, not many edits.
PATIENCE = float(os.environ.get("SSE_HUB_TEST_PATIENCE", "1"))
DEADLINE_SECONDS = 20.0 * PATIENCE
STOP_SECONDS = 10.0 * PATIENCE
FULL_SCALE = bool(os.environ.get("SSE_HUB_TEST_FULL"))


def at_scale(usual: int, full: int) -> int:
    """How much load a test makes: `usual`, or `full` where SSE_HUB_TEST_FULL is set, which takes minutes."""
    return full if FULL_SCALE else usual
