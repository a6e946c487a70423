"""
The level of a JSON object without the rest of its record, which takes ten times as long. Pure: no I/O.

    {"level": "info", "status": 503, "path": "/"} --> level_of_object() --> ERROR
    {"level": "info", "message": {"level": 50}}   --> None: read_line() knows

It knows objects that say their level themselves: of no family, and without a line or an object inside that may know it
better. Then it is what `read_object` finds by the same roles, and a status is all that can change it.
"""

from functools import lru_cache

from sse_hub.formats.families import family_of
from sse_hub.formats.levels import level_of_status, level_of_word
from sse_hub.formats.names import MAX_KEYS, entries_of, level_from
from sse_hub.formats.object_shape import ObjectShape, shape_of
from sse_hub.formats.values import Members

LEVEL_ROLES = ("level", "levelIfKnown", "levelNumber")
MAX_WORD_CHARACTERS = 16


def level_of_object(members: Members) -> int | None:
    """The level of the record of `members`; None if all of it has to be read."""
    shape = shape_of(members)
    if shape.slot is not None or len(members) > MAX_KEYS:
        return None
    if shape.families and family_of(members, shape.families) is not None:
        return None
    level = _first_word(members, shape)
    if level is None:
        found = level_from({role: entries_of(members, role, shape.roles.get(role, ())) for role in LEVEL_ROLES}, None)
        if found.word is None and ("message" in shape.roles or "error" in shape.roles):
            return None
        level, has_word = found.level, found.word is not None
    else:
        has_word = True
    if "message" in shape.roles and _may_hold_object(members, shape):
        return None
    if "status" in shape.roles:
        status = _status_of(members, shape)
        if status >= 400 or (status and not has_word):
            return max(level, level_of_status(status)) if _is_request(members, shape) else level
    return level


# Nearly every line has a short word at the first of its keys for levels.
def _first_word(members: Members, shape: ObjectShape) -> int | None:
    for key, steps in shape.roles.get("level", ()):
        value = members[key]
        if steps is None and type(value) is str and len(value) <= MAX_WORD_CHARACTERS:
            return _level_of_short(value) or None
        return None
    return None


@lru_cache(maxsize=1_024)
def _level_of_short(word: str) -> int:
    return level_of_word(word)


# A message that is an object is read only if there is no other.
def _may_hold_object(members: Members, shape: ObjectShape) -> bool:
    keys = shape.roles["message"]
    value = members[keys[0].key]
    if keys[0].steps is None and type(value) is str and value:
        return False
    values = [entry.value for entry in entries_of(members, "message", keys)]
    is_plain = any(value != "" and not isinstance(value, dict) for value in values)
    return not is_plain and any(isinstance(value, dict) for value in values)


def _status_of(members: Members, shape: ObjectShape) -> int:
    """The status of the request that it may be about; 0 without one."""
    keys = shape.roles["status"]
    value = members[keys[0].key]
    if keys[0].steps is None and type(value) is int and 100 <= value < 600:
        return value
    statuses = entries_of(members, "status", keys)
    return int(statuses[0].value) if statuses else 0


def _is_request(members: Members, shape: ObjectShape) -> bool:
    requests = entries_of(members, "request", shape.roles.get("request", ()))
    if requests and isinstance(requests[0].value, str):
        return True
    return any(entries_of(members, role, shape.roles.get(role, ())) for role in ("method", "path"))
