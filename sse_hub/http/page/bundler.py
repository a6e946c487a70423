"""
The page's modules as two scripts: over a hundred modules would be over a hundred requests.

    bundle({"js/main.js": …, …}, "js/main.js")    one script that does what js/main.js does, and one that it loads later

Each module becomes a function that is called once, in the order of the imports, and sets what other modules import of
it. The bundler knows the few forms of `import` and `export` that the page uses, each at the beginning of a line, and
refuses others.

Modules to which only `import("./a.js")` leads, anywhere in a line, are the second script. The first loads it at the
first such call, and hands it what it imports of the first: no module runs twice.
"""

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from itertools import count
from posixpath import dirname, join, normpath

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
EXPORT_FROM = re.compile(r'^export \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
EXPORT_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
LATER = re.compile(r'\bimport\("(\.[^"]+)"\)')
OTHER = re.compile(r"^(?:import|export)\b.*|\bimport *\(.*", re.MULTILINE)
# Browsers may remember what could not be loaded, so each attempt has an address of its own.
LOADER = """
let $$opened = null, $$styled = null, $$attempts = 0;
async function $$load() {
  const script = import(`./later.js${$$attempts > 0 ? `?${$$attempts}` : ""}`);
  $$attempts += 1;
  const [{ open }] = await Promise.all([script, $$sheet()]);
  return open(VERSION, $$later, [SHARED]);
}
function $$fail(fault) {
  $$opened = null;
  throw fault;
}
const $$later = async (part) => (await ($$opened ??= $$load().catch($$fail)))[part];
const $$sheet = () => ($$styled ??= SHEET);
"""
SHEET_LOADER = """new Promise((done, fail) => {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../css/later.css", import.meta.url);
  link.onload = done;
  link.onerror = () => {
    link.remove();
    $$styled = null;
    fail(new Error("css/later.css"));
  };
  document.head.append(link);
})"""
# A hub that has been replaced serves the second script of another page, which does not fit the first.
OPENER = """
export function open(version, $$later, [SHARED]) {
  if (version !== VERSION) throw new Error("the page is outdated");
"""


def needed_at_once(modules: Mapping[str, str], entry: str) -> list[str]:
    """The modules of the first script, each after those that it imports. ValueError: see bundle()."""
    names: list[str] = []
    _visit(entry, modules, names, ())
    return names


def bundle(modules: Mapping[str, str], entry: str, *, sheet: bool = False) -> tuple[str, str]:
    """
    One script that does what the module `entry` does, and the script that it loads later, or "".

    With `sheet`, it loads the second sheet too. ValueError: an import is unknown or circular, or a module that is to be
    loaded later is needed at once.
    """
    first = needed_at_once(modules, entry)
    order, opened = _visit_later(first, modules)
    exports = _imported_names(order, modules, opened)
    bodies = {name: _body(name, _with_calls(name, modules[name], opened), exports) for name in order}
    later = order[len(first) :]
    loader, second = _second_script(later, modules, exports, bodies, opened, sheet) if later else ("", "")
    # Only the entry has a top-level await.
    script = _declared(first, exports) + loader + _run(bodies[name] for name in first[:-1]) + bodies[entry]
    return f"(async () => {{\n{script}}})();\n", second


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


# All modules, those of the second script behind those of the first, and the ones that `import()` names.
def _visit_later(first: list[str], modules: Mapping[str, str]) -> tuple[list[str], list[str]]:
    order = list(first)
    opened: list[str] = []
    looked_at = 0
    while looked_at < len(order):
        name = order[looked_at]
        looked_at += 1
        for match in LATER.finditer(modules[name]):
            target = _target(name, match[1])
            if target in first:
                raise ValueError(f"{name} loads {target} later, which the page needs at once")
            if target not in opened:
                opened.append(target)
                _visit(target, modules, order, (name,))
    return order, opened


# By module: the names that other modules import of it, each with its name in the bundle.
def _imported_names(order: list[str], modules: Mapping[str, str], opened: list[str]) -> dict[str, dict[str, str]]:
    imported: dict[str, dict[str, str]] = {name: {} for name in order}
    numbers = count()

    def share(name: str, inner: str) -> None:
        if inner not in imported[name]:
            imported[name][inner] = f"$${next(numbers)}"

    for name in order:
        for pattern in (IMPORT, EXPORT_FROM):
            for match in pattern.finditer(modules[name]):
                for inner, _ in _pairs(match[1]):
                    share(_target(name, match[2]), inner)
    for name in opened:
        for inner in _exported_names(modules[name]):
            share(name, inner)
    return imported


def _exported_names(text: str) -> list[str]:
    lists = [match[1] for pattern in (EXPORT_FROM, EXPORT_LIST) for match in pattern.finditer(text)]
    return [match[1] for match in EXPORT.finditer(text)] + [outer for names in lists for _, outer in _pairs(names)]


# What the first script needs to load the second, and the second.
def _second_script(
    later: list[str],
    modules: Mapping[str, str],
    exports: Mapping[str, Mapping[str, str]],
    bodies: Mapping[str, str],
    opened: list[str],
    sheet: bool,
) -> tuple[str, str]:
    version = json.dumps(blake2b("".join(bodies.values()).encode(), digest_size=6).hexdigest())
    own = {name for module in later for name in exports[module].values()}
    used = {
        exports[_target(name, match[2])][inner]
        for name in later
        for pattern in (IMPORT, EXPORT_FROM)
        for match in pattern.finditer(modules[name])
        for inner, _ in _pairs(match[1])
    }
    shared = ", ".join(sorted(used - own))
    offered = ",\n".join(f"{{ {', '.join(map(': '.join, exports[name].items()))} }}" for name in opened)
    loader, opener = (text.replace("SHARED", shared).replace("VERSION", version) for text in (LOADER, OPENER))
    run = f"{_declared(later, exports)}{_run(bodies[name] for name in later)}return [{offered}];\n}}\n"
    return loader.replace("SHEET", SHEET_LOADER if sheet else "true"), opener + run


def _declared(names: Iterable[str], exports: Mapping[str, Mapping[str, str]]) -> str:
    shared = ", ".join(shared for name in names for shared in exports[name].values())
    return f"let {shared};\n" if shared else ""


def _run(bodies: Iterable[str]) -> str:
    return "".join(f"(() => {{\n{body}}})();\n" for body in bodies)


def _with_calls(name: str, text: str, opened: list[str]) -> str:
    return LATER.sub(lambda match: f"$$later({opened.index(_target(name, match[1]))})", text)


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
