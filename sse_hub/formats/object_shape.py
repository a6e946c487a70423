"""
What the keys of an object say of it, found out once for all objects with the same keys: a program writes the same ones
again and again. Pure: no I/O.

    shape_of({"level": "info", "msg": "a"}).roles --> {"level": [KeyOfRole("level", None)], "message": …}
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sse_hub.formats.families import Family, possible_families
from sse_hub.formats.names import KeyOfRole, keys_by_role
from sse_hub.formats.table import TABLE
from sse_hub.formats.values import Members

SLOTS = frozenset(TABLE["json"]["slots"].split())
HUB_KEYS = frozenset(TABLE["json"]["hubKeys"].split())
# How many shapes are kept, and how many keys and characters one may have for that: ten megabytes at most.
MAX_SHAPES = 1_000
MAX_SHAPE_KEYS = 64
MAX_SHAPE_CHARACTERS = 2_000


class ObjectShape(NamedTuple):
    """
    `roles` are the keys that may fill a role, best first, and `families` those that the object may be of. `slot` is its
    only meaningful key, if that may hold a line, which makes the object an envelope.
    """

    roles: Mapping[str, Sequence[KeyOfRole]]
    families: tuple[Family, ...]
    slot: str | None


_SHAPES: dict[tuple[str, ...], ObjectShape] = {}


def shape_of(members: Members) -> ObjectShape:
    """The shape of an object."""
    if len(members) > MAX_SHAPE_KEYS:
        return _shape(members)
    keys = tuple(members)
    shape = _SHAPES.get(keys)
    if shape is None:
        shape = _shape(members)
        if sum(map(len, keys)) <= MAX_SHAPE_CHARACTERS:
            if len(_SHAPES) >= MAX_SHAPES:
                _SHAPES.clear()
            _SHAPES[keys] = shape
    return shape


def _shape(members: Members) -> ObjectShape:
    return ObjectShape(keys_by_role(members), possible_families(members), _slot_of(members))


# `info` is a slot here, not a level.
def _slot_of(keys: Iterable[str]) -> str | None:
    slot = None
    for key in keys:
        if key in HUB_KEYS:
            continue
        if slot is not None or key not in SLOTS:
            return None
        slot = key
    return slot
