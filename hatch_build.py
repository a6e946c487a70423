"""
Builds the page into the wheel: one minified script and sheet, in `sse_hub/web`.

A checkout needs no build: the hub bundles the page's sources when it starts.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Adds the built page to a wheel; an editable install gets none."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page into a temporary folder. CalledProcessError: it cannot be bundled or minified."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "sse_hub.http.page.minify", str(Path(self.root, "web")), self._folder.name]
        subprocess.run(command, cwd=self.root, check=True)
        build_data["force_include"][self._folder.name] = "sse_hub/web"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        if version != "editable":
            self._folder.cleanup()
