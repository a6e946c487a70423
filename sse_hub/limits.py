"""
What one sender, and all of them together, may have at a time: counted, and refused, before anything is asked of Redis.

    address, subject --> Limits.seat(): Seat, or TooMany       lines to publish --> Limits.spend()
    connection --> Limits.connect()                            bytes of a body --> Limits.holding()

The counts are those of one process. An address is what `whence` calls it.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from sse_hub.config import Config
from sse_hub.errors import TooMany
from sse_hub.whence import Whence, is_local

logger = logging.getLogger(__name__)

# For addresses of other machines, where no setting says otherwise.
STREAMS_PER_ADDRESS = 64
LINES_PER_SECOND = 10_000
# How many connections beside its streams an address may have for each of these, and at the least: a browser opens six
# for a page's files, and keeps some for later.
CONNECTIONS_FACTOR = 4
LEAST_CONNECTIONS = 64
# Files that are not streams: the log, Redis, connections on which something else is asked.
RESERVED_FILES = 256
# All bodies that are being received, together.
BODIES_BYTES = 256 * 1024 * 1024
# One warning for each reason in this time.
QUIET_SECONDS = 60.0
# A wait that is none.
TRIFLE_SECONDS = 0.001
# Senders whose rates are known; those that have all their lines again are forgotten.
MAX_RATES = 10_000


class Limits:
    """
    The limits that `config` sets for one process, which may have `open_files` files open.

    Every refusal is counted in `refused`, by its reason.
    """

    def __init__(self, config: Config, open_files: int, refused: Counter[str]) -> None:
        self.whence = Whence(config.proxy_peers)
        self.streams = 0
        self._refused = refused
        self._per_address = config.streams_per_address
        self._per_subject = config.streams_per_subject or math.inf
        self._total = config.streams_total or max(1, open_files - min(RESERVED_FILES, open_files // 4))
        self._lines_per_second = config.publish_lines_per_second
        self._addresses: Counter[str] = Counter()
        self._subjects: Counter[str] = Counter()
        self._connections: Counter[str] = Counter()
        self._rates: dict[str, _Rate] = {}
        self._held_bytes = 0
        self._quiet_until: dict[str, float] = {}

    def refuse(self, reason: str, detail: str) -> None:
        """Count a refusal, and log the first of each minute."""
        self._refused[reason] += 1
        now = monotonic()
        if now >= self._quiet_until.get(reason, 0.0):
            self._quiet_until[reason] = now + QUIET_SECONDS
            logger.warning("refused reason=%s count=%d detail=%r", reason, self._refused[reason], detail)

    # Streams.

    def full(self, address: str | None) -> TooMany | None:
        """
        Why no stream can be opened from `address`, or where that is not known by anybody, at present; None when one
        can. Counts nothing.
        """
        if self.streams >= self._total:
            return TooMany("total", "This hub has as many streams open as it takes.")
        if address is not None and self._addresses[address] >= self._most(address):
            count = self._addresses[address]
            return TooMany("address", f"{address or 'this machine'} has {count} streams open, as many as it may have.")
        return None

    def seat(self, address: str, subject: str = "") -> "Seat":
        """A place for one more stream from `address`, of `subject` where it is known. Raises TooMany."""
        error = self.full(address)
        if error is None and subject and self._subjects[subject] >= self._per_subject:
            count = self._subjects[subject]
            error = TooMany("subject", f"{subject!r} has {count} streams open, as many as one subject may have.")
        if error:
            raise error
        self.streams += 1
        self._addresses[address] += 1
        self._subjects[subject] += 1
        return Seat(self, address, subject)

    def leave(self, address: str, subject: str) -> None:
        """A stream has ended; see Seat.give_back()."""
        self.streams -= 1
        _less(self._addresses, address)
        _less(self._subjects, subject)

    # Connections that are no streams, or not yet.

    def connect(self, address: str) -> bool:
        """Count one more connection from `address`. False, and not counted, when it has too many."""
        if self._connections[address] >= max(LEAST_CONNECTIONS, CONNECTIONS_FACTOR * self._most(address)):
            return False
        self._connections[address] += 1
        return True

    def disconnect(self, address: str) -> None:
        """One of them has gone, or has become a stream."""
        _less(self._connections, address)

    # What comes in.

    def spend(self, address: str, subject: str, lines: int) -> None:
        """
        `lines` are to be published by `subject`, or where nobody says who that is from `address`. Raises TooMany.

        Who has anything left may publish a body of any length, and waits the longer for the next.
        """
        rate = self._lines_per_second
        if rate is None:
            rate = 0 if is_local(address) and not subject else LINES_PER_SECOND
        if not rate:
            return
        now = monotonic()
        known = self._rates.get(sender := f"@{subject}" if subject else address)
        if known is None:
            self._make_room(rate, now)
            known = self._rates[sender] = _Rate(rate, now)
        wait = known.wait_seconds(rate, now)
        if wait > 0:
            raise TooMany("publish-rate", f"More than {rate} lines a second; try again in {wait:.1f} s.", wait)
        known.left -= lines

    @contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """
        What is to be told of each piece of a body that is kept, in bytes, until the block is left.

        It raises TooMany where all bodies together are too much.
        """
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if self._held_bytes + size > BODIES_BYTES:
                raise TooMany("bodies", "Too many large bodies are being received.")
            held += size
            self._held_bytes += size

        try:
            yield hold
        finally:
            self._held_bytes -= held

    # The rest.

    def _most(self, address: str) -> float:
        if self._per_address is None:
            return math.inf if is_local(address) else STREAMS_PER_ADDRESS
        return self._per_address or math.inf

    def _make_room(self, rate: int, now: float) -> None:
        if len(self._rates) >= MAX_RATES:
            self._rates = {name: each for name, each in self._rates.items() if not each.rested(rate, now)}
        if len(self._rates) >= MAX_RATES:
            # Those who have been known for longest.
            for name in list(self._rates)[: MAX_RATES // 2]:
                del self._rates[name]


class Seat:
    """
    The place of one stream, which is given back at the end of its `with` block, unless somebody keeps it for longer.
    """

    __slots__ = ("_address", "_kept", "_limits", "_subject")

    def __init__(self, limits: Limits, address: str, subject: str) -> None:
        self._limits: Limits | None = limits
        self._address = address
        self._subject = subject
        self._kept = False

    def keep(self) -> "Seat":
        """This one, to be given back by who calls this."""
        self._kept = True
        return self

    def give_back(self) -> None:
        """The stream has ended. A second call does nothing."""
        limits, self._limits = self._limits, None
        if limits:
            limits.leave(self._address, self._subject)

    def __enter__(self) -> "Seat":
        return self

    def __exit__(self, *error: object) -> None:
        if not self._kept:
            self.give_back()


class _Rate:
    """How many lines a sender has `left` of one second's worth, at a moment; below 0 it has to wait."""

    __slots__ = ("at", "left")

    def __init__(self, rate: int, now: float) -> None:
        self.left = float(rate)
        self.at = now

    def wait_seconds(self, rate: int, now: float) -> float:
        self.left = min(rate, self.left + (now - self.at) * rate)
        self.at = now
        wait = (1 - self.left) / rate
        return wait if wait > TRIFLE_SECONDS else 0.0

    def rested(self, rate: int, now: float) -> bool:
        return self.wait_seconds(rate, now) == 0 and self.left >= rate


def _less(counts: Counter[str], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]
