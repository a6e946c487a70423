"""
JSON records: by their family, where they have one, and else by the names in the table. Pure: no I/O.

    {"level": "warn", "msg": "slow", "n": 9} --> read_object() --> Record(level=WARN, message="slow", fields={"n": 9})
"""

import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Protocol

from sse_hub.formats.families import CONVERSIONS, Family, family_of, filled_in
from sse_hub.formats.levels import ERROR, NONE, level_of_status, level_of_word
from sse_hub.formats.names import FITS, MAX_KEYS, MISSING, Roles, RoleValue, level_from, roles_of, to_number, value_at
from sse_hub.formats.object_shape import shape_of
from sse_hub.formats.record import Record
from sse_hub.formats.table import TABLE, as_in_javascript
from sse_hub.formats.times import DAY_MS, Time, parse_time
from sse_hub.formats.traces import failure_of, failure_of_text
from sse_hub.formats.values import Members, text_of

PLACE = re.compile(r"([^\n]+?):([0-9]+)")
REQUEST_LINE = as_in_javascript(r"([A-Za-z-]{1,32}) (\S[^\n]*?)(?: (HTTP/[0-9.]+))?")
PYTHON_TRACE = TABLE["traces"]["python"]


class InnerReader(Protocol):
    """How objects and texts read what is further inside a line; reader.py has it."""

    arrived_ms: int | None

    def known(self, record: Record, text: str) -> bool:
        """Let `record` adopt what a text inside it says; False, without any change, if it has no form of its own."""
        ...

    def inside(self, record: Record, members: Members) -> None:
        """Let `record` adopt what an object inside it says."""
        ...

    def object(self, record: Record, members: Members) -> None:
        """Read an object into `record`."""
        ...


def read_object(record: Record, members: Members, reading: InnerReader) -> None:
    """Fill `record` from the members of a JSON object."""
    shape = shape_of(members)
    family = family_of(members, shape.families)
    record.format = family.row["fmt"] if family else "json"
    convert = family.row.get("convert") if family else None
    view, fields = CONVERSIONS[convert](members) if convert else (members, {})
    used: set[str] = set(family.hidden) if family else set()
    roles = roles_of(view, shape.roles if view is members else None)
    if family:
        for role, path in family.read:
            _prefer(roles, view, role, path)
        if template := family.row.get("template"):
            _prefer_template(roles, view, used, template)
    _read_time(record, view, roles, used, reading.arrived_ms)
    _read_level(record, roles, used, family)
    _read_parts(record, roles, used)
    _read_error(record, view, roles, used, family)
    message = _read_message(record, roles, used, reading)
    _read_request(record, roles, family)
    _keep_fields(record, view, used, family)
    record.fields |= fields
    if family and "inside" in family.row:
        reading.inside(record, value_at(members, family.row["inside"]))
    elif message is not None and (record.level_word is None or (family and family.row.get("line"))):
        reading.known(record, message)
    if record.error and record.level_word is None and record.level == NONE:
        record.level = ERROR


# What stands at a path is no key of the object.
def _use(used: set[str], key: str | None) -> None:
    if key is not None:
        used.add(key)


def _prefer(roles: Roles, members: Members, role: str, path: str) -> None:
    value = value_at(members, path)
    if value is not MISSING and FITS[role](value):
        roles[role] = [RoleValue(path if path in members else None, value), *roles.get(role, ())]


def _prefer_template(roles: Roles, members: Members, used: set[str], template: Mapping[str, str]) -> None:
    filled = template.get("filled", "")
    if filled and isinstance(members.get(filled), str):
        _prefer(roles, members, "message", filled)
    elif (text := filled_in(members, template)) is not None:
        roles["message"] = [RoleValue(None, text)]
        used.add(template["text"])


def _read_time(record: Record, members: Members, roles: Roles, used: set[str], arrived_ms: int | None) -> None:
    for date, clock in TABLE["json"]["together"]:
        if date in members and isinstance(members[date], str) and isinstance(members.get(clock), str):
            record.time = parse_time(f"{members[date]} {members[clock]}", arrived_ms)
            if record.time:
                used.update((date, clock))
                return
    for seconds, nanos in TABLE["json"]["seconds"]:
        if seconds in members and to_number(members[seconds]) is not None:
            record.time = parse_time(members, arrived_ms)
            if record.time:
                used.update((seconds, nanos))
                return
    if not _take_first(record, roles.get("time", ()), used, lambda value: parse_time(value, arrived_ms)):
        _take_first(record, roles.get("timeIfNear", ()), used, lambda value: _near(value, arrived_ms))


# Of a thing that was created long ago it is no time of the line.
def _near(value: object, arrived_ms: int | None) -> Time | None:
    found = parse_time(value, arrived_ms)
    if found and arrived_ms is not None and abs(found.ms - arrived_ms) > DAY_MS:
        return None
    return found


