"""
Redis accounts for a hub and its publishers, with the rights they need and no others. Pure: no I/O.

    ingest patterns, publishers' patterns --> hub_rules(), publisher_rules() --> account()
      --> a `user …` line for an aclfile, or an ACL SETUSER command
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from sse_hub.broker.keys import FENCE_CHANNEL, PREFIX
from sse_hub.errors import InvalidSetting
from sse_hub.protocol.patterns import matches

LIVE_COMMANDS = (
    "+subscribe +psubscribe +unsubscribe +client|setname +ping +evalsha +script|load +time +get +set +publish"
)
LOG_COMMANDS = (
    "+xadd +xrange +xrevrange +xinfo|stream +xtrim +xdel +xlen +hset +hget +hmget +hgetall +hexists +hscan +hdel "
    "+zadd +zrangebyscore +zcard +zrem +exists +pexpire +pttl +memory|usage +del"
)


class Account(NamedTuple):
    """A user of Redis. Its `rules` start with `reset`, so that it has no other rights."""

    name: str
    rules: str

    @property
    def line(self) -> str:
        """The account as a line of an aclfile, or of redis.conf."""
        # Such a line is about a new user; `reset` is for one that may exist.
        return f"user {self.name} {self.rules.removeprefix('reset ')}"

    @property
    def command(self) -> str:
        """The account as a command for redis-cli."""
        return f"ACL SETUSER {self.name} {self.rules}"


def hub_rules(ingest: Sequence[str]) -> str:
    """The rights of a hub that follows the patterns `ingest`: its keys, its fences, and these channels."""
    channels = " ".join(f"&{each}" for each in dict.fromkeys((FENCE_CHANNEL, *ingest)))
    channels = "allchannels" if "*" in ingest else f"resetchannels {channels}"
    return f"{LIVE_COMMANDS} {LOG_COMMANDS} ~{PREFIX}* {channels}"


def publisher_rules(channels: Sequence[str]) -> str:
    """
    The rights of publishers on `channels`.

    Raises InvalidSetting if one of them matches the fence channel: a publisher could forge fences.
    """
    for each in channels:
        if matches(each, FENCE_CHANNEL):
            raise InvalidSetting(
                f"Publishers on {each!r} could forge fences: name their channels with --publish, such as app.*."
            )
    return f"+publish +ping resetchannels {' '.join(f'&{each}' for each in channels)}"


def account(name: str, password: str, rules: str) -> Account:
    """The account `name`. Redis gets only a SHA-256 digest of the password."""
    return Account(name, f"reset on #{sha256(password.encode()).hexdigest()} {rules}")
