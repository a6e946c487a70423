"""
Redis accounts for a hub and its publishers, with the rights they need and no others. Pure: no I/O.

    ingest patterns, publishers' patterns --> hub_rules(), publisher_rules(), sentinel_rules() --> account()
      --> a `user …` line for an aclfile, or an ACL SETUSER command
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from sse_hub.broker.keys import CLUSTER_PREFIX, PREFIX, PROBE_CHANNELS, PROBE_PATTERN, Partition
from sse_hub.errors import InvalidSetting
from sse_hub.protocol.patterns import matches

LIVE_COMMANDS = (
    "+subscribe +psubscribe +unsubscribe +client|setname +ping +evalsha +script|load +time +get +set +publish "
    "+info +wait"
)
LOG_COMMANDS = (
    "+xadd +xrange +xrevrange +xinfo|stream +xtrim +xdel +xlen +hset +hget +hmget +hgetall +hexists +hscan +hdel "
    "+zadd +zrangebyscore +zcard +zrem +exists +pexpire +pttl +memory|usage +del"
)
# Where the partition is, and whether the links between nodes hold. None of them changes anything.
CLUSTER_COMMANDS = "+cluster|slots +cluster|shards +cluster|nodes +cluster|myid +cluster|links +cluster|info"
# Cluster clients ask for the nodes by one of three commands before they publish; redis-py asks for all commands, too.
CLUSTER_PUBLISHER_COMMANDS = "+cluster|slots +cluster|shards +cluster|nodes +command"
# Where the primary is, and the news of another one.
SENTINEL_COMMANDS = (
    "+sentinel|master +sentinel|masters +sentinel|sentinels +sentinel|replicas +sentinel|get-master-addr-by-name "
    "+subscribe +unsubscribe +client|setname +ping"
)
SENTINEL_CHANNEL = "+switch-master"
# Those of `redis-cli`, of client libraries when they connect, and of our own publishers, whose scripts are loaded
# already. No category may follow the exclusions. INFO counts as dangerous; ioredis asks it whether the server is ready,
# and it says nothing that users of a machine can't see anyway.
GUEST_COMMANDS = "+@connection +@pubsub -@dangerous -@admin +info +time +get +set +hsetnx"
# What publishers remember, `sse-hub check` writes, and `sse-hub token revoke` adds to.
GUEST_KEYS = ("clock", "fences", "shipped:*", "published:*", "check:*", "revoked")
GUEST_READS = ("left", "watermark*", "lease*", "channels", "log:*")
# Whoever publishes there moves ids, or makes a hub refuse its server.
_PARTITIONS = (Partition(), Partition(CLUSTER_PREFIX))
HUB_CHANNELS = (
    *(each.fence_channel for each in _PARTITIONS),
    *(each.probe_fence_channel for each in _PARTITIONS),
    *PROBE_CHANNELS,
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


def hub_rules(ingest: Sequence[str], prefix: str = PREFIX) -> str:
    """
    The rights of a hub that follows the patterns `ingest`: its keys, its fences and probes, and these channels.

    With `prefix` CLUSTER_PREFIX, those of a hub on a cluster.
    """
    # A pattern is allowed only if it is written in the rules exactly as it is subscribed to.
    needed = dict.fromkeys((Partition(prefix).fence_channel, f"{prefix}probe:*", PROBE_PATTERN, *ingest))
    channels = "allchannels" if "*" in ingest else f"resetchannels {' '.join(f'&{each}' for each in needed)}"
    cluster = f"{CLUSTER_COMMANDS} " if prefix == CLUSTER_PREFIX else ""
    return f"{LIVE_COMMANDS} {LOG_COMMANDS} {cluster}~{prefix}* {channels}"


def publisher_rules(channels: Sequence[str], prefix: str = PREFIX) -> str:
    """
    The rights of publishers on `channels`; with `prefix` CLUSTER_PREFIX, through clients of a cluster, too.

    Raises InvalidSetting if one of them matches a channel of the hub's own: a publisher could forge fences.
    """
    for each in channels:
        if any(matches(each, own) for own in HUB_CHANNELS):
            raise InvalidSetting(
                f"Publishers on {each!r} could forge fences: name their channels with --publish, such as app.*."
            )
    cluster = f"{CLUSTER_PUBLISHER_COMMANDS} " if prefix == CLUSTER_PREFIX else ""
    return f"+publish +ping {cluster}resetchannels {' '.join(f'&{each}' for each in channels)}"


def sentinel_rules() -> str:
    """The rights at a Sentinel, an account of its own there, of hubs and publishers: to learn where the primary is."""
    return f"{SENTINEL_COMMANDS} resetchannels &{SENTINEL_CHANNEL}"


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
