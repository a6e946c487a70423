"""
One alert: a rule fired, and this is what is told of it. Pure: no I/O.

    rule, group, the line or the fence that fired --> alert_id() --> Alert --> to_json() --> the outbox, and back

An id depends on nothing but what fired, so a process that evaluates a line again makes the same alert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import orjson

AlertKind = Literal["fired", "back", "given-up"]
"""`fired`: what the rule waits for has come. `back`: a silence has ended. `given-up`: an alert could not be sent."""

Group = tuple[tuple[str, str], ...]
"""The fields of a rule's `by` with the values of the group; empty for a rule without `by`."""

ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Alert:
    """
    What is kept in the outbox, and sent.

    `rule` is the rule's id, and `version` that of what it said. `text` is what its template made, in one line. `count`
    is how many lines it is about. `last` is the id of the last of them, on `channel`, and `first` that of the first one
    since the group's last alert, or since nothing had matched; all three are empty if no line was there. `moment_ms`,
    since the epoch, is when it fired, by the log. `level` is the level of the last line, '' if it has none. `to` has
    the names of the destinations.
    """

    id: str
    rule: str
    version: str
    kind: AlertKind
    group: Group
    text: str
    count: int
    channel: str
    first: str
    last: str
    moment_ms: int
    level: str
    to: tuple[str, ...]

    @property
    def group_text(self) -> str:
        """The group in one line, such as `service=pay, zone=eu`; '' without one."""
        return ", ".join(f"{name}={value}" for name, value in self.group)

    def members(self) -> dict[str, Any]:
        """The members of its JSON object; `group` is an object of names and values."""
        return {
            "id": self.id,
            "rule": self.rule,
            "version": self.version,
            "kind": self.kind,
            "group": dict(self.group),
            "text": self.text,
            "count": self.count,
            "channel": self.channel,
            "first": self.first,
            "last": self.last,
            "moment_ms": self.moment_ms,
            "level": self.level,
            "to": list(self.to),
        }

    def to_json(self) -> bytes:
        """The alert as the outbox keeps it."""
        return orjson.dumps(self.members())

    @classmethod
    def from_json(cls, text: bytes) -> "Alert":
        """The alert of `to_json()`. Raises ValueError, KeyError or TypeError for anything else."""
        members = orjson.loads(text)
        return cls(**members | {"group": tuple(members["group"].items()), "to": tuple(members["to"])})


def alert_id(rule: str, version: str, kind: AlertKind, group: Sequence[tuple[str, str]], at: str) -> str:
    """
    The id of an alert: the same for the same rule, group and `at`, which is what fired.

    `at` is "channel id" of a line, or the fence at which a time was over.
    """
    parts = [rule, version, kind, *(part for pair in group for part in pair), at]
    # JSON, so that no two lists of parts are the same text.
    return sha256(orjson.dumps(parts)).hexdigest()[:ID_DIGITS]
