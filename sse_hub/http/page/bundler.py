"""
The page's modules as one script and its styles as one sheet: over a hundred files would be over a hundred requests.

    build_page(Path("web"))                                  {"index.html": …, "js/page.js": …, "css/page.css": …, …}
    bundle({"js/main.js": …, "js/a.js": …}, "js/main.js")    one script that does what js/main.js does

Each module becomes a function that is called once, in the order of the imports, and sets what other modules import of
it. The bundler knows the few forms of `import` and `export` that the page uses, each at the beginning of a line, and
refuses others. A JSON file that a module imports becomes a constant in it.
"""

import json
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from posixpath import dirname, join, normpath

SCRIPT = "js/page.js"
SHEET = "css/page.css"
ENTRY = "js/main.js"
# The worker that the tabs of a browser share. Its address has no version: see web/js/connection/tab-connection.js.
WORKER_SCRIPT = "js/streams.js"
WORKER_ENTRY = "js/connection/stream-worker.js"
# A plain script that index.html loads before everything else.
FIRST_SCRIPT = "js/theme.js"
SHEET_LINK = re.compile(r' *<link rel="stylesheet" href="web/(css/[a-z-]+\.css)">\n')
IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
IMPORT_JSON = re.compile(r'^import (\w+) from "(\.[^"]+\.json)" with \{ type: "json" \};\n', re.MULTILINE)
EXPORT_FROM = re.compile(r'^export \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
EXPORT_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def build_page(folder: Path) -> dict[str, str]:
    """The files that browsers get, by name, from the page's sources in `folder`. ValueError: see bundle()."""
    sources = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.*")}
    html = sources.pop("index.html")
    modules = {name: _with_data(folder / name, text) for name, text in sources.items() if name.startswith("js/")}
    sheets = SHEET_LINK.findall(html)
    # Sheets that other pages than this one use.
    others = [name for name in sources if name.startswith("css/") and name not in sheets]
    languages = [name for name in sources if name.startswith("lang/")]
    files = {name: sources[name] for name in (*others, *languages, "favicon.svg", FIRST_SCRIPT)}
    files[SCRIPT] = bundle(modules, ENTRY)
    files[WORKER_SCRIPT] = bundle(modules, WORKER_ENTRY)
    files[SHEET] = "".join(sources[name] for name in sheets)
    files["index.html"] = _link_built_files(html)
    return files


def bundle(modules: Mapping[str, str], entry: str) -> str:
    """One script that does what the module `entry` does. ValueError: an import is unknown, or circular."""
    order: list[str] = []
    _visit(entry, modules, order, ())
    exports = _imported_names(order, modules)
    shared = [name for names in exports.values() for name in names.values()]
    declared = f"let {', '.join(shared)};\n" if shared else ""
    parts = [f"(() => {{\n{_body(name, modules[name], exports)}}})();\n" for name in order[:-1]]
    # Only the entry has a top-level await.
    return f"(async () => {{\n{declared}{''.join(parts)}{_body(entry, modules[entry], exports)}}})();\n"


def _with_data(path: Path, text: str) -> str:
    def as_constant(match: re.Match[str]) -> str:
        data = json.loads((path.parent / match[2]).read_text(encoding="utf-8"))
        return f"const {match[1]} = {json.dumps(data)};\n"

    return IMPORT_JSON.sub(as_constant, text)


def _link_built_files(html: str) -> str:
    # The sheet comes where the first one stood, so that nothing is painted before it.
    link = f'  <link rel="stylesheet" href="web/{SHEET}">\n'
    html = SHEET_LINK.sub("", SHEET_LINK.sub(lambda _: "\0", html, count=1)).replace("\0", link)
    return html.replace(f'"web/{ENTRY}"', f'"web/{SCRIPT}"')


def _visit(name: str, modules: Mapping[str, str], order: list[str], above: tuple[str, ...]) -> None:
    if name in order:
        return
    if name in above:
        raise ValueError(f"{name} imports itself: {' -> '.join((*above, name))}")
    if name not in modules:
        raise ValueError(f"{above[-1] if above else 'nothing'} imports {name}, which does not exist")
    for pattern in (IMPORT, EXPORT_FROM):
        for match in pattern.finditer(modules[name]):
            _visit(_target(name, match[2]), modules, order, (*above, name))
    order.append(name)


# By module: the names that other modules import of it, each with its name in the bundle.
def _imported_names(order: list[str], modules: Mapping[str, str]) -> dict[str, dict[str, str]]:
    imported: dict[str, dict[str, str]] = {name: {} for name in order}
    numbers = count()
    for name in order:
        for pattern in (IMPORT, EXPORT_FROM):
            for match in pattern.finditer(modules[name]):
                names = imported[_target(name, match[2])]
                for inner, _ in _pairs(match[1]):
                    if inner not in names:
                        names[inner] = f"$${next(numbers)}"
    return imported


def _body(name: str, text: str, exports: Mapping[str, Mapping[str, str]]) -> str:
    assignments: list[str] = []
    own = exports[name]

    def assign(outer: str, inner: str) -> None:
        # What no module imports is exported for tests only.
        if outer in own:
            assignments.append(f"{own[outer]} = {inner};\n")

    def replace_import(match: re.Match[str]) -> str:
        names = exports[_target(name, match[2])]
        return f"const {', '.join(f'{outer} = {names[inner]}' for inner, outer in _pairs(match[1]))};\n"

    def replace_export_from(match: re.Match[str]) -> str:
        names = exports[_target(name, match[2])]
        for inner, outer in _pairs(match[1]):
            assign(outer, names[inner])
        return ""

    def replace_export_list(match: re.Match[str]) -> str:
        for inner, outer in _pairs(match[1]):
            assign(outer, inner)
        return ""

    def replace_export(match: re.Match[str]) -> str:
        assign(match[1], match[1])
        return ""

    for pattern, replace in (
        (IMPORT, replace_import),
        (EXPORT_FROM, replace_export_from),
        (EXPORT_LIST, replace_export_list),
        (EXPORT, replace_export),
    ):
        text = pattern.sub(replace, text)
    if unknown := OTHER.search(text):
        raise ValueError(f"{name}: {unknown[0]!r} is no import or export that can be bundled")
    return text + "".join(assignments)


def _pairs(names: str) -> list[tuple[str, str]]:
    pairs = [part.split(" as ") for part in map(str.strip, names.split(",")) if part]
    return [(pair[0], pair[-1]) for pair in pairs]


def _target(name: str, path: str) -> str:
    return normpath(join(dirname(name), path))
