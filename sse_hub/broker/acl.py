"""
Redis accounts for a hub and its publishers, with the rights they need and no others. Pure: no I/O.

    ingest patterns, publishers' patterns --> hub_rules(), publisher_rules() --> account()
      --> a `user …` line for an aclfile, or an ACL SETUSER command
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from sse_hub.broker.keys import PREFIX, Partition
from sse_hub.errors import InvalidSetting
from sse_hub.protocol.patterns import matches

LIVE_COMMANDS = (
    "+subscribe +psubscribe +unsubscribe +client|setname +ping +evalsha +script|load +time +get +set +publish"
)
LOG_COMMANDS = (
    "+xadd +xrange +xrevrange +xinfo|stream +xtrim +xdel +xlen +hset +hget +hmget +hgetall +hexists +hscan +hdel "
    "+zadd +zrangebyscore +zcard +zrem +exists +pexpire +pttl +memory|usage +del"
)
# Those of `redis-cli`, of client libraries when they connect, and of our own publishers, whose scripts are loaded
# already. No category may follow the exclusions. INFO counts as dangerous; ioredis asks it whether the server is ready,
# and it says nothing that users of a machine can't see anyway.
GUEST_COMMANDS = "+@connection +@pubsub -@dangerous -@admin +info +time +get +set +hsetnx"
# What publishers remember, `sse-hub check` writes, and `sse-hub token revoke` adds to.
GUEST_KEYS = ("clock", "shipped:*", "published:*", "check:*", "revoked")
GUEST_READS = ("watermark*", "lease*", "channels", "log:*")


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


def hub_rules(ingest: Sequence[str], prefix: str = PREFIX) -> str:
    """The rights of a hub that follows the patterns `ingest`: the keys with `prefix`, fences, and these channels."""
    channels = " ".join(f"&{each}" for each in dict.fromkeys((Partition(prefix).fence_channel, *ingest)))
    channels = "allchannels" if "*" in ingest else f"resetchannels {channels}"
    return f"{LIVE_COMMANDS} {LOG_COMMANDS} ~{prefix}* {channels}"


def publisher_rules(channels: Sequence[str], prefix: str = PREFIX) -> str:
    """
    The rights of publishers on `channels`, beside hubs whose keys have `prefix`.

    Raises InvalidSetting if one of them matches the fence channel: a publisher could forge fences.
    """
    fence_channel = Partition(prefix).fence_channel
    for each in channels:
        if matches(each, fence_channel):
            raise InvalidSetting(
                f"Publishers on {each!r} could forge fences: name their channels with --publish, such as app.*."
            )
    return f"+publish +ping resetchannels {' '.join(f'&{each}' for each in channels)}"


def guest_rules() -> str:
    """
    The rights of everybody who reaches an embedded server: to publish and subscribe to any channel, by hand or with our
    commands and handlers, but not to change the log, to run scripts of their own, or to administer the server.

    Needs Redis 7.0: a script may read and write all keys that it is called with, as far as the rights for that go, so
    the call itself has its own (a selector), and the commands in the script have the others.
    """
    keys = [f"~{PREFIX}{name}" for name in GUEST_KEYS] + [f"%R~{PREFIX}{name}" for name in GUEST_READS]
    call = f"(+evalsha ~{PREFIX}* allchannels)"
    return f"{GUEST_COMMANDS} {LOG_COMMANDS} {' '.join(keys)} allchannels {call}"


def account(name: str, password: str | None, rules: str) -> Account:
    """The account `name`, which needs no password if that is None. Redis gets only a SHA-256 digest of the password."""
    secret = "nopass" if password is None else f"#{sha256(password.encode()).hexdigest()}"
    return Account(name, f"reset on {secret} {rules}")
