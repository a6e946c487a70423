"""
Bundles and minifies the page when a wheel is built, in a process of its own: the hub itself never imports the minifier.

    python -m sse_hub.http.page.minify web build/web
"""

import sys
from pathlib import Path

from sse_hub.http.page.files import build_page

MEDIA_TYPES = {".html": "text/html", ".js": "application/javascript", ".css": "text/css", ".json": "application/json"}


def write_minified_page(source: Path, target: Path) -> None:
    """Write the files that browsers get to `target`, from the page's sources. ValueError: see bundle()."""
    import minify  # type: ignore[import-untyped]

    for name, text in build_page(source).items():
        media_type = MEDIA_TYPES.get(Path(name).suffix)
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(minify.string(media_type, text) if media_type else text, encoding="utf-8")


if __name__ == "__main__":
    write_minified_page(Path(sys.argv[1]), Path(sys.argv[2]))
