"""
The accounts that a Redis should have for a hub and its publishers: what each needs, and nothing else. Pure.

    ingest patterns, publishers' patterns --> accounts() --> `user …` lines for an aclfile, or ACL SETUSER commands
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from sse_hub.broker.keys import FENCE_CHANNEL, PREFIX
from sse_hub.errors import InvalidSetting
from sse_hub.protocol.selection import matches

LIVE_COMMANDS = (
    "+subscribe +psubscribe +unsubscribe +client|setname +ping +evalsha +script|load +time +get +set +publish"
)
LOG_COMMANDS = (
    "+xadd +xrange +xrevrange +xinfo|stream +xtrim +xdel +hset +hget +hgetall +hdel +exists +pexpire +pttl +xlen +del"
)


class Account(NamedTuple):
    """A user of Redis: its `rules` begin with `reset`, so that it has no other rights than these."""

    name: str
    rules: str

    @property
    def line(self) -> str:
        """It as a line of an aclfile, or of redis.conf."""
        # Such a line stands for a new user; `reset` is for one that may be there.
        return f"user {self.name} {self.rules.removeprefix('reset ')}"

    @property
    def command(self) -> str:
        """It as a command for redis-cli."""
        return f"ACL SETUSER {self.name} {self.rules}"


def hub_rules(ingest: Sequence[str]) -> str:
    """The rights of a hub that follows `ingest`: its own keys, its fences, the channels it follows and publishes to."""
    channels = " ".join(f"&{each}" for each in dict.fromkeys((FENCE_CHANNEL, *ingest)))
    channels = "allchannels" if "*" in ingest else f"resetchannels {channels}"
    return f"{LIVE_COMMANDS} {LOG_COMMANDS} ~{PREFIX}* {channels}"


def publisher_rules(channels: Sequence[str]) -> str:
    """
    The rights of publishers on `channels`.

    Raises InvalidSetting where these cover the hub's own: a publisher could forge fences.
    """
    for each in channels:
        if matches(each, FENCE_CHANNEL):
            raise InvalidSetting(
                f"Publishers on {each!r} could forge fences: name their channels with --publish, such as app.*."
            )
    return f"+publish +ping resetchannels {' '.join(f'&{each}' for each in channels)}"


def account(name: str, password: str, rules: str) -> Account:
    """The account `name`, of whose password Redis is told a digest only."""
    return Account(name, f"reset on #{sha256(password.encode()).hexdigest()} {rules}")
