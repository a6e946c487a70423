"""
The files that browsers get: the page's modules as two scripts and its styles as two sheets, with what belongs to them.

    build_page(Path("web"))    {"index.html": …, "js/page.js": …, "css/page.css": …, "js/later.js": …, …}

The second script and sheet are loaded when a view is opened that needs them; in index.html, `data-later` marks its
styles. The texts of a language are two files in the same way: one with those that the first script or index.html names,
and `lang/later/` with all others. A JSON file that a module imports becomes a constant in it.
"""

import json
import re
from pathlib import Path

from sse_hub.http.page.bundler import bundle, needed_at_once

SCRIPT = "js/page.js"
SHEET = "css/page.css"
# What is loaded when a view is first opened.
LATER_SCRIPT = "js/later.js"
LATER_SHEET = "css/later.css"
ENTRY = "js/main.js"
# The worker that the tabs of a browser share. Its address has no version: see web/js/connection/tab-connection.js.
WORKER_SCRIPT = "js/streams.js"
WORKER_ENTRY = "js/connection/stream-worker.js"
# A plain script that index.html loads before everything else.
FIRST_SCRIPT = "js/theme.js"
SHEET_LINK = re.compile(r' *<link rel="stylesheet" href="web/(css/[a-z-]+\.css)">\n')
LATER_SHEET_LINK = re.compile(r' *<link rel="stylesheet" href="web/(css/[a-z-]+\.css)" data-later>\n')
IMPORT_JSON = re.compile(r'^import (\w+) from "(\.[^"]+\.json)" with \{ type: "json" \};\n', re.MULTILINE)

# How a module names a text: "state.live", or a group of them, `state.${name}`.
NAMED_TEXT = re.compile(r'"(\w+(?:\.[\w-]+)+)"')
NAMED_TEXTS = re.compile(r"`(\w[\w.]*\.)\$\{")


def build_page(folder: Path) -> dict[str, str]:
    """The files that browsers get, by name, from the page's sources in `folder`. ValueError: see bundle()."""
    sources = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.*")}
    html = sources.pop("index.html")
    modules = {name: _with_data(folder / name, text) for name, text in sources.items() if name.startswith("js/")}
    sheets = SHEET_LINK.findall(html)
    later_sheets = LATER_SHEET_LINK.findall(html)
    # Sheets that other pages than this one use.
    others = [name for name in sources if name.startswith("css/") and name not in (*sheets, *later_sheets)]
    files = {name: sources[name] for name in (*others, "favicon.svg", FIRST_SCRIPT)}
    at_once = [html, *(modules[name] for name in needed_at_once(modules, ENTRY))]
    for name in sources:
        if name.startswith("lang/"):
            files |= _split_texts(name, sources[name], at_once)
    files[SCRIPT], later = bundle(modules, ENTRY, sheet=bool(later_sheets))
    files[WORKER_SCRIPT], nothing = bundle(modules, WORKER_ENTRY)
    if nothing:
        raise ValueError(f"{WORKER_ENTRY} is one script: it can load nothing later")
    files[SHEET] = "".join(sources[name] for name in sheets)
    if later:
        files[LATER_SCRIPT] = later
    if later_sheets:
        files[LATER_SHEET] = "".join(sources[name] for name in later_sheets)
    files["index.html"] = _link_built_files(html)
    return files


# The texts that `at_once` names, and the others. `<key>_one` is the singular of `<key>`.
def _split_texts(name: str, content: str, at_once: list[str]) -> dict[str, str]:
    named = {key for source in at_once for key in NAMED_TEXT.findall(source)}
    groups = tuple({begin for source in at_once for begin in NAMED_TEXTS.findall(source)})
    first: dict[str, str] = {}
    later: dict[str, str] = {}
    for key, text in json.loads(content).items():
        whole = key.removesuffix("_one")
        (first if whole in named or whole.startswith(groups) else later)[key] = text
    parts = {name: first, name.replace("lang/", "lang/later/"): later}
    return {part: json.dumps(texts, ensure_ascii=False) for part, texts in parts.items()}


def _with_data(path: Path, text: str) -> str:
    def as_constant(match: re.Match[str]) -> str:
        data = json.loads((path.parent / match[2]).read_text(encoding="utf-8"))
        return f"const {match[1]} = {json.dumps(data)};\n"

    return IMPORT_JSON.sub(as_constant, text)


def _link_built_files(html: str) -> str:
    # The sheet comes where the first one stood, so that nothing is painted before it.
    link = f'  <link rel="stylesheet" href="web/{SHEET}">\n'
    html = LATER_SHEET_LINK.sub("", html)
    html = SHEET_LINK.sub("", SHEET_LINK.sub(lambda _: "\0", html, count=1)).replace("\0", link)
    return html.replace(f'"web/{ENTRY}"', f'"web/{SCRIPT}"')
