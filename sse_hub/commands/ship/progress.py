"""
How far a long catch-up has come, for who watches a terminal.

    bytes behind, lines published --> Progress.show() --> a bar on the standard error, gone when all is told
"""

import sys
import time
from typing import Any

from tqdm import tqdm

# Less than this is read before anybody could look.
SHOWN_BYTES = 16_000_000
LOOK_SECONDS = 0.1


class Progress:
    """Nothing at all where the standard error is no terminal."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._looked_at = 0.0
        self._begun = (0.0, 0)
        self._quiet = not sys.stderr.isatty()

    @property
    def due(self) -> bool:
        """Whether show() would do something."""
        return not self._quiet and time.monotonic() >= self._looked_at + LOOK_SECONDS

    def show(self, behind: int, lines: int) -> None:
        """`behind` bytes are to be read; `lines` have been published in all."""
        now = self._looked_at = time.monotonic()
        if self._bar is None:
            if behind < SHOWN_BYTES:
                return
            bar: tqdm[Any] = tqdm(total=behind, unit="B", unit_scale=True, desc="catching up", leave=False)
            self._bar = bar
            self._begun = (now, lines)
        # It may grow while it is read.
        done = max(0, int(self._bar.total or 0) - behind)
        if done < self._bar.n:
            self._bar.total = behind + self._bar.n
            done = int(self._bar.n)
        seconds = now - self._begun[0]
        if seconds > 0:
            self._bar.set_postfix_str(f"{(lines - self._begun[1]) / seconds:,.0f} lines/s", refresh=False)
        self._bar.update(done - self._bar.n)
        if behind == 0:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
