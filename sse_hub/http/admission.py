"""
What one sender, and all of them together, may have at a time: counted, and refused, before anything is asked of Redis.

    address, subject --> Limits.seat(): Seat, or TooMany       lines to publish --> Limits.spend()
    connection --> Limits.connect()                            bytes of a body --> Limits.holding()
                                                               bytes of an answer --> Limits.answering()

The counts are those of all workers of a hub together; what is in memory each process counts for itself. An address is
what `whence` calls it.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from sse_hub.auth.client_address import TrustedProxies, is_local
from sse_hub.config import Config
from sse_hub.errors import LimitExceeded
from sse_hub.http.shared_counters import ALL, SharedCounters

logger = logging.getLogger(__name__)

# For addresses of other machines, where no setting says otherwise.
STREAMS_PER_ADDRESS = 64
LINES_PER_SECOND = 10_000
# How many connections beside its streams an address may have for each of these, and at the least: a browser opens six
# for a page's files, and keeps some for later.
CONNECTIONS_FACTOR = 4
MIN_CONNECTIONS = 64
# Files that are not streams: the log, Redis, connections on which something else is asked.
RESERVED_FILES = 256
# All bodies that are being received, together.
BODIES_BYTES = 256 * 1024 * 1024
# All pages of the log that are being made, or have been and are not taken yet, together, and those of one sender.
ANSWERS_BYTES = 256 * 1024 * 1024
ANSWERS_BYTES_PER_SENDER = 32 * 1024 * 1024
# One warning for each reason in this time.
QUIET_SECONDS = 60.0
# A wait that is none.
FAST_ANSWER_SECONDS = 0.001


class AdmissionControl:
    """
    The limits that `config` sets for the processes of `table`, of which this one may have `open_files` files open.

    Every refusal is counted in `refused`, by its reason.
    """

    def __init__(self, config: Config, open_files: int, refused: Counter[str], shared: SharedCounters) -> None:
        self.trusted_proxies = TrustedProxies(config.proxy_peers)
        self.streams = 0
        self._refused = refused
        self._per_address = config.streams_per_address
        self._per_subject = config.streams_per_subject or math.inf
        self._total = config.streams_total or math.inf
        self._room = math.inf if config.streams_total else max(1, open_files - min(RESERVED_FILES, open_files // 4))
        self._lines_per_second = config.publish_lines_per_second
        self._shared = shared
        self._held_bytes = 0
        self._answers: Counter[str] = Counter()
        self._quiet_until: dict[str, float] = {}

    def record_refusal(self, reason: str, detail: str) -> None:
        """Count a refusal, and log the first of each minute."""
        self._refused[reason] += 1
        now = monotonic()
        if now >= self._quiet_until.get(reason, 0.0):
            self._quiet_until[reason] = now + QUIET_SECONDS
            logger.warning(
                "request_refused reason=%(reason)s count=%(count)d detail=%(detail)r",
                {"reason": reason, "count": self._refused[reason], "detail": detail},
            )

    # Streams.

    def check(self, address: str | None) -> LimitExceeded | None:
        """
        Why no stream can be opened from `address`, or where that is not known by anybody, at present; None when one
        can. Counts nothing.
        """
        if self.streams >= self._room or self._shared.count(ALL) >= self._total:
            return LimitExceeded("total", "This hub has as many streams open as it takes.")
        if address is not None and (count := self._shared.count(_of_address(address))) >= self._stream_limit(address):
            return LimitExceeded(
                "address", f"{address or 'this machine'} has {count} streams open, as many as it may have."
            )
        return None

    def take_slot(self, address: str, subject: str = "") -> "StreamSlot":
        """A place for one more stream from `address`, of `subject` where it is known. Raises TooMany."""
        error = self.check(address)
        if error is None and subject and (count := self._shared.count(_of_subject(subject))) >= self._per_subject:
            error = LimitExceeded("subject", f"{subject!r} has {count} streams open, as many as one subject may have.")
        if error:
            raise error
        self._take(address, subject, 1)
        return StreamSlot(self, address, subject)

    def release_slot(self, address: str, subject: str) -> None:
        """A stream has ended; see Seat.give_back()."""
        self._take(address, subject, -1)

    # Connections that are no streams, or not yet.

    def connect(self, address: str) -> bool:
        """Count one more connection from `address`. False, and not counted, when it has too many."""
        most = max(MIN_CONNECTIONS, CONNECTIONS_FACTOR * self._stream_limit(address))
        if self._shared.count(_connections_of(address)) >= most:
            return False
        self._shared.add(_connections_of(address), 1)
        return True

    def disconnect(self, address: str) -> None:
        """One of them has gone, or has become a stream."""
        self._shared.add(_connections_of(address), -1)

    # What comes in.

    def take_publish_quota(self, address: str, subject: str, lines: int) -> None:
        """
        `lines` are to be published by `subject`, or where nobody says who that is from `address`. Raises TooMany.

        Who has anything left may publish a body of any length, and waits the longer for the next. It is the generic
        cell rate algorithm (ITU-T I.371, annex A): all that is known of a sender is when it has a whole second's lines
        again.
        """
        rate = self._lines_per_second
        if rate is None:
            rate = 0 if is_local(address) and not subject else LINES_PER_SECOND
        if not rate:
            return
        now = monotonic()
        sender = _of_sender(address, subject)
        whole_at = max(now, self._shared.time(sender))
        wait = whole_at - now - 1 + 1 / rate
        if wait > FAST_ANSWER_SECONDS:
            raise LimitExceeded("publish-rate", f"More than {rate} lines a second; try again in {wait:.1f} s.", wait)
        self._shared.set_time(sender, whole_at + lines / rate)

    @contextmanager
    def body_memory(self) -> Iterator[Callable[[int], None]]:
        """
        What is to be told of each piece of a body that is kept, in bytes, until the block is left.

        It raises TooMany where all bodies together are too much.
        """
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if self._held_bytes + size > BODIES_BYTES:
                raise LimitExceeded("bodies", "Too many large bodies are being received.")
            held += size
            self._held_bytes += size

        try:
            yield hold
        finally:
            self._held_bytes -= held

    # What goes out.

    @contextmanager
    def response_memory(self, address: str, subject: str) -> Iterator[Callable[[int], None]]:
        """
        What is to be told how many bytes an answer to `subject`, or where nobody says who that is to `address`, has in
        memory, each time that this has changed, until it has been taken and the block is left.

        It raises TooMany where the others together are too many already, as entering the block does. One alone is
        never refused, so who takes one answer before they ask for the next has no limit of their own.
        """
        sender, held = _of_sender(address, subject), 0
        most = ANSWERS_BYTES_PER_SENDER if subject or self._stream_limit(address) < math.inf else math.inf

        def hold(size: int) -> None:
            nonlocal held
            if size > held and self._answers[sender] - held >= most:
                raise LimitExceeded(
                    "answers", f"Answers to {subject or address!r} that are not taken yet are too large."
                )
            if size > held and self._answers.total() - held >= ANSWERS_BYTES:
                raise LimitExceeded("answers", "Answers that are not taken yet are too large.")
            self._answers[sender] += size - held
            held = size

        try:
            hold(1)
            yield hold
        finally:
            hold(0)
            if not self._answers[sender]:
                del self._answers[sender]

    # The rest.

    def _stream_limit(self, address: str) -> float:
        if self._per_address is None:
            return math.inf if is_local(address) else STREAMS_PER_ADDRESS
        return self._per_address or math.inf

    def _take(self, address: str, subject: str, streams: int) -> None:
        self.streams += streams
        # Those without a subject are as many as all: whoever shared their slot would have too much.
        for name in (ALL, _of_address(address), *([_of_subject(subject)] if subject else [])):
            self._shared.add(name, streams)


class StreamSlot:
    """
    The place of one stream, which is given back at the end of its `with` block, unless somebody keeps it for longer.
    """

    __slots__ = ("_address", "_kept", "_limits", "_subject")

    def __init__(self, limits: AdmissionControl, address: str, subject: str) -> None:
        self._limits: AdmissionControl | None = limits
        self._address = address
        self._subject = subject
        self._kept = False

    def keep(self) -> None:
        """Hold the slot beyond the `with` block, until release()."""
        self._kept = True

    def release(self) -> None:
        """The stream has ended. A second call does nothing."""
        limits, self._limits = self._limits, None
        if limits:
            limits.release_slot(self._address, self._subject)

    def __enter__(self) -> "StreamSlot":
        return self

    def __exit__(self, *error: object) -> None:
        if not self._kept:
            self.release()


def _of_address(address: str) -> str:
    return f"address {address}"


def _of_subject(subject: str) -> str:
    return f"subject {subject}"


def _of_sender(address: str, subject: str) -> str:
    return _of_subject(subject) if subject else _of_address(address)


def _connections_of(address: str) -> str:
    return f"connections of {address}"
