"""
Pages, scripts, sheets and tables made small, by a process that ends when it has done so.

The minifier brings a runtime of its own, which would stay: 12 MB, five threads and handlers of signals in every hub.

    page --> minified() --> python -m sse_hub.http.page.minify --> the same files, small
"""

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

KINDS = {".html": "text/html", ".js": "application/javascript", ".css": "text/css", ".json": "application/json"}
PATIENCE_SECONDS = 20

logger = logging.getLogger(__name__)


def minified(files: Mapping[str, str]) -> dict[str, str]:
    """The texts by name, small where the name says that they can be; as they are where no process can be started."""
    command = [sys.executable, "-m", "sse_hub.http.page.minify"]
    try:
        done = subprocess.run(
            command, input=json.dumps(dict(files)).encode(), capture_output=True, timeout=PATIENCE_SECONDS, check=True
        )
        small: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        logger.warning("page_not_minified reason=%r", error)
        return dict(files)
    return small


def main() -> None:
    """Read files as JSON from the standard input, and write them, small, to the standard output."""
    import minify  # type: ignore[import-untyped]

    files = json.load(sys.stdin)
    kinds = {name: KINDS.get(Path(name).suffix) for name in files}
    json.dump(
        {name: minify.string(kinds[name], text) if kinds[name] else text for name, text in files.items()}, sys.stdout
    )


if __name__ == "__main__":
    main()
