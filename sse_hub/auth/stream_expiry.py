"""
Ends streams when the grant they were opened with ends.

    watch(grant, subscriber) --> tick(), once a second --> event: auth, and the end of the stream

A client that does not read the end of its stream is disconnected a moment later. Until then it only gets what the
kernel had already buffered.
"""

import logging
import time
from functools import partial

from sse_hub.auth.authenticator import Authenticator
from sse_hub.auth.grant import Grant
from sse_hub.hub.ingest import Ingest
from sse_hub.hub.subscriber import Subscriber

logger = logging.getLogger(__name__)

# How many ticks, of one second each, a client has to read the end of its stream.
GRACE_TICKS = 2


class StreamExpiry:
    """
    The open streams by grant: thousands share one, so each grant is checked once for all of them.

    The last fence of `ingest` goes into the final frames, so that a client knows where to resume.
    """

    def __init__(self, authenticator: Authenticator, ingest: Ingest) -> None:
        self._authenticator = authenticator
        self._ingest = ingest
        self._open_streams: dict[Grant, set[Subscriber]] = {}
        # Streams that are ending, with the ticks left until their connections are aborted.
        self._ending: list[tuple[int, set[Subscriber]]] = []

    def watch(self, grant: Grant, subscriber: Subscriber) -> None:
        """End the stream of `subscriber` when `grant` ends."""
        if not self._authenticator.requires_auth:
            return
        self._open_streams.setdefault(grant, set()).add(subscriber)
        subscriber.on_close(partial(self._forget, grant))

    def tick(self) -> None:
        """Once a second: end the streams whose grant has ended."""
        now = time.time()
        self._abort_overdue()
        ended = [
            (grant, reason) for grant in self._open_streams if (reason := self._authenticator.expiry_of(grant, now))
        ]
        for grant, reason in ended:
            subscribers = self._open_streams.pop(grant)
            logger.info(
                "grant_ended subject=%(subject)r reason=%(reason)s streams=%(streams)d",
                {"subject": grant.subject, "reason": reason, "streams": len(subscribers)},
            )
            self._ending.append((GRACE_TICKS, subscribers))
            for subscriber in list(subscribers):
                subscriber.end(self._ingest.last_fence, reason)

    def _abort_overdue(self) -> None:
        for ticks, subscribers in self._ending:
            if not ticks:
                for subscriber in list(subscribers):
                    subscriber.transport.abort()
        self._ending = [(ticks - 1, subscribers) for ticks, subscribers in self._ending if ticks and subscribers]

    def _forget(self, grant: Grant, subscriber: Subscriber) -> None:
        subscribers = self._open_streams.get(grant)
        if subscribers is not None:
            subscribers.discard(subscriber)
            if not subscribers:
                del self._open_streams[grant]
        for _, ending in self._ending:
            ending.discard(subscriber)
