"""
The keys that JSON loggers use for the same few things, best first, from the table of formats. Pure: no I/O.

    roles_of({"level": "warn", "log": {"logger": "a"}})
        --> {"level": [RoleValue("level", "warn")], "logger": [RoleValue(None, "a")]}

A key is looked up in any case; one with a dot also as a path.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sse_hub.formats.ansi import strip_ansi
from sse_hub.formats.levels import NONE, level_of_number, level_of_word
from sse_hub.formats.table import BLANKS, TABLE, as_in_javascript

# How many keys of an object are read; the line itself has them all.
MAX_KEYS = 10_000
WHOLE = re.compile(r"[0-9]+")
STATUS = re.compile(r"[1-5][0-9][0-9]")
METHOD = re.compile(r"[A-Za-z-]{1,32}")
NUMERIC = as_in_javascript(r"\s*-?[0-9]+(\.[0-9]+)?\s*")
PATH = re.compile(r"[a-z]+\.[^/]+")


class RoleValue(NamedTuple):
    """A key of an object that could fill a role, None for a path, and its value."""

    key: str | None
    value: Any


class KeyOfRole(NamedTuple):
    """A key of an object that may fill a role, if its value fits; with `steps`, what lies at that path below it."""

    key: str
    steps: list[str] | None


Roles = dict[str, list[RoleValue]]
# By key in small letters: the roles, and the rank in each.
FLAT: dict[str, list[tuple[str, int]]] = {}
# By the first step of a path: the roles, the rank in each, and the other steps.
PATHS: dict[str, list[tuple[str, int, list[str]]]] = {}
for _role, _keys in TABLE["json"]["names"].items():
    for _rank, _key in enumerate(_keys.lower().split()):
        FLAT.setdefault(_key, []).append((_role, _rank))
        if PATH.fullmatch(_key):
            _head, *_steps = _key.split(".")
            PATHS.setdefault(_head, []).append((_role, _rank, _steps))
SCALES = {key.lower(): scale for key, scale in TABLE["json"]["scales"].items()}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_word(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _is_nested(value: object) -> bool:
    return isinstance(value, dict | list)


def _is_word_or_nested(value: object) -> bool:
    return _is_word(value) or _is_nested(value)


def _is_whole(value: object) -> bool:
    return _is_word(value) and WHOLE.fullmatch(str(value)) is not None


def _is_number(value: object) -> bool:
    return _is_word(value) and to_number(value) is not None


def _is_error(value: object) -> bool:
    return _is_nested(value) or (isinstance(value, str) and value != "")


FITS: dict[str, Callable[[Any], bool]] = {
    "time": _is_word_or_nested,
    "timeIfNear": _is_word,
    "level": _is_word,
    "levelIfKnown": lambda value: isinstance(value, str) and level_of_word(value) != NONE,
    "levelNumber": _is_number,
    "message": _is_word_or_nested,
    "logger": lambda value: isinstance(value, str) and value != "",
    "error": _is_error,
    "trace": _is_word,
    "span": _is_word,
    "host": _is_text,
    "pid": _is_whole,
    "thread": _is_word,
    "file": _is_text,
    "line": _is_whole,
    "function": _is_text,
    "status": lambda value: _is_word(value) and STATUS.fullmatch(str(value)) is not None,
    "method": lambda value: isinstance(value, str) and METHOD.fullmatch(value) is not None,
    "path": _is_text,
    "request": lambda value: isinstance(value, str | dict | list),
    "took": _is_word,
}


def to_number(value: object) -> float | None:
    """The number that a word is; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and NUMERIC.fullmatch(value):
        return float(value)
    return None


def keys_by_role(keys: Iterable[str]) -> dict[str, list[KeyOfRole]]:
    """For each role those of `keys` that could fill it, best first."""
    ranked: dict[str, list[tuple[int, KeyOfRole]]] = {}
    for key in islice(keys, MAX_KEYS):
        lower = key.lower()
        for role, rank in FLAT.get(lower, ()):
            ranked.setdefault(role, []).append((rank, KeyOfRole(key, None)))
        for role, rank, steps in PATHS.get(lower, ()):
            ranked.setdefault(role, []).append((rank, KeyOfRole(key, steps)))
    return {role: [key for _, key in sorted(found, key=_rank_of)] for role, found in ranked.items()}


def _rank_of(entry: tuple[int, KeyOfRole]) -> int:
    return entry[0]


def roles_of(members: Mapping[str, object], keys: Mapping[str, Sequence[KeyOfRole]] | None = None) -> Roles:
    """For each role every key that could fill it, best first. `keys` are those of `keys_by_role`, if they are known."""
    if keys is None:
        keys = keys_by_role(members)
    found: Roles = {}
    for role, of_role in keys.items():
        if entries := entries_of(members, role, of_role):
            found[role] = entries
    return found


def entries_of(members: Mapping[str, object], role: str, keys: Iterable[KeyOfRole]) -> list[RoleValue]:
    """Those of `keys` whose values fit a role."""
    fits = FITS[role]
    entries = []
    for key, steps in keys:
        value = members[key]
        if steps is None:
            if fits(value):
                entries.append(RoleValue(key, value))
        elif isinstance(value, dict):
            inner = _at_path(value, steps)
            if inner is not None and fits(inner):
                entries.append(RoleValue(None, inner))
    return entries


def _at_path(value: object, steps: list[str]) -> object:
    for step in steps:
        if not isinstance(value, dict):
            return None
        value = value[step] if step in value else next((value[key] for key in value if key.lower() == step), None)
    return value


MISSING = object()


def value_at(members: Any, path: str) -> Any:
    """The value at a path of the table, "" being the object itself; MISSING without one. A key may itself have dots."""
    if path == "":
        return members
    if isinstance(members, dict) and path in members:
        return members[path]
    value = members
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


class FoundLevel(NamedTuple):
    """A level, the word or number for it, None without one, and its key."""

    level: int
    word: str | None
    key: str | None


def level_from(roles: Roles, scale: str | None) -> FoundLevel:
    """The level of an object from its roles; a word takes precedence over any number. `scale` is that of its family."""
    unknown = None
    levels = roles.get("level", [])
    for key, value in (*levels, *roles.get("levelIfKnown", [])):
        if not isinstance(value, str) or NUMERIC.fullmatch(value):
            continue
        found = FoundLevel(level_of_word(value), strip_ansi(value).strip(BLANKS), key)
        if found.level != NONE:
            return found
        unknown = unknown or found
    if unknown:
        return unknown
    numbers = [*levels, *roles.get("levelNumber", [])]
    for key, value in numbers:
        number = to_number(value)
        if number is None:
            continue
        level = level_of_number(number, scale or SCALES.get((key or "").lower()) or _scale_of(number))
        if level != NONE:
            return FoundLevel(level, str(value), key)
    return FoundLevel(NONE, str(numbers[0].value), numbers[0].key) if numbers else FoundLevel(NONE, None, None)


# A bare level of 10 to 60 is pino's; any other is unknown.
def _scale_of(number: float) -> str | None:
    return "pino" if 10 <= number <= 60 else None
