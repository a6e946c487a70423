"""
Which channels a stream is of: names and patterns, checked before anything else sees them. Pure; no I/O.

    ?channel=log&channel=shop.* --> Selection(channels=("log",), patterns=("shop.*",))
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sse_hub.errors import InvalidChannel

MAX_CHANNELS = 32
NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,128}")
PATTERN = re.compile(r"[A-Za-z0-9._:/@+*-]{1,128}")
# The hub's own channels, and the ones Redis writes itself (keyspace events, Sentinel, client tracking).
RESERVED = ("sse-hub:", "__key", "__sentinel__", "__redis__")
ALLOWED = "1 to 128 letters, digits and . _ : / @ + - are allowed, and * in a pattern"


def is_channel(name: str) -> bool:
    """True for a channel name that the hub serves."""
    return NAME.fullmatch(name) is not None and not name.startswith(RESERVED)


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> re.Pattern[str]:
    """The regular expression for `pattern`, in which `*` stands for any text and nothing else is special."""
    return re.compile(".*".join(map(re.escape, re.split(r"\*+", pattern))))


@dataclass(frozen=True, slots=True)
class Selection:
    """The channels of one stream: `channels` by name in request order, and `patterns` with `*`."""

    channels: tuple[str, ...]
    patterns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, names: Sequence[str]) -> "Selection":
        """The selection for the values of `channel=`; doubles count once. Raises InvalidChannel."""
        unique = tuple(dict.fromkeys(names))
        if not 1 <= len(unique) <= MAX_CHANNELS:
            raise InvalidChannel(f"{len(unique)} channels were asked for; 1 to {MAX_CHANNELS} are allowed.")
        for name in unique:
            if not PATTERN.fullmatch(name):
                raise InvalidChannel(f"{name[:140]!r} is not a channel name: {ALLOWED}.")
            if name.startswith(RESERVED):
                raise InvalidChannel(f"{name!r} is reserved: names that begin with {', '.join(RESERVED)} are.")
        return cls(tuple(name for name in unique if "*" not in name), tuple(name for name in unique if "*" in name))

    @property
    def single(self) -> bool:
        """True for one channel by name: its frames carry the line's own id and no `@channel`."""
        return len(self.channels) == 1 and not self.patterns

    def matches(self, name: str) -> bool:
        """True when `name` is asked for by name or by pattern."""
        return name in self.channels or any(matcher(pattern).fullmatch(name) for pattern in self.patterns)
