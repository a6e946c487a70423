"""
The page's files: `web/` beside the package in a checkout, inside it in an installed wheel; jQuery from XStatic.

    GET /index ---------------> index.html, asked for anew each time; it names the version of all others
    GET /web/<version>/... ---> files, kept by browsers for a year: another content is another version

They are read once, when the hub starts: all modules become one script, all styles one sheet, both minified.
All carry the headers that keep log text from ever becoming code.
"""

import gzip
import mimetypes
import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import xstatic.pkg.jquery
from sanic import Blueprint, HTTPResponse, Request
from sanic.exceptions import NotFound

from sse_hub.http.page.bundler import bundle
from sse_hub.http.page.minify import minified
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
# A page that is older than its hub is a riddle to users; the names of the files change with their content.
ASKED_ANEW = "no-cache"
KEPT = "public, max-age=31536000, immutable"
# The slim one lacks requests and animations, of which the page uses none.
JQUERY = Path(xstatic.pkg.jquery.BASE_DIR) / "jquery.slim.min.js"
STYLESHEET = re.compile(r' *<link rel="stylesheet" href="web/(css/[a-z-]+\.css)">\n')
# With the quotes that a minifier leaves out.
OWN_FILE = re.compile(r'(?<==)"?web/')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent: plain and compressed, with a tag that names its content."""

    content_type: str
    plain: bytes
    packed: bytes
    tag: str


def page_blueprint() -> Blueprint:
    """The page and its files. Raises FileNotFoundError when the installation is broken."""
    # A table made at the start: no path from a request ever reaches the file system.
    assets, html = page_assets(web_folder())
    version = blake2b("".join(asset.tag for asset in assets.values()).encode(), digest_size=6).hexdigest()
    index = _asset("index.html", OWN_FILE.sub(rf"\g<0>{version}/", html).encode())
    page = Blueprint("sse_hub_page", strict_slashes=True)

    @get_route(page, "/index")
    async def serve_index(request: Request) -> HTTPResponse:
        return _answer(request, index, ASKED_ANEW)

    @get_route(page, "/web/<path:path>")
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
    package = Path(__file__).parents[2]
    for folder in (package / "web", package.parent / "web"):
        if (folder / "index.html").is_file():
            return folder
    raise FileNotFoundError(f"the page is missing: neither {package / 'web'} nor {package.parent / 'web'} holds it")


def page_assets(folder: Path) -> tuple[dict[str, Asset], str]:
    """What `folder` is to a browser: its files by name, and the page that asks for them. ValueError: see bundle()."""
    sources = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.*")}
    html = sources.pop("index.html")
    modules = {name: text for name, text in sources.items() if name.startswith("js/")}
    sheets = STYLESHEET.findall(html)
    # What other pages than this one ask for, and what is loaded only by some.
    alone = [name for name in sources if name.startswith("css/") and name not in sheets]
    languages = [name for name in sources if name.startswith("lang/")]
    served = {name: sources[name] for name in (*alone, *languages, "favicon.svg", "js/theme.js")}
    served["js/page.js"] = bundle(modules, "js/main.js")
    served["css/page.css"] = "".join(sources[name] for name in sheets)
    served["vendor/jquery.js"] = JQUERY.read_text()
    served["index.html"] = _with_one_of_each(html)
    small = minified(served)
    html = small.pop("index.html")
    return {name: _asset(name, text.encode()) for name, text in sorted(small.items())}, html


def _with_one_of_each(html: str) -> str:
    # Where the first sheet stood, so that nothing is painted before it.
    one = '  <link rel="stylesheet" href="web/css/page.css">\n'
    html = STYLESHEET.sub("", STYLESHEET.sub(lambda _: "\0", html, count=1)).replace("\0", one)
    return html.replace('"web/js/main.js"', '"web/js/page.js"')


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


def _answer(request: Request, asset: Asset, cache: str) -> HTTPResponse:
    headers = {**SECURITY_HEADERS, "Cache-Control": cache, "ETag": asset.tag}
    if asset.tag in request.headers.get("if-none-match", ""):
        return HTTPResponse(status=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return HTTPResponse(
            asset.packed, headers={**headers, "Content-Encoding": "gzip"}, content_type=asset.content_type
        )
    return HTTPResponse(asset.plain, headers=headers, content_type=asset.content_type)
