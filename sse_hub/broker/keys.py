"""
What the hub calls its own things in Redis: every key and channel, in one place.

All of them begin with `sse-hub:`, which no channel of a publisher may. Times in them are in ms since the epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

PREFIX = "sse-hub:"

FENCE_CHANNEL = PREFIX + "fence"
"""The channel on which fences are published."""
CLOCK = PREFIX + "clock"
"""String: the last fence."""
CHANNELS = PREFIX + "channels"
"""
Hash: recorded channel --> "last-id count", its last line and how many were recorded.

The name of each group's watermark is among them while its log is there: without it, this is not what the log has.
"""
REVOKED = PREFIX + "revoked"
"""Hash: id of a revoked token --> when it would have expired, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class LogKeys:
    """
    What the processes that record the same channels share.

    Those with other ingest patterns are a group of their own: they can't take over from one another. Where two groups
    record the same channel, they give its lines the same ids, so the stream is the same.
    """

    group: str

    @classmethod
    def of(cls, ingest: Sequence[str]) -> "LogKeys":
        """The keys of those who record `ingest`."""
        text = " ".join(sorted(ingest))
        return cls("" if text == "*" else ":" + sha256(text.encode()).hexdigest()[:12])

    @property
    def lease(self) -> str:
        """String, expires: "token start" of the process that records, see lua/lease.lua."""
        return f"{PREFIX}lease{self.group}"

    @property
    def taps(self) -> str:
        """Hash: token of each process --> "held reach seen_at", see lua/lease.lua."""
        return f"{PREFIX}taps{self.group}"

    @property
    def watermark(self) -> str:
        """String: the fence up to which the log is complete."""
        return f"{PREFIX}watermark{self.group}"

    @property
    def breaks(self) -> str:
        """
        Stream: when nobody recorded anything. The id is the fence after it, `a` the one before, `r` the reason.

        The first entry is where the log begins, so the stream is never empty; `t` is when the log was begun.
        """
        return f"{PREFIX}breaks{self.group}"


def log_key(channel: str) -> str:
    """
    The stream of the recorded lines of `channel`; an entry's id is the line's.

    `l` holds a line; `g` holds "reason lost" where lines up to this id, and after the entry before it, are missing.
    """
    return f"{PREFIX}log:{channel}"


def published_key(idempotency_key: str) -> str:
    """String, expires: what a `POST /publish` with this key has done, see lua/publish.lua."""
    return f"{PREFIX}published:{idempotency_key}"


def ticket_key(digest: str) -> str:
    """String, expires: what the ticket with this SHA-256 is for, as JSON, see `access/ticket.py`."""
    return f"{PREFIX}ticket:{digest}"


def shipped_key(registry: str) -> str:
    """Hash, expires: file --> up to which offset a shipper with this registry has published it, see lua/ship.lua."""
    return f"{PREFIX}shipped:{registry}"
