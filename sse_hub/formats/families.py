"""
JSON formats with keys of their own, from the table: the family of an object, template and conversion. Pure: no I/O.

    {"@t": "…", "@mt": "{N} left", "N": 3} --> family_of() --> the row "clef"        filled_in() --> "3 left"
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from sse_hub.formats.names import MISSING, value_at
from sse_hub.formats.table import TABLE
from sse_hub.formats.values import Members, text_of

TYPES: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "any": lambda value: value is not MISSING,
}
BRACES = re.compile(r"\{[@$]?(\w+)(?:[^\w{}][^{}]*)?\}", re.ASCII)
SLOTS = re.compile(r"\{\}")
PERCENT = re.compile(r"%(?:%|[-+ #0]*(?:[1-9][0-9]*)?(?:\.[0-9]+)?[sdrifxeg])")
# A longer text is no template, and values of more characters are not filled in: of a line of 1 MB, a text that names
# one value again and again would make gigabytes.
MAX_FILLED = 65_536


@dataclass(frozen=True, slots=True)
class Family:
    """
    A row of `families` in the table. `conditions` are pairs of a path and what its value must be.

    Each object of the family has, of each pair of `keys`, one: the path of a condition, or its first step.
    """

    row: Members
    keys: tuple[tuple[str, str], ...]
    conditions: tuple[tuple[str, Callable[[object], bool]], ...]
    read: tuple[tuple[str, str], ...]
    hidden: frozenset[str]
    spread: tuple[str, ...]


def _family(row: Members) -> Family:
    conditions = tuple(map(_condition, row["has"]))
    needed = [text.partition(":")[0] for text in row["has"] if not text.startswith("!")]
    read = tuple(row.get("read", {}).items())
    return Family(
        row,
        tuple((path, path.partition(".")[0]) for path in needed),
        conditions,
        read,
        frozenset(row.get("hide", ())),
        tuple(row.get("spread", ())),
    )


def _condition(text: str) -> tuple[str, Callable[[object], bool]]:
    path, _, kind = text.removeprefix("!").partition(":")
    return path, (lambda value: value is MISSING) if text.startswith("!") else TYPES[kind]


FAMILIES = [_family(row) for row in TABLE["json"]["families"]]


def possible_families(keys: Collection[str]) -> tuple[Family, ...]:
    """The families that an object with these keys may be of."""
    return tuple(family for family in FAMILIES if all(path in keys or step in keys for path, step in family.keys))


def family_of(members: Members, possible: Iterable[Family] | None = None) -> Family | None:
    """The family of an object. `possible` are those of `possible_families`, if they are known."""
    for family in possible_families(members) if possible is None else possible:
        if all(fits(value_at(members, path)) for path, fits in family.conditions):
            return family
    return None


def filled_in(members: Members, template: Mapping[str, str]) -> str | None:
    """The message that a template makes of its values: `{Name}`, `{}` or `%s` filled in; None without a text."""
    text = value_at(members, template["text"])
    return STYLES[template["style"]](text, value_at(members, template["values"])) if isinstance(text, str) else None


def _braces(text: str, values: object) -> str:
    names = values if isinstance(values, dict) else {}
    return _fill(text, BRACES, lambda found: text_of(names[found[1]]) if found[1] in names else found[0])


def _in_order(text: str, signs: re.Pattern[str], values: object) -> str:
    left = iter(values if isinstance(values, list) else ())

    def value_for(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        value = next(left, MISSING)
        return found[0] if value is MISSING else text_of(value)

    return _fill(text, signs, value_for)


def _fill(text: str, signs: re.Pattern[str], value_for: Callable[[re.Match[str]], str]) -> str:
    if len(text) > MAX_FILLED:
        return text
    room = MAX_FILLED

    def fill(found: re.Match[str]) -> str:
        nonlocal room
        if room < 0:
            return found[0]
        value = value_for(found)
        room -= len(value)
        return found[0] if room < 0 else value

    return signs.sub(fill, text)


STYLES: dict[str, Callable[[str, object], str]] = {
    "braces": _braces,
    "slots": lambda text, values: _in_order(text, SLOTS, values),
    "percent": lambda text, values: _in_order(text, PERCENT, values),
}


def _convert_otlp(members: Members) -> tuple[Members, dict[str, object]]:
    # OpenTelemetry: values are {"stringValue": …}, attributes a list.
    rest = {key: value for key, value in members.items() if key not in ("attributes", "body")}
    if "body" in members:
        body = members["body"]
        text = _plain(body) if isinstance(body, dict) else body
        rest["body"] = text_of(text) if isinstance(text, dict) else text
    attributes = members.get("attributes")
    fields: dict[str, object] = {}
    for each in attributes if isinstance(attributes, list) else ():
        if isinstance(each, dict) and isinstance(each.get("key"), str):
            value = each.get("value")
            fields[each["key"]] = _plain(value) if isinstance(value, dict) else value
    return rest, fields


def _plain(value: Members) -> object:
    kind = next(iter(value), "")
    inner = value.get(kind)
    if kind == "intValue":
        return int(inner) if isinstance(inner, str) and re.fullmatch(r"-?[0-9]{1,15}", inner) else inner
    if kind == "arrayValue":
        values = inner.get("values") if isinstance(inner, dict) else None
        return [_plain(each) if isinstance(each, dict) else each for each in values or ()]
    return inner if kind in ("stringValue", "doubleValue", "boolValue", "bytesValue") else value


def _convert_bytes(members: Members) -> tuple[Members, dict[str, object]]:
    # journald writes a message that is no text as a list of bytes.
    message = members.get("MESSAGE")
    if isinstance(message, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in message):
        return {**members, "MESSAGE": bytes(message).decode(errors="replace")}, {}
    return members, {}


CONVERSIONS: dict[str, Callable[[Members], tuple[Members, dict[str, object]]]] = {
    "otlp": _convert_otlp,
    "bytes": _convert_bytes,
}
