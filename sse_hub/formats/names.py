"""
The keys that JSON loggers use for the same few things, best first, from the table of formats. Pure: no I/O.

    roles_of({"level": "warn", "log": {"logger": "a"}})
        --> {"level": [RoleValue("level", "warn")], "logger": [RoleValue(None, "a")]}

A key is looked up in any case; one with a dot also as a path.
"""

import re
from collections.abc import Callable, Mapping
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
    rank: int = -1


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


def roles_of(members: Mapping[str, object]) -> Roles:
    """For each role every key that could fill it, best first."""
    found: Roles = {}
    for key in islice(members, MAX_KEYS):
        lower = key.lower()
        flat, paths = FLAT.get(lower), PATHS.get(lower)
        if flat is None and paths is None:
            continue
        value = members[key]
        for role, rank in flat or ():
            if FITS[role](value):
                found.setdefault(role, []).append(RoleValue(key, value, rank))
        if paths and isinstance(value, dict):
            for role, rank, steps in paths:
                inner = _at_path(value, steps)
                if inner is not None and FITS[role](inner):
                    found.setdefault(role, []).append(RoleValue(None, inner, rank))
    for entries in found.values():
        if len(entries) > 1:
            entries.sort(key=_rank_of)
    return found


def _rank_of(entry: RoleValue) -> int:
    return entry.rank


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
    for key, value, _ in (*levels, *roles.get("levelIfKnown", [])):
        if not isinstance(value, str) or NUMERIC.fullmatch(value):
            continue
        found = FoundLevel(level_of_word(value), strip_ansi(value).strip(BLANKS), key)
        if found.level != NONE:
            return found
        unknown = unknown or found
    if unknown:
        return unknown
    numbers = [*levels, *roles.get("levelNumber", [])]
    for key, value, _ in numbers:
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
