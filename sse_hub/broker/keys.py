"""
Every key and channel of the hub in Redis, with its type and meaning.

All of them start with `sse-hub:`, and no publisher's channel may. Times in them are in ms since the epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

PREFIX = "sse-hub:"
CLUSTER_PREFIX = "{sse-hub}:"
"""With a hash tag: a cluster keeps all keys of a partition in one slot, so that one script may use them all."""

FENCE_CHANNEL = PREFIX + "fence"
"""The channel on which fences are published."""
PROBE_PATTERN = PREFIX + "probe:*"
PROBE_CHANNELS = tuple(f"{PREFIX}probe:{n}" for n in range(8))
"""
The channels of lines of the probe of order, see `broker/order_probe`, and the pattern of them all.

Without a hash tag in a cluster, too: they lie all over the slots, as the names of users' channels do. With one tag they
would all go the same way, and come in order even from a server that keeps none between its shards.
"""
CLOCK = PREFIX + "clock"
"""String: the last fence."""
CHANNELS = PREFIX + "channels"
"""
Hash: recorded channel --> "last-id count": the id of its last line, and how many lines were recorded.

It also has the name of each group's watermark, as long as its log exists. Without that name, this hash does not belong
to the log.
"""
RECENT = PREFIX + "recent"
"""
Sorted set: recorded channel --> the fence of its last line, for all channels of CHANNELS.

By it, readers learn which channels have changed, and the recorder which ones to forget.
"""
FORGOTTEN = PREFIX + "forgotten"
"""
Hash: group of channels --> the last fence after which one of them had a line that was forgotten with its channel.

A channel that is not in CHANNELS may have had lines up to that fence. See `hub/new_names.group_of`.
"""
REVOKED = PREFIX + "revoked"
"""Hash: id of a revoked token --> when it would have expired, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class LogKeys:
    """
    The keys that processes with the same ingest patterns, a group, share: they record the same channels.

    Processes of different groups can't take over recording from one another. If two groups record the same channel,
    they give its lines the same ids, so the stream is the same.
    """

    group: str

    @classmethod
    def of(cls, ingest: Sequence[str]) -> "LogKeys":
        """The keys of the group with the patterns `ingest`."""
        text = " ".join(sorted(ingest))
        return cls("" if text == "*" else ":" + sha256(text.encode()).hexdigest()[:12])

    @property
    def lease(self) -> str:
        """String, expires: "token start" of the recorder, see lua/lease.lua."""
        return f"{PREFIX}lease{self.group}"

    @property
    def taps(self) -> str:
        """Hash: token of each process --> "held first_fence seen_at", see lua/lease.lua."""
        return f"{PREFIX}taps{self.group}"

    @property
    def watermark(self) -> str:
        """String: the fence up to which the log is complete."""
        return f"{PREFIX}watermark{self.group}"

    @property
    def gaps(self) -> str:
        """
        Stream: the gaps of the whole log, when nobody recorded.

        The id is the fence after the gap, `a` the fence before it, `r` the reason.

        The first entry is where the log starts, so the stream is never empty; its `t` is the time when it was created.
        """
        return f"{PREFIX}breaks{self.group}"


def log_key(channel: str) -> str:
    """
    Stream: the recorded lines of `channel`. The id of an entry is that of the line.

    `l` holds a line, `m` how many ms after the fence in its id it came. `g` is a gap, "reason lost": lines after the
    entry before it, and up to this id, are missing.
    """
    return f"{PREFIX}log:{channel}"


def probe_fence_channel(prefix: str) -> str:
    """The channel of the probe's fences in the partition with `prefix`: it goes the same way as the hub's fences."""
    return f"{prefix}probe:fence"


def published_key(idempotency_key: str) -> str:
    """String, expires: what a `POST /publish` with this Idempotency-Key has published, see lua/publish.lua."""
    return f"{PREFIX}published:{idempotency_key}"


def published_keys_key(subject: str) -> str:
    """Sorted set, expires: published_key() of each Idempotency-Key of `subject` --> the fence before its lines."""
    return f"{PREFIX}published-by:{sha256(subject.encode(errors='surrogatepass')).hexdigest()[:32]}"


def ticket_key(digest: str) -> str:
    """String, expires: the grant of the ticket with this SHA-256, as JSON, see `auth/ticket.py`."""
    return f"{PREFIX}ticket:{digest}"


def shipped_key(registry: str) -> str:
    """Hash, expires: file --> the offset up to which `sse-hub ship` has published it, see lua/ship.lua."""
    return f"{PREFIX}shipped:{registry}"
