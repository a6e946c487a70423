"""
The channels of a stream, by name and by pattern, checked before anything else sees them. Pure: no I/O.

    ?channel=log&channel=shop.* --> Selection(channels=("log",), patterns=("shop.*",))
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sse_hub.errors import InvalidChannel, TooManyChannels
from sse_hub.protocol.patterns import matcher_of

MAX_CHANNELS = 32
# Each star costs one more search in the name of every known channel.
MAX_STARS = 4
NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,128}")
PATTERN = re.compile(r"[A-Za-z0-9._:/@+*-]{1,128}")
# The hub's own channels, those in a cluster too, and those that Redis publishes itself (keyspace events, Sentinel,
# client tracking).
RESERVED = ("sse-hub:", "{sse-hub}:", "__key", "__sentinel__", "__redis__")
ALLOWED = "1 to 128 letters, digits and . _ : / @ + - are allowed, and * in a pattern"


def is_channel(name: str) -> bool:
    """True when `name` is a valid channel name and not reserved."""
    return NAME.fullmatch(name) is not None and not name.startswith(RESERVED)


@dataclass(frozen=True, slots=True)
class Selection:
    """
    The channels of one stream: `channels` by name, in request order, and `patterns` with `*`.

    Of the channels that the patterns match, only those belong to it that a pattern in `visible` matches, too; all of
    them where `visible` is None.
    """

    channels: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    visible: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, names: Sequence[str], max_channels: int = MAX_CHANNELS) -> "Selection":
        """
        The selection for `names`, the values of `channel=`; a name given twice counts once.

        Raises InvalidChannel, and TooManyChannels above `max_channels`.
        """
        unique = tuple(dict.fromkeys(names))
        if not 1 <= len(unique) <= max_channels:
            raise TooManyChannels(f"{len(unique)} channels were requested; 1 to {max_channels} are allowed.")
        for name in unique:
            if not PATTERN.fullmatch(name):
                raise InvalidChannel(f"{name[:140]!r} is not a channel name: {ALLOWED}.")
            if name.count("*") > MAX_STARS:
                raise InvalidChannel(f"{name!r} has {name.count('*')} stars: up to {MAX_STARS} are allowed.")
            if name.startswith(RESERVED):
                raise InvalidChannel(f"{name!r} is reserved, like all names that begin with {', '.join(RESERVED)}.")
        return cls(tuple(name for name in unique if "*" not in name), tuple(name for name in unique if "*" in name))

    @property
    def single(self) -> bool:
        """True for one channel by name: its frames have the ids of the lines, and the lines no `@channel`."""
        return len(self.channels) == 1 and not self.patterns

    def matches(self, name: str) -> bool:
        """True when channel `name` belongs to this selection."""
        return name in self.channels or (matcher_of(self.patterns)(name) and self.allows(name))

    def allows(self, name: str) -> bool:
        """True when channel `name`, which a pattern matches, is visible."""
        return self.visible is None or matcher_of(self.visible)(name)
