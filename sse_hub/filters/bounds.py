"""
Filters that compare the same field with quantities: it is read once for all of them, and those are found that may hold.
Pure: no I/O.

    BoundGroup("status", {"a": Bound("status", ">=", 500, …), …}).candidates(line, members with 503) --> {"a": None}

A line that is no object is not read: its text is searched for a number under the name that is large enough.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

import re2

from sse_hub.filters.compare import SIGNS, quantity_under
from sse_hub.filters.fields import DERIVED, field_in, last_name
from sse_hub.filters.line import FilteredLine
from sse_hub.filters.prefilter import FirstLook, Need
from sse_hub.filters.quick_search import quick_search
from sse_hub.filters.request_look import STATUSES, look_for_statuses
from sse_hub.filters.units import Quantity
from sse_hub.formats.names import MISSING
from sse_hub.formats.values import Members

LOWER, UPPER = (">", ">="), ("<", "<=")
STATUS = "status"
MAX_KNOWN = 1_000
# Of larger numbers, a float does not have all digits.
MAX_DIGITS = 15

Key = TypeVar("Key", bound=Hashable)
# A limit, and on which side of it a number has to be that is the same.
_Edge = tuple[float, int]
EDGES = {">": 1, ">=": 0, "<=": 0, "<": -1}


class Bound(NamedTuple):
    """
    Every match has a number under a name that is on the right side of a limit. `need` is what the line needs for that.
    """

    name: str
    sign: str
    limit: Quantity
    need: Need

    def with_status_look(self) -> "Bound":
        """The bound of a status: of the lines about requests, only those with a status that fits are looked at."""
        look = _statuses_of([self])
        hidden = tuple(look if each is FilteredLine.may_be_request else each for each in self.need.hidden)
        return self._replace(need=replace(self.need, hidden=hidden))


class BoundGroup(Generic[Key]):
    """Filters that compare the field `name`, each with its bound. `hidden` are signs of a field without its name."""

    def __init__(self, name: str, bounds: Mapping[Key, Bound]) -> None:
        self._name = name
        self._all = dict.fromkeys(bounds)
        kinds = sorted({bound.limit.kind for bound in bounds.values()})
        self._tables = [(kind, _limits(kind, bounds, LOWER), _limits(kind, bounds, UPPER)) for kind in kinds]
        # Most lines have one of a few numbers.
        self._known: dict[int, dict[Key, None]] = {}
        statuses = _statuses_of(bounds.values()) if name == STATUS else None
        self._may_hold_in_text = _text_look(name, bounds.values(), statuses)
        looks = [look for bound in bounds.values() for look in bound.need.hidden]
        if statuses is not None:
            # One look for all of them.
            looks = [FilteredLine.hides_words, statuses]
        self.hidden: tuple[FirstLook, ...] = tuple(dict.fromkeys(looks))

    def candidates(self, line: FilteredLine, members: Members | None) -> Mapping[Key, None]:
        """
        Those whose bounds may hold, all where the field has to be looked for in the record of the line. `members` are
        those of the line.
        """
        if members is None:
            return self._all if self._may_hold_in_text(line) else {}
        value = members.get(self._name)
        if type(value) is int:
            known = self._known.get(value)
            return self._holding(value) if known is None else known
        if value is None:
            value = field_in(members, self._name)
        if value is MISSING or value is None or isinstance(value, list):
            return self._all
        return self._found(value)

    def _holding(self, value: int) -> dict[Key, None]:
        found = self._found(value)
        if len(self._known) < MAX_KNOWN:
            self._known[value] = found
        return found

    def _found(self, value: object) -> dict[Key, None]:
        found: list[Key] = []
        for kind, lower, upper in self._tables:
            number = quantity_under(value, self._name, kind)
            if number is not None:
                edge = (number, 0)
                found += lower.keys[: bisect_right(lower.edges, edge)]
                found += upper.keys[bisect_left(upper.edges, edge) :]
        return dict.fromkeys(found)


class _Limits(NamedTuple, Generic[Key]):
    """Limits from the lowest on, and the keys of their filters."""

    edges: list[_Edge]
    keys: list[Key]


def _limits(kind: str, bounds: Mapping[Key, Bound], signs: Iterable[str]) -> _Limits[Key]:
    chosen = [
        ((bound.limit.value, EDGES[bound.sign]), key)
        for key, bound in bounds.items()
        if bound.limit.kind == kind and bound.sign in signs
    ]
    chosen.sort(key=lambda entry: entry[0])
    return _Limits([edge for edge, _ in chosen], [key for _, key in chosen])


def _text_look(name: str, bounds: Collection[Bound], statuses: FirstLook | None) -> FirstLook:
    """Whether the text of a line that is no object may have a number under the name for which a bound holds."""
    lowest = min(bound.limit.value for bound in bounds)
    simple = all(bound.sign in LOWER and bound.limit.kind == "number" for bound in bounds)
    if not simple or not 1 <= lowest < 10**MAX_DIGITS:
        return lambda _line: True
    # Formats know some fields that have no name in the text: then it may be any number.
    before = "" if name in DERIVED and name != STATUS else rf"{re2.escape(last_name(name))}(?:[^0-9A-Za-z]|\\n)*"
    named = quick_search((before + _number_from(int(lowest))).encode())

    def may_hold(line: FilteredLine) -> bool:
        payload = line.payload
        if line.hides_words() or b"{" in payload or named(payload):
            return True
        return statuses is not None and statuses(line)

    return may_hold


# Between a name and its value are signs, blanks, and perhaps a line feed as an escape. A number that is at least
# `least` has more digits, or is greater in one of its digits and the same before, or has an exponent.
def _number_from(least: int) -> str:
    digits = str(least)
    forms = [rf"[1-9][0-9]{{{len(digits)}}}", digits]
    for at, digit in enumerate(digits):
        if digit != "9":
            forms.append(f"{digits[:at]}[{int(digit) + 1}-9][0-9]{{{len(digits) - at - 1}}}")
    return rf"(?:0*(?:{'|'.join(forms)})|[0-9.]+[eE])"


def _statuses_of(bounds: Iterable[Bound]) -> FirstLook:
    limits = [(SIGNS[bound.sign], bound.limit) for bound in bounds]
    if any(limit.kind != "number" for _, limit in limits):
        return FilteredLine.may_be_request
    found = [text for text, status in STATUSES.items() if any(holds(status, limit.value) for holds, limit in limits)]
    return _status_look(tuple(found))


# The same function for the same statuses: see FilterSet.
@lru_cache(maxsize=256)
def _status_look(statuses: tuple[str, ...]) -> FirstLook:
    search = look_for_statuses(statuses)
    return lambda line: search(line.payload)
