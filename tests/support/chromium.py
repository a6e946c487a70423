"""Chromium: where it is, how it is started, and what its console complains about."""

import shutil
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Error

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def chromium() -> str:
    """The browser on PATH. AssertionError with the way to get it where it is missing."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    assert found, "Chromium is missing: `make test` installs it on Debian; elsewhere put `chromium` on PATH"
    return found


@dataclass
class Console:
    """What the browser complained about. `allowed` holds parts of messages that the test provokes on purpose."""

    errors: list[str] = field(default_factory=list)
    allowed: set[str] = field(default_factory=set)

    def said(self, message: ConsoleMessage) -> None:
        """Keep an error or a warning; a violation of the content policy is an error here."""
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def failed(self, error: Error) -> None:
        """Keep an uncaught exception."""
        self.errors.append(f"{error.message}\n{error.stack}")

    @property
    def unexpected(self) -> list[str]:
        """The complaints that the test did not provoke."""
        return [error for error in self.errors if not any(part in error for part in self.allowed)]
