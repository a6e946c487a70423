"""
The page's files, from `sse_hub/web` in an installed wheel or from `web` in a checkout; jQuery comes from XStatic.

    GET /index ---------------> index.html, revalidated each time; it names the version of all other files
    GET /web/<version>/... ---> files that browsers keep for a year: other content has another version

The wheel holds them bundled and minified, and they are read when the hub starts; a checkout is bundled when a browser
first asks. Then they are compressed, too, beside the event loop: a hub that nobody looks at starts without all that.
All carry the headers that keep log text from ever becoming code.
"""

import asyncio
import gzip
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import xstatic.pkg.jquery
from sanic import Blueprint, HTTPResponse, Request
from sanic.exceptions import NotFound

from sse_hub.http.page.files import SCRIPT, build_page
from sse_hub.http.response import get_route

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
INDEX = "index.html"
# An outdated page would not fit its hub, so index.html is revalidated. All other files have another name when their
# content changes.
REVALIDATED = "no-cache"
IMMUTABLE = "public, max-age=31536000, immutable"
# The slim build lacks requests and animations; the page uses neither.
JQUERY = Path(xstatic.pkg.jquery.BASE_DIR) / "jquery.slim.min.js"
# A minifier leaves out the quotes.
OWN_FILE = re.compile(r'(?<==)"?web/')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent: plain and compressed, with a tag that names its content."""

    content_type: str
    plain: bytes
    packed: bytes
    tag: str


@dataclass(frozen=True, slots=True)
class BuiltPage:
    """The files as they are sent: `index`, and the `assets` of this `version` by name."""

    index: Asset
    assets: Mapping[str, Asset]
    version: str

    @classmethod
    def of(cls, files: Mapping[str, str]) -> "BuiltPage":
        """The page of `files`, see page_files()."""
        assets = assets_of(files)
        version = blake2b("".join(asset.tag for asset in assets.values()).encode(), digest_size=6).hexdigest()
        html = OWN_FILE.sub(rf"\g<0>{version}/", files[INDEX])
        return cls(_make_asset(INDEX, html.encode()), assets, version)


def page_blueprint() -> Blueprint:
    """The page and its files. Raises FileNotFoundError when the installation is broken."""
    # No path from a request ever reaches the file system.
    folder = web_folder()
    built = page_files(folder) if _is_built(folder) else None
    made: BuiltPage | None = None
    making = asyncio.Lock()
    page = Blueprint("sse_hub_page", strict_slashes=True)

    async def ready() -> BuiltPage:
        nonlocal made
        async with making:
            if made is None:
                made = await asyncio.to_thread(lambda: BuiltPage.of(built or page_files(folder)))
            return made

    @get_route(page, "/index")
    async def serve_index(request: Request) -> HTTPResponse:
        return _answer(request, (await ready()).index, REVALIDATED)

    @get_route(page, "/web/<path:path>")
    async def serve_file(request: Request, path: str) -> HTTPResponse:
        found = await ready()
        named, _, rest = path.partition("/")
        if named == found.version and rest in found.assets:
            return _answer(request, found.assets[rest], IMMUTABLE)
        # A page of another version: a hub that has been replaced serves what it has, not to be cached.
        asset = found.assets.get(path) or found.assets.get(rest)
        if asset is None:
            raise NotFound(f"Requested URL {request.path} not found")
        return _answer(request, asset, REVALIDATED)

    return page


def web_folder() -> Path:
    """Where the page's files are. Raises FileNotFoundError when the installation is broken."""
    package = Path(__file__).parents[2]
    for folder in (package / "web", package.parent / "web"):
        if (folder / "index.html").is_file():
            return folder
    raise FileNotFoundError(f"the page is missing: neither {package / 'web'} nor {package.parent / 'web'} holds it")


def page_files(folder: Path) -> dict[str, str]:
    """The files that browsers get, by name, from a folder with the sources or with the built page."""
    files = _read_built(folder) if _is_built(folder) else build_page(folder)
    return files | {"vendor/jquery.js": JQUERY.read_text(encoding="utf-8")}


def assets_of(files: Mapping[str, str]) -> dict[str, Asset]:
    """What is sent of `files`, by name, but for index.html."""
    return {name: _make_asset(name, text.encode()) for name, text in sorted(files.items()) if name != INDEX}


def _is_built(folder: Path) -> bool:
    return (folder / SCRIPT).is_file()


def _read_built(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.*")}


def _make_asset(name: str, content: bytes) -> Asset:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in ("application/javascript", "application/json", "image/svg+xml")
    return Asset(
        # Some systems have another type for .js, and browsers refuse to run it.
        "text/javascript; charset=utf-8" if name.endswith(".js") else f"{kind}; charset=utf-8" if text else kind,
        content,
        gzip.compress(content, 9, mtime=0),
        f'"{blake2b(content, digest_size=12).hexdigest()}"',
    )


def _answer(request: Request, asset: Asset, cache: str) -> HTTPResponse:
    headers = {**SECURITY_HEADERS, "Cache-Control": cache, "ETag": asset.tag}
    if asset.tag in request.headers.get("if-none-match", ""):
        return HTTPResponse(status=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return HTTPResponse(
            asset.packed, headers={**headers, "Content-Encoding": "gzip"}, content_type=asset.content_type
        )
    return HTTPResponse(asset.plain, headers=headers, content_type=asset.content_type)
