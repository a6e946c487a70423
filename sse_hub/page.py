"""
The page's files: `web/` beside the package in a checkout, inside it in an installed wheel; jQuery from XStatic.

    GET /index ---------------> index.html, asked for anew each time; it names the version of all others
    GET /web/<version>/... ---> files, kept by browsers for a year: another content is another version

They are read once, when the hub starts. All carry the headers that keep log text from ever becoming code.
"""

import gzip
import mimetypes
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import xstatic.pkg.jquery
from sanic import Blueprint, HTTPResponse, Request
from sanic.exceptions import NotFound

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
# A page that is older than its hub is a riddle to users; the names of the files change with their content.
ASKED_ANEW = "no-cache"
KEPT = "public, max-age=31536000, immutable"
JQUERY = Path(xstatic.pkg.jquery.BASE_DIR) / "jquery.min.js"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent: plain and compressed, with a tag that names its content."""

    content_type: str
    plain: bytes
    packed: bytes
    tag: str


def page_blueprint() -> Blueprint:
    """The page and its files. Raises FileNotFoundError when the installation is broken."""
    folder = web_folder()
    # A table made at the start: no path from a request ever reaches the file system.
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    files["vendor/jquery.min.js"] = JQUERY
    assets = {name: _asset(name, path.read_bytes()) for name, path in sorted(files.items())}
    version = blake2b("".join(asset.tag for asset in assets.values()).encode(), digest_size=6).hexdigest()
    index = _asset("index.html", _index(assets, version))
    page = Blueprint("sse_hub_page")

    @page.get("/index")
    async def serve_index(request: Request) -> HTTPResponse:
        return _answer(request, index, ASKED_ANEW)

    @page.get("/web/<path:path>")
    async def serve_file(request: Request, path: str) -> HTTPResponse:
        named, _, rest = path.partition("/")
        if named == version and rest in assets:
            return _answer(request, assets[rest], KEPT)
        # Of another version: a hub that was replaced meanwhile serves what it has, and nobody keeps it.
        asset = assets.get(path) or assets.get(rest)
        if asset is None:
            raise NotFound(f"Requested URL {request.path} not found")
        return _answer(request, asset, ASKED_ANEW)

    return page


def web_folder() -> Path:
    """Where the page's files are. Raises FileNotFoundError when the installation is broken."""
    package = Path(__file__).parent
    for folder in (package / "web", package.parent / "web"):
        if (folder / "index.html").is_file():
            return folder
    raise FileNotFoundError(f"the page is missing: neither {package / 'web'} nor {package.parent / 'web'} holds it")


def _asset(name: str, content: bytes) -> Asset:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in ("application/javascript", "application/json", "image/svg+xml")
    return Asset(
        # Not every system knows that a module is JavaScript, and a browser runs nothing else.
        "text/javascript; charset=utf-8" if name.endswith(".js") else f"{kind}; charset=utf-8" if text else kind,
        content,
        gzip.compress(content, 9, mtime=0),
        f'"{blake2b(content, digest_size=12).hexdigest()}"',
    )


def _index(assets: dict[str, Asset], version: str) -> bytes:
    # All modules are asked for at once, and not one import after the other.
    names = (name for name in assets if name.startswith("js/") and name != "js/theme.js")
    preloads = "".join(f'  <link rel="modulepreload" href="web/{name}">\n' for name in names)
    html = assets["index.html"].plain.decode().replace("</head>", f"{preloads}</head>")
    return html.replace('"web/', f'"web/{version}/').encode()


def _answer(request: Request, asset: Asset, cache: str) -> HTTPResponse:
    headers = {**SECURITY_HEADERS, "Cache-Control": cache, "ETag": asset.tag}
    if asset.tag in request.headers.get("if-none-match", ""):
        return HTTPResponse(status=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return HTTPResponse(
            asset.packed, headers={**headers, "Content-Encoding": "gzip"}, content_type=asset.content_type
        )
    return HTTPResponse(asset.plain, headers=headers, content_type=asset.content_type)
