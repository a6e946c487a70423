"""
The page's modules as one: a hundred files would be a hundred requests, six at a time.

    bundle({"js/main.js": "import { a } from './a.js'; …", "js/a.js": "export const a = 1;"}, "js/main.js")

Each module becomes a function that is called once, in the order of the imports, and sets what others import of it.
It knows the few forms of `import` and `export` that the page uses, each at the beginning of a line; others are refused.
"""

import re
from collections.abc import Mapping
from itertools import count
from posixpath import dirname, join, normpath

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
EXPORTED_FROM = re.compile(r'^export \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
EXPORTED_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)
EXPORTED = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def bundle(modules: Mapping[str, str], entry: str) -> str:
    """One module that does what `entry` does. ValueError names a module that is not understood, or imports itself."""
    order: list[str] = []
    _visit(entry, modules, order, ())
    wanted = _wanted(order, modules)
    shared = [name for names in wanted.values() for name in names.values()]
    declared = f"let {', '.join(shared)};\n" if shared else ""
    parts = [f"(() => {{\n{_body(name, modules[name], wanted)}}})();\n" for name in order[:-1]]
    # Only the entry waits for anything.
    return f"(async () => {{\n{declared}{''.join(parts)}{_body(entry, modules[entry], wanted)}}})();\n"


def _visit(name: str, modules: Mapping[str, str], order: list[str], above: tuple[str, ...]) -> None:
    if name in order:
        return
    if name in above:
        raise ValueError(f"{name} imports itself: {' -> '.join((*above, name))}")
    if name not in modules:
        raise ValueError(f"{above[-1] if above else 'nobody'} imports {name}, which is not there")
    for pattern in (IMPORT, EXPORTED_FROM):
        for match in pattern.finditer(modules[name]):
            _visit(_target(name, match[2]), modules, order, (*above, name))
    order.append(name)


# By module, what others import of it, and what that is called among all modules.
def _wanted(order: list[str], modules: Mapping[str, str]) -> dict[str, dict[str, str]]:
    wanted: dict[str, dict[str, str]] = {name: {} for name in order}
    numbers = count()
    for name in order:
        for pattern in (IMPORT, EXPORTED_FROM):
            for match in pattern.finditer(modules[name]):
                names = wanted[_target(name, match[2])]
                for inner, _ in _pairs(match[1]):
                    if inner not in names:
                        names[inner] = f"$${next(numbers)}"
    return wanted


def _body(name: str, text: str, wanted: Mapping[str, Mapping[str, str]]) -> str:
    given: list[str] = []
    own = wanted[name]

    def give(outer: str, inner: str) -> None:
        # What no module imports is there for tests.
        if outer in own:
            given.append(f"{own[outer]} = {inner};\n")

    def taken(match: re.Match[str]) -> str:
        names = wanted[_target(name, match[2])]
        return f"const {', '.join(f'{outer} = {names[inner]}' for inner, outer in _pairs(match[1]))};\n"

    def passed_on(match: re.Match[str]) -> str:
        names = wanted[_target(name, match[2])]
        for inner, outer in _pairs(match[1]):
            give(outer, names[inner])
        return ""

    def listed(match: re.Match[str]) -> str:
        for inner, outer in _pairs(match[1]):
            give(outer, inner)
        return ""

    def declared(match: re.Match[str]) -> str:
        give(match[1], match[1])
        return ""

    for pattern, replace in (
        (IMPORT, taken),
        (EXPORTED_FROM, passed_on),
        (EXPORTED_LIST, listed),
        (EXPORTED, declared),
    ):
        text = pattern.sub(replace, text)
    if left := LEFT.search(text):
        raise ValueError(f"{name}: {left[0]!r} is no import or export that can be bundled")
    return text + "".join(given)


def _pairs(names: str) -> list[tuple[str, str]]:
    pairs = [part.split(" as ") for part in map(str.strip, names.split(",")) if part]
    return [(pair[0], pair[-1]) for pair in pairs]


def _target(name: str, path: str) -> str:
    return normpath(join(dirname(name), path))
