"""
A progress bar for a long catch-up, if standard error is a terminal.

    bytes unread, lines published --> Progress.show() --> a bar on standard error, removed at the end
"""

import sys
import time
from typing import Any

from tqdm import tqdm

# Smaller files are read before anyone would see a bar.
MIN_BYTES = 16_000_000
REFRESH_SECONDS = 0.1


class Progress:
    """Shows a progress bar; does nothing if standard error is not a terminal."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._refreshed_at = 0.0
        self._start = (0.0, 0)
        self._hidden = not sys.stderr.isatty()

    @property
    def due(self) -> bool:
        """Whether it is time to call show()."""
        return not self._hidden and time.monotonic() >= self._refreshed_at + REFRESH_SECONDS

    def show(self, unread_bytes: int, lines: int) -> None:
        """`unread_bytes` are still to be read; `lines` have been published in all."""
        now = self._refreshed_at = time.monotonic()
        if self._bar is None:
            if unread_bytes < MIN_BYTES:
                return
            bar: tqdm[Any] = tqdm(total=unread_bytes, unit="B", unit_scale=True, desc="catching up", leave=False)
            self._bar = bar
            self._start = (now, lines)
        # Files may grow while they are read.
        done = max(0, int(self._bar.total or 0) - unread_bytes)
        if done < self._bar.n:
            self._bar.total = unread_bytes + self._bar.n
            done = int(self._bar.n)
        seconds = now - self._start[0]
        if seconds > 0:
            self._bar.set_postfix_str(f"{(lines - self._start[1]) / seconds:,.0f} lines/s", refresh=False)
        self._bar.update(done - self._bar.n)
        if unread_bytes == 0:
            self.close()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
