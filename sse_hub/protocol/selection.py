"""
Which channels a stream is of: names and patterns, checked before anything else sees them. Pure; no I/O.

    ?channel=log&channel=shop.* --> Selection(channels=("log",), patterns=("shop.*",))
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sse_hub.errors import InvalidChannel, TooManyChannels

MAX_CHANNELS = 32
# Each star is one more search in every known channel's name.
MAX_STARS = 4
NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,128}")
PATTERN = re.compile(r"[A-Za-z0-9._:/@+*-]{1,128}")
# The hub's own channels, and the ones Redis writes itself (keyspace events, Sentinel, client tracking).
RESERVED = ("sse-hub:", "__key", "__sentinel__", "__redis__")
ALLOWED = "1 to 128 letters, digits and . _ : / @ + - are allowed, and * in a pattern"


def is_channel(name: str) -> bool:
    """True for a channel name that the hub serves."""
    return NAME.fullmatch(name) is not None and not name.startswith(RESERVED)


def matches(pattern: str, name: str) -> bool:
    """True when `name` is what `pattern` asks for: `*` stands for any text, and nothing else is special."""
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    last = others.pop()
    end = len(name) - len(last)
    at = len(first)
    if end < at or not name.startswith(first) or not name.endswith(last):
        return False
    # The leftmost place for each part is as good as any later one. A regular expression would try them all, and a
    # request with many stars would stop the hub for good.
    for part in others:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """True when `name` is what one of `patterns` asks for."""
    return any(matches(pattern, name) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Selection:
    """
    The channels of one stream: `channels` by name in request order, and `patterns` with `*`.

    Of what the patterns find, it is only what one of the patterns `within` matches too; all, where that is None.
    """

    channels: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    visible: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, names: Sequence[str], max_channels: int = MAX_CHANNELS) -> "Selection":
        """The selection for the values of `channel=`, `most` at most; doubles count once. Raises InvalidChannel."""
        unique = tuple(dict.fromkeys(names))
        if not 1 <= len(unique) <= max_channels:
            raise TooManyChannels(f"{len(unique)} channels were asked for; 1 to {max_channels} are allowed.")
        for name in unique:
            if not PATTERN.fullmatch(name):
                raise InvalidChannel(f"{name[:140]!r} is not a channel name: {ALLOWED}.")
            if name.count("*") > MAX_STARS:
                raise InvalidChannel(f"{name!r} has {name.count('*')} stars: up to {MAX_STARS} are allowed.")
            if name.startswith(RESERVED):
                raise InvalidChannel(f"{name!r} is reserved: names that begin with {', '.join(RESERVED)} are.")
        return cls(tuple(name for name in unique if "*" not in name), tuple(name for name in unique if "*" in name))

    @property
    def single(self) -> bool:
        """True for one channel by name: its frames carry the line's own id and no `@channel`."""
        return len(self.channels) == 1 and not self.patterns

    def matches(self, name: str) -> bool:
        """True when `name` is asked for by name or by pattern."""
        return name in self.channels or (matches_any(self.patterns, name) and self.allows(name))

    def allows(self, name: str) -> bool:
        """True when `name`, which a pattern has found, may be shown."""
        return self.visible is None or matches_any(self.visible, name)
