"""
The rights of the sender of a request: what they may read and publish. Pure; no I/O.

    Grant("alice", subscribe=("shop.*",)).restrict(Selection.parse(["*"])) --> the selection, within ("shop.*",)
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sse_hub.errors import Forbidden
from sse_hub.protocol.patterns import matches_any
from sse_hub.protocol.selection import MAX_STARS, PATTERN, Selection

MAX_PATTERNS = 256
# Half of a surrogate pair, as it stands for a byte that is not UTF-8, can't be written anywhere.
SUBJECT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,128}")


@dataclass(frozen=True, slots=True)
class Grant:
    """
    The rights of `subject`: patterns of the channels to read and publish on, and `operate`, to see the hub's state.

    They end at `expires_at` (seconds since the epoch), when the token `token_id` is revoked, or when the keys or rules
    have another `version`. `ticket_channels` are the channels and patterns of a ticket, which gives access to nothing
    else; None without a ticket.
    """

    subject: str
    subscribe: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()
    operate: bool = False
    expires_at: float | None = None
    token_id: str = ""
    version: int = 0
    ticket_channels: tuple[str, ...] | None = None

    @property
    def readable(self) -> Selection:
        """The channels that may be read, as patterns of which some are names."""
        visible = None if "*" in self.subscribe else tuple(sorted(self.subscribe))
        return Selection((), ("*",) if self.ticket_channels is None else self.ticket_channels, visible)

    def may_read(self, name: str) -> bool:
        """True when the channel `name` may be read."""
        return self.readable.matches(name)

    def may_read_all(self, names: Iterable[str]) -> bool:
        """True when every channel may be read that is one of `names`, or matches one of the patterns among them."""
        return all(
            matches_any(self.subscribe, name) and (self.ticket_channels is None or name in self.ticket_channels)
            for name in names
        )

    def may_publish(self, name: str) -> None:
        """Raises Forbidden unless lines may be published on the channel `name`."""
        if not matches_any(self.publish, name):
            raise Forbidden(f"You may not publish on {name!r}.")

    def require_operator(self) -> None:
        """Raises Forbidden unless the hub's state may be seen."""
        if not self.operate:
            raise Forbidden("Only operators may do this.")

    def restrict(self, selection: Selection) -> Selection:
        """
        `selection` without the channels that may not be read, where a pattern matches them.

        Raises Forbidden for one that is named. The error is the same whether the channel exists or not.
        """
        for name in (*selection.channels, *selection.patterns):
            if self.ticket_channels is not None and name not in self.ticket_channels:
                raise Forbidden(f"This ticket is not for {name!r}.")
        for name in selection.channels:
            if not matches_any(self.subscribe, name):
                raise Forbidden(f"You may not read {name!r}.")
        if not self.subscribe:
            raise Forbidden("You may not read any channel.")
        # Only a star of the grant matches a star of the selection, so a pattern that matches the selection's text
        # covers it. Streams that are covered are the same for all subjects, and encoded once.
        if all(matches_any(self.subscribe, pattern) for pattern in selection.patterns):
            return selection
        return replace(selection, visible=tuple(sorted(self.subscribe)))


EVERYTHING = Grant("", ("*",), ("*",), operate=True)
"""The rights of everybody with `--access none`."""


def parse_patterns(values: Iterable[object]) -> tuple[str, ...]:
    """`values` as channel patterns, without duplicates. Raises ValueError with the one that is not a pattern."""
    patterns = tuple(dict.fromkeys(values))
    if len(patterns) > MAX_PATTERNS:
        raise ValueError(f"{len(patterns)} channel patterns are given; up to {MAX_PATTERNS} are allowed")
    for pattern in patterns:
        if not isinstance(pattern, str) or not PATTERN.fullmatch(pattern) or pattern.count("*") > MAX_STARS:
            raise ValueError(f"{str(pattern)[:140]!r} is not a channel or a pattern of channels")
    return tuple(str(pattern) for pattern in patterns)


def parse_rights(subject: object, rights: object, expires_at: float | None = None, token_id: str = "") -> Grant:
    """
    The grant for `rights` like `{"subscribe": […], "publish": […], "operate": true}`, each of which may be left out.

    Raises ValueError saying what is wrong.
    """
    if not isinstance(subject, str) or not SUBJECT.fullmatch(subject):
        raise ValueError("the subject must have 1 to 128 characters, in UTF-8 and without control characters")
    if not isinstance(rights, dict):
        raise ValueError("it must be an object with subscribe, publish or operate")
    lists = {}
    for name in ("subscribe", "publish"):
        values = rights.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise ValueError(f"{name} must be a list of channels and patterns")
        lists[name] = parse_patterns(values)
    operate = rights.get("operate", False)
    if not isinstance(operate, bool):
        raise ValueError("operate must be true or false")
    return Grant(subject, lists["subscribe"], lists["publish"], operate, expires_at, token_id)
