"""
The page's modules as one: a hundred files would be a hundred requests, six at a time.

    bundle({"js/main.js": "import { a } from './a.js'; …", "js/a.js": "export const a = 1;"}, "js/main.js")

Each module becomes a function that gives its exports, called once, in the order of the imports.
It knows the few forms of `import` and `export` that the page uses, each at the beginning of a line; others are refused.
"""

import re
from collections.abc import Mapping
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
    numbers = {name: f"$${number}" for number, name in enumerate(order)}
    parts = [f"const {numbers[name]} = (() => {{\n{_body(name, modules[name], numbers)}}})();\n" for name in order[:-1]]
    # Only the entry waits for anything.
    return f"(async () => {{\n{''.join(parts)}{_body(entry, modules[entry], numbers)}}})();\n"


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


def _body(name: str, text: str, numbers: Mapping[str, str]) -> str:
    given: list[str] = []

    def taken(match: re.Match[str]) -> str:
        return f"const {{ {_renamed(match[1], ':')} }} = {numbers[_target(name, match[2])]};\n"

    def passed_on(match: re.Match[str]) -> str:
        source = numbers[_target(name, match[2])]
        given.extend(f"{outer}: {source}.{inner}" for inner, outer in _pairs(match[1]))
        return ""

    def listed(match: re.Match[str]) -> str:
        given.extend(f"{outer}: {inner}" for inner, outer in _pairs(match[1]))
        return ""

    def declared(match: re.Match[str]) -> str:
        given.append(match[1])
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
    return f"{text}return {{ {', '.join(given)} }};\n" if given else text


def _pairs(names: str) -> list[tuple[str, str]]:
    pairs = [part.split(" as ") for part in map(str.strip, names.split(",")) if part]
    return [(pair[0], pair[-1]) for pair in pairs]


def _renamed(names: str, sign: str) -> str:
    return ", ".join(inner if inner == outer else f"{inner}{sign} {outer}" for inner, outer in _pairs(names))


def _target(name: str, path: str) -> str:
    return normpath(join(dirname(name), path))
