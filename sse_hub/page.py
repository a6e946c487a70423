"""
The page's files: `web/` beside the package in a checkout, inside it in an installed wheel; jQuery from XStatic.

    GET /index, GET /web/... --> files on disk, with the headers that keep log text from ever becoming code
"""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import xstatic.pkg.jquery
from sanic import Blueprint, HTTPResponse, Request
from sanic.response import file

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # The files are small and come from the same machine; a page that is older than its hub is a riddle to users.
    "Cache-Control": "no-cache",
}
JQUERY = Path(xstatic.pkg.jquery.BASE_DIR) / "jquery.min.js"


def page_blueprint() -> Blueprint:
    """The page and its files. Raises FileNotFoundError when the installation is broken."""
    # One route a file, known at the start: no path from a request ever reaches the file system.
    folder = web_folder()
    routes = {"/index": folder / "index.html", "/web/vendor/jquery.min.js": JQUERY}
    routes |= {f"/web/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}
    page = Blueprint("sse_hub_page")
    for number, (route, path) in enumerate(routes.items()):
        page.add_route(_served(path), route, name=f"file{number}")
    return page


def web_folder() -> Path:
    """Where the page's files are. Raises FileNotFoundError when the installation is broken."""
    package = Path(__file__).parent
    for folder in (package / "web", package.parent / "web"):
        if (folder / "index.html").is_file():
            return folder
    raise FileNotFoundError(f"the page is missing: neither {package / 'web'} nor {package.parent / 'web'} holds it")


def _served(path: Path) -> Callable[[Request], Coroutine[Any, Any, HTTPResponse]]:
    async def serve(request: Request) -> HTTPResponse:
        response = await file(path, request_headers=request.headers)
        # A 304 too: a browser takes the policy of what it has in its cache from there.
        response.headers.update(SECURITY_HEADERS)
        return response

    return serve
