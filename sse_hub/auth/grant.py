"""
What one who asks may see and publish. Pure; no I/O.

    Grant("alice", subscribe=("shop.*",)).narrowed(Selection.parse(["*"])) --> the same, within ("shop.*",)
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sse_hub.errors import Forbidden
from sse_hub.protocol.selection import MAX_STARS, PATTERN, Selection, matches_any

MAX_PATTERNS = 256
SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


@dataclass(frozen=True, slots=True)
class Grant:
    """
    The rights of `subject`: channels as patterns, and `operate`, to see how the hub is doing.

    They end at `until`, in seconds since the epoch, when the token called `token_id` is revoked, or when the keys or
    rules are no longer of that `edition`. `bound` are the channels and patterns that a ticket was given for; nothing
    else may be asked for with it.
    """

    subject: str
    subscribe: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()
    operate: bool = False
    until: float | None = None
    token_id: str = ""
    version: int = 0
    bound: tuple[str, ...] | None = None

    def may_read(self, name: str) -> bool:
        """True when the channel `name` may be seen."""
        return matches_any(self.subscribe, name) and (self.bound is None or matches_any(self.bound, name))

    @property
    def may_read_all(self) -> bool:
        """True when there is no channel that may not be seen."""
        return self.bound is None and "*" in self.subscribe

    def may_publish(self, name: str) -> None:
        """Raises NotAllowed, unless lines may be published on the channel `name`."""
        if not matches_any(self.publish, name):
            raise Forbidden(f"You may not publish on {name!r}.")

    def require_operator(self) -> None:
        """Raises NotAllowed, unless it may be seen how the hub is doing."""
        if not self.operate:
            raise Forbidden("This is for operators.")

    def restrict(self, selection: Selection) -> Selection:
        """
        `selection`, with nothing in it that may not be seen: a channel that may not is an error, one that a pattern
        would find is left out.

        Raises NotAllowed, which is the same whether there is such a channel or not.
        """
        for name in (*selection.channels, *selection.patterns):
            if self.bound is not None and name not in self.bound:
                raise Forbidden(f"This ticket is not for {name!r}.")
        for name in selection.channels:
            if not matches_any(self.subscribe, name):
                raise Forbidden(f"You may not see {name!r}.")
        if not self.subscribe:
            raise Forbidden("You may see no channel.")
        # A star in what is asked for can only be met by a star of the grant, so one that matches its text covers it.
        # Streams that are covered are the same for all, and encoded once.
        if all(matches_any(self.subscribe, pattern) for pattern in selection.patterns):
            return selection
        return replace(selection, visible=tuple(sorted(self.subscribe)))


EVERYTHING = Grant("", ("*",), ("*",), operate=True)
"""What everybody has where nobody is asked."""


def parse_patterns(values: Iterable[object]) -> tuple[str, ...]:
    """`values` as channel patterns, each once. Raises ValueError saying which is none."""
    patterns = tuple(dict.fromkeys(values))
    if len(patterns) > MAX_PATTERNS:
        raise ValueError(f"{len(patterns)} channel patterns are given; up to {MAX_PATTERNS} are allowed")
    for pattern in patterns:
        if not isinstance(pattern, str) or not PATTERN.fullmatch(pattern) or pattern.count("*") > MAX_STARS:
            raise ValueError(f"{str(pattern)[:140]!r} is not a channel or a pattern of channels")
    return tuple(str(pattern) for pattern in patterns)


def parse_rights(subject: object, rights: object, until: float | None = None, token_id: str = "") -> Grant:
    """
    The grant that `{"subscribe": […], "publish": […], "operate": true}` is, each of which may be left out.

    Raises ValueError saying what is wrong with it.
    """
    if not isinstance(subject, str) or not SUBJECT.fullmatch(subject):
        raise ValueError("a subject of 1 to 128 characters is wanted")
    if not isinstance(rights, dict):
        raise ValueError("an object with subscribe, publish or operate is wanted")
    lists = {}
    for name in ("subscribe", "publish"):
        values = rights.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise ValueError(f"{name} must be a list of channels and patterns")
        lists[name] = parse_patterns(values)
    operate = rights.get("operate", False)
    if not isinstance(operate, bool):
        raise ValueError("operate must be true or false")
    return Grant(subject, lists["subscribe"], lists["publish"], operate, until, token_id)
