"""
Admission control: how much one sender, and all of them together, may have open, publish and hold in memory.

    address, subject --> take_slot(): StreamSlot               connection --> connect(), disconnect()
    lines to publish --> take_publish_quota()                  bytes of a body --> body_memory()
                                                               bytes of a response --> response_memory()

What is beyond a limit raises LimitExceeded before Redis is asked anything. Streams, connections and lines are counted
over all workers of a hub, memory for each process. A sender is a subject, if there is one, else an address as
`TrustedProxies.client_of()` returns it.
"""

import logging
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from sse_hub.auth.client_address import TrustedProxies, is_local
from sse_hub.config import Config
from sse_hub.errors import LimitExceeded
from sse_hub.http.shared_counters import ALL, SharedCounters

logger = logging.getLogger(__name__)

# Defaults for addresses of other machines.
STREAMS_PER_ADDRESS = 64
LINES_PER_SECOND = 10_000
# How many other connections an address may have for each of its streams, and at least: a browser opens six for the
# files of a page, and keeps some.
CONNECTIONS_FACTOR = 4
MIN_CONNECTIONS = 64
# Files that are not streams: the log, Redis, connections with other requests.
RESERVED_FILES = 256
# For all bodies in transfer together.
BODY_BYTES = 256 * 1024 * 1024
# For all pages of the log from the time they are built until the client has read them, and for those of one sender.
RESPONSE_BYTES = 256 * 1024 * 1024
RESPONSE_BYTES_PER_SENDER = 32 * 1024 * 1024
# At most one warning for each reason in this time.
WARNING_INTERVAL_SECONDS = 60.0
# The tolerance of the rate limit: rounding must not delay a sender that keeps to its rate.
TOLERANCE_SECONDS = 0.001


