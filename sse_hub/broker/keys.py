"""
Every key and channel of the hub in Redis, with its type and meaning.

    Partition --> Partition.clock, .log(channel), …          LogKeys.of(partition, ingest) --> .lease, .watermark, …

All of them begin with the prefix of their partition, and no publisher's channel may. Times in them are in ms since the
epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

PREFIX = "sse-hub:"
CLUSTER_PREFIX = "{sse-hub}:"
"""With a hash tag: a cluster keeps all keys of a partition in one slot, so that one script may use them all."""

PROBE_PATTERN = PREFIX + "probe:*"
PROBE_CHANNELS = tuple(f"{PREFIX}probe:{n}" for n in range(8))
"""
The channels of lines of the probe of order, see `broker/order_probe`, and the pattern of them all.

Without a hash tag in a cluster, too: they lie all over the slots, as the names of users' channels do. With one tag they
would all go the same way, and come in order even from a server that keeps none between its shards.
"""


class Partition:
    """
    The keys and channels that one server at a time holds and orders: all that the hub has in Redis.

    A single server and one with Sentinel have the prefix PREFIX. In a cluster, the owner of the slot of CLUSTER_PREFIX
    has them all, the *anchor*.
    """

    def __init__(self, prefix: str = PREFIX) -> None:
        self.prefix = prefix
        """It changes at most once, before the first command: the URL of one server may turn out to name a cluster."""

    @property
    def in_cluster(self) -> bool:
        """True when the server is a node of a cluster."""
        return self.prefix == CLUSTER_PREFIX

    @property
    def fence_channel(self) -> str:
        """The channel on which fences are published, see lua/clock.lua."""
        return f"{self.prefix}fence"

    @property
    def probe_fence_channel(self) -> str:
        """The channel of the fences of the probe of order: it goes the same way as that of the hub's fences."""
        return f"{self.prefix}probe:fence"

    @property
    def clock(self) -> str:
        """String: the last fence; in a cluster "fence node tenure", see lua/clock.lua."""
        return f"{self.prefix}clock"

    @property
    def fences(self) -> str:
        """
        Stream: the first fence of each tenth of a second, as the id `fence-0`.

        By it, a hub that comes to another server learns whether that one has continued from the same fence.
        """
        return f"{self.prefix}fences"

    @property
    def left(self) -> str:
        """String, expires: hubs have left this server, since another one has its place, see `departure`."""
        return f"{self.prefix}left"

    @property
    def channels(self) -> str:
        """
        Hash: recorded channel --> "last-id count": the id of its last line, and how many lines were recorded.

        It also has the name of each group's watermark, as long as its log exists. Without that name, this hash does not
        belong to the log.
        """
        return f"{self.prefix}channels"

    @property
    def recent(self) -> str:
        """
        Sorted set: recorded channel --> the fence of its last line, for all members of `channels`.

        By it, readers learn which channels have changed, and the recorder which ones to forget.
        """
        return f"{self.prefix}recent"

    @property
    def forgotten(self) -> str:
        """
        Hash: group of channels --> the last fence after which one of them had a line that was forgotten with its
        channel.

        A channel that is not in `channels` may have had lines up to that fence. See `hub/new_names.group_of`.
        """
        return f"{self.prefix}forgotten"

    @property
    def revoked(self) -> str:
        """Hash: id of a revoked token --> when it would have expired, in seconds since the epoch."""
        return f"{self.prefix}revoked"

    def log(self, channel: str) -> str:
        """
        Stream: the recorded lines of `channel`. The id of an entry is that of the line.

        `l` holds a line, `m` how many ms after the fence in its id it came. `g` is a gap, "reason lost": lines after
        the entry before it, and up to this id, are missing.
        """
        return f"{self.prefix}log:{channel}"

    def published(self, idempotency_key: str) -> str:
        """String, expires: what a `POST /publish` with this Idempotency-Key has published, see lua/publish.lua."""
        return f"{self.prefix}published:{idempotency_key}"

    def published_by(self, subject: str) -> str:
        """Sorted set, expires: published() of each Idempotency-Key of `subject` --> the fence before its lines."""
        return f"{self.prefix}published-by:{sha256(subject.encode(errors='surrogatepass')).hexdigest()[:32]}"

    @property
    def replicated(self) -> str:
        """String, expires: written to learn whether replicas have all that was written before."""
        return f"{self.prefix}replicated"

    def ticket(self, digest: str) -> str:
        """String, expires: the grant of the ticket with this SHA-256, as JSON, see `auth/ticket.py`."""
        return f"{self.prefix}ticket:{digest}"

    def shipped(self, registry: str) -> str:
        """Hash, expires: file --> the offset up to which `sse-hub ship` has published it, see lua/ship.lua."""
        return f"{self.prefix}shipped:{registry}"

    def check(self, name: str) -> str:
        """String, expires: what `sse-hub check` writes."""
        return f"{self.prefix}check:{name}"


@dataclass(frozen=True, slots=True)
class LogKeys:
    """
    The keys of `partition` that processes with the same ingest patterns, a group, share: they record the same channels.

    Processes of different groups can't take over recording from one another. If two groups record the same channel,
    they give its lines the same ids, so the stream is the same.
    """

    partition: Partition
    group: str

    @classmethod
    def of(cls, partition: Partition, ingest: Sequence[str]) -> "LogKeys":
        """The keys in `partition` of the group with the patterns `ingest`."""
        text = " ".join(sorted(ingest))
        return cls(partition, "" if text == "*" else ":" + sha256(text.encode()).hexdigest()[:12])

    @property
    def lease(self) -> str:
        """String, expires: "token start" of the recorder, see lua/lease.lua."""
        return f"{self.partition.prefix}lease{self.group}"

    @property
    def taps(self) -> str:
        """Hash: token of each process --> "held first_fence seen_at", see lua/lease.lua."""
        return f"{self.partition.prefix}taps{self.group}"

    @property
    def watermark(self) -> str:
        """String: the fence up to which the log is complete."""
        return f"{self.partition.prefix}watermark{self.group}"

    @property
    def gaps(self) -> str:
        """
        Stream: the gaps of the whole log, when nobody recorded.

        The id is the fence after the gap, `a` the fence before it, `r` the reason.

        The first entry is where the log starts, so the stream is never empty; its `t` is the time when it was created.
        """
        return f"{self.partition.prefix}breaks{self.group}"

    @property
    def alerts(self) -> str:
        """Stream: the outbox, alerts that still have to be sent. `a` is one of them as JSON, see `alerts/alert`."""
        return f"{self.partition.prefix}alerts{self.group}"

    @property
    def alert_sent(self) -> str:
        """Hash: destination --> "position waiting error": how far it is in `alerts`, see `alerts/outbox`."""
        return f"{self.partition.prefix}alert-sent{self.group}"

    @property
    def rules(self) -> str:
        """Hash: id of a rule made on the page --> its members as JSON; '' --> another text after each change."""
        return f"{self.partition.prefix}rules{self.group}"

    @property
    def alert_state(self) -> str:
        """
        Hash: id of a rule --> the head of its state, see `alerts/rule_state`; '' --> "fence n channel", up to which the
        log is evaluated.
        """
        return f"{self.partition.prefix}alert-state{self.group}"

    def alert_groups(self, rule: str) -> str:
        """Hash: key of a group of `rule`, or of a pattern it knows --> its state as JSON, see `alerts/rule_state`."""
        return f"{self.partition.prefix}alert-groups{self.group}:{rule}"