def _take_first(record: Record, entries: Any, used: set[str], read: Callable[[object], Time | None]) -> bool:
    for key, value in entries:
        if found := read(value):
            record.time = found
            _use(used, key)
            return True
    return False


def _read_level(record: Record, roles: Roles, used: set[str], family: Family | None) -> None:
    found = level_from(roles, family.row.get("scale") if family else None)
    if found.word is not None:
        record.level, record.level_word = found.level, found.word
        _use(used, found.key)
    elif family and "level" in family.row:
        record.level, record.level_word = level_of_word(family.row["level"]), family.row["level"]


def _read_parts(record: Record, roles: Roles, used: set[str]) -> None:
    if logger := roles.get("logger"):
        record.logger = logger[0].value
        _use(used, logger[0].key)
    for role in ("trace", "span", "host", "pid", "thread"):
        if role in roles:
            setattr(record, role, text_of(roles[role][0].value))
    file, function = _text(roles, "file"), _text(roles, "function")
    if file is not None or function is not None:
        place = PLACE.fullmatch(file or "")
        record.file, record.line = (place[1], place[2]) if place else (file, _text(roles, "line"))
        record.function = function


def _text(roles: Roles, role: str) -> str | None:
    return text_of(roles[role][0].value) if role in roles else None


def _read_error(record: Record, members: Members, roles: Roles, used: set[str], family: Family | None) -> None:
    error = next((entry for entry in roles.get("error", ()) if entry.key not in used), None)
    if error:
        record.error = failure_of(error.value)
        _use(used, error.key)
        # ECS puts the type and message of the error beside the stack.
        if isinstance(members.get("error.type"), str):
            record.error.type = members["error.type"]
        if isinstance(members.get("error.message"), str):
            record.error.message = members["error.message"]
    if family and "trace" in family.row:
        text = value_at(members, family.row["trace"])
        start = text.find(PYTHON_TRACE) if isinstance(text, str) else -1
        if start >= 0:
            record.error = failure_of_text(text[start:])


# The text of the message, if it may hold a line.
def _read_message(record: Record, roles: Roles, used: set[str], reading: InnerReader) -> str | None:
    entries = [entry for entry in roles.get("message", ()) if entry.key not in used]
    plain = (entry for entry in entries if entry.value != "" and not isinstance(entry.value, dict))
    nested = (entry for entry in entries if isinstance(entry.value, dict))
    message = next(plain, None) or next(nested, None) or next(iter(entries), None)
    if message is None:
        return None
    _use(used, message.key)
    value = message.value
    if isinstance(value, dict):
        inner = Record()
        reading.inside(inner, value)
        if inner.message is None:
            record.message = text_of(value)
        else:
            inner.format = record.format
            record.adopt(inner)
        return None
    record.message = text_of(value)
    return value if isinstance(value, str) else None


# The status of a request gives a level to a line that has none, and a worse one to a line whose request failed.
def _read_request(record: Record, roles: Roles, family: Family | None) -> None:
    if "status" not in roles:
        return
    status = roles["status"][0].value
    request = roles["request"][0].value if "request" in roles else None
    line = request if isinstance(request, str) else None
    method, path = _text(roles, "method"), _text(roles, "path")
    if line is None and method is None and path is None:
        return
    number = int(status)
    if record.level_word is None or number >= 400:
        record.level = max(record.level, level_of_status(number))
    makes_message = family is not None and family.row.get("request", False)
    if record.message and not makes_message:
        return
    took = roles["took"][0].value if makes_message and "took" in roles else None
    duration = f"{text_of(float(f'{took * 1e3:.4g}'))} ms" if isinstance(took, int | float) else None
    parts = (method, path, text_of(status), duration)
    record.message = line if line is not None else " ".join(part for part in parts if part is not None)


def _keep_fields(record: Record, members: Members, used: set[str], family: Family | None) -> None:
    spread = family.spread if family else ()
    for name in islice(members, MAX_KEYS):
        if name not in used and name not in spread:
            record.fields[name] = members[name]
    for path in spread:
        value = value_at(members, path)
        for each in value if isinstance(value, list) else [value]:
            for name, member in each.items() if isinstance(each, dict) else ():
                if family and all(read != f"{path}.{name}" for _, read in family.read):
                    record.fields[name] = member


def read_request_line(fields: dict[str, object], text: str) -> None:
    """The fields `method`, `path` and `version` of a request line; any other text is the field `request`."""
    match = REQUEST_LINE.fullmatch(text)
    if match is None:
        fields["request"] = text
        return
    fields["method"], fields["path"] = match[1], match[2]
    if match[3]:
        fields["version"] = match[3].removeprefix("HTTP/")