def max_open_files() -> int:
    """How many files, and so connections, this process may have open: the soft limit of RLIMIT_NOFILE."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class AdmissionControl:
    """
    The limits of `config`, counted in `shared`. This process may have `open_files` files open, which bounds its streams
    if `config` has no limit for all.

    Every refusal is counted in `refused` by its reason.
    """

    def __init__(self, config: Config, open_files: int, refused: Counter[str], shared: SharedCounters) -> None:
        self.trusted_proxies = TrustedProxies(config.proxy_peers)
        self.streams = 0
        self._refused = refused
        self._per_address = config.streams_per_address
        self._per_subject = config.streams_per_subject or math.inf
        self._total = config.streams_total or math.inf
        self._process_limit = (
            math.inf if config.streams_total else max(1, open_files - min(RESERVED_FILES, open_files // 4))
        )
        self._lines_per_second = config.publish_lines_per_second
        self._shared = shared
        self._body_bytes = 0
        self._response_bytes: Counter[str] = Counter()
        self._next_warning_at: dict[str, float] = {}

    def record_refusal(self, reason: str, detail: str) -> None:
        """Count a refusal, and log the first of each minute."""
        self._refused[reason] += 1
        now = monotonic()
        if now >= self._next_warning_at.get(reason, 0.0):
            self._next_warning_at[reason] = now + WARNING_INTERVAL_SECONDS
            logger.warning(
                "request_refused reason=%(reason)s count=%(count)d detail=%(detail)r",
                {"reason": reason, "count": self._refused[reason], "detail": detail},
            )

    # Streams.

    def check(self, address: str | None) -> LimitExceeded | None:
        """
        The limit that a new stream from `address` would exceed now, None if there is none. Takes nothing.

        Without an address only the limits for all streams are checked.
        """
        if self.streams >= self._process_limit or self._shared.count(ALL) >= self._total:
            return LimitExceeded("total", "This hub has as many streams open as it may have.")
        if address is not None and (count := self._shared.count(_address_key(address))) >= self._stream_limit(address):
            return LimitExceeded("address", f"{address or 'this machine'} has {count} streams open, the maximum.")
        return None

    def take_slot(self, address: str, subject: str = "") -> "StreamSlot":
        """A slot for one more stream from `address`, of `subject` if there is one. Raises LimitExceeded."""
        error = self.check(address)
        if error is None and subject and (count := self._shared.count(_subject_key(subject))) >= self._per_subject:
            error = LimitExceeded("subject", f"{subject!r} has {count} streams open, the maximum for one subject.")
        if error:
            raise error
        self._count_streams(address, subject, 1)
        return StreamSlot(self, address, subject)

    def release_slot(self, address: str, subject: str) -> None:
        """Count one stream less. For StreamSlot alone, which does so once."""
        self._count_streams(address, subject, -1)

    # Connections that are not streams, or not yet.

    def connect(self, address: str) -> bool:
        """Count one more connection from `address`; False, and nothing counted, if it has too many."""
        limit = max(MIN_CONNECTIONS, CONNECTIONS_FACTOR * self._stream_limit(address))
        if self._shared.count(_connections_key(address)) >= limit:
            return False
        self._shared.add(_connections_key(address), 1)
        return True

    def disconnect(self, address: str) -> None:
        """A connection from `address` is closed, or has become a stream."""
        self._shared.add(_connections_key(address), -1)

    # Requests.

    def take_publish_quota(self, address: str, subject: str, lines: int) -> None:
        """
        Take `lines` from the rate of `subject`, or of `address` if there is none. Raises LimitExceeded with the time to
        wait.

        A sender with anything left may publish a body of any length, and waits the longer before the next. This is the
        generic cell rate algorithm (ITU-T I.371, annex A) with a burst of one second: all that is stored of a sender is
        the time at which its full burst is available again.
        """
        rate = self._lines_per_second
        if rate is None:
            rate = 0 if is_local(address) and not subject else LINES_PER_SECOND
        if not rate:
            return
        now = monotonic()
        sender = _sender_key(address, subject)
        full_at = max(now, self._shared.time(sender))
        wait = full_at - now - 1 + 1 / rate
        if wait > TOLERANCE_SECONDS:
            raise LimitExceeded("publish-rate", f"More than {rate} lines per second; try again in {wait:.1f} s.", wait)
        self._shared.set_time(sender, full_at + lines / rate)

    @contextmanager
    def body_memory(self) -> Iterator[Callable[[int], None]]:
        """
        Yields `reserve(more_bytes)`: call it for each piece of a body that is kept. The end of the block releases all.

        `reserve()` raises LimitExceeded if all bodies together have too many bytes.
        """
        held = 0

        def reserve(more_bytes: int) -> None:
            nonlocal held
            if self._body_bytes + more_bytes > BODY_BYTES:
                raise LimitExceeded("bodies", "Too many large bodies are being received.")
            held += more_bytes
            self._body_bytes += more_bytes

        try:
            yield reserve
        finally:
            self._body_bytes -= held

    @contextmanager
    def response_memory(self, address: str, subject: str) -> Iterator[Callable[[int], None]]:
        """
        Yields `reserve(total_bytes)`: call it whenever the size of the response in memory changes. The sender of the
        request is `subject`, or `address` if there is none. Leave the block when the client has read the response.

        Raises LimitExceeded, here and from `reserve()`, if the other responses to the sender, or all others, have too
        many bytes already. A single response is never refused, so a client that reads each before it sends the next
        request has no limit.
        """
        (sender, one), held = self.sender_of(address, subject), 0
        limit = RESPONSE_BYTES_PER_SENDER if one else math.inf

        def reserve(total_bytes: int) -> None:
            nonlocal held
            if total_bytes > held and self._response_bytes[sender] - held >= limit:
                raise LimitExceeded("answers", f"The unread responses to {subject or address!r} are too large.")
            if total_bytes > held and self._response_bytes.total() - held >= RESPONSE_BYTES:
                raise LimitExceeded("answers", "The unread responses to all clients are too large.")
            self._response_bytes[sender] += total_bytes - held
            held = total_bytes

        try:
            reserve(1)
            yield reserve
        finally:
            reserve(0)
            if not self._response_bytes[sender]:
                del self._response_bytes[sender]

    # The rest.

    def sender_of(self, address: str, subject: str) -> tuple[str, bool]:
        """
        A name for the sender of a request, and whether it is one sender.

        This machine without a subject is not, unless it has a limit of streams: a proxy may send for many.
        """
        return _sender_key(address, subject), bool(subject) or self._stream_limit(address) < math.inf

    def _stream_limit(self, address: str) -> float:
        if self._per_address is None:
            return math.inf if is_local(address) else STREAMS_PER_ADDRESS
        return self._per_address or math.inf

    def _count_streams(self, address: str, subject: str, change: int) -> None:
        self.streams += change
        # Streams without a subject are counted under no subject key: a subject that shares their slot in the shared
        # counters would always be over its limit.
        for key in (ALL, _address_key(address), *([_subject_key(subject)] if subject else [])):
            self._shared.add(key, change)


class StreamSlot:
    """One stream among those that are counted. Released at the end of its `with` block, unless keep() is called."""

    __slots__ = ("_address", "_admission", "_kept", "_subject")

    def __init__(self, admission: AdmissionControl, address: str, subject: str) -> None:
        self._admission: AdmissionControl | None = admission
        self._address = address
        self._subject = subject
        self._kept = False

    def keep(self) -> None:
        """Keep the slot after the `with` block, until release()."""
        self._kept = True

    def release(self) -> None:
        """The stream has ended. A second call does nothing."""
        admission, self._admission = self._admission, None
        if admission:
            admission.release_slot(self._address, self._subject)

    def __enter__(self) -> "StreamSlot":
        return self

    def __exit__(self, *error: object) -> None:
        if not self._kept:
            self.release()


def _address_key(address: str) -> str:
    return f"address {address}"


def _subject_key(subject: str) -> str:
    return f"subject {subject}"


def _sender_key(address: str, subject: str) -> str:
    return _subject_key(subject) if subject else _address_key(address)


def _connections_key(address: str) -> str:
    return f"connections of {address}"
