"""
The streams that are open with a grant, and end with it.

    hold(grant, subscriber) --> tick(), once a second --> event: auth, and the end of the stream

A client that does not read its end is cut a moment later: what it was sent lies in the kernel, and no more is added.
"""

import logging
import time
from functools import partial
from typing import Protocol

from sse_hub.auth.authenticator import Authenticator
from sse_hub.auth.grant import Grant
from sse_hub.hub.subscriber import Subscriber
from sse_hub.protocol.sse import auth_frame

logger = logging.getLogger(__name__)

# Ticks, of one second each, that a client gets to read its end.
GRACE_TICKS = 2


class Fenced(Protocol):
    """What is needed of a hub: the last fence, which tells a client where it is."""

    last_fence: int


class StreamExpiry:
    """Streams by the grant they were opened with: thousands share one, and one look at it is enough for all."""

    def __init__(self, authenticator: Authenticator, hub: Fenced) -> None:
        self._authenticator = authenticator
        self._hub = hub
        self._held: dict[Grant, set[Subscriber]] = {}
        self._leaving: list[tuple[int, set[Subscriber]]] = []

    def watch(self, grant: Grant, subscriber: Subscriber) -> None:
        """End the stream of `subscriber` when `grant` ends."""
        if not self._authenticator.asks:
            return
        self._held.setdefault(grant, set()).add(subscriber)
        subscriber.on_close(partial(self._leave, grant))

    def tick(self) -> None:
        """Once a second: end the streams whose grant has ended."""
        now = time.time()
        self._leaving = [(ticks - 1, each) for ticks, each in self._leaving if self._waits(ticks, each)]
        ended = [(grant, reason) for grant in self._held if (reason := self._authenticator.expiry_of(grant, now))]
        for grant, reason in ended:
            subscribers = self._held.pop(grant)
            logger.info(
                "grant_ended subject=%(subject)r reason=%(reason)s streams=%(streams)d",
                {"subject": grant.subject, "reason": reason, "streams": len(subscribers)},
            )
            self._leaving.append((GRACE_TICKS, subscribers))
            for subscriber in list(subscribers):
                subscriber.end(self._hub.last_fence, auth_frame(reason))

    def _waits(self, ticks: int, subscribers: set[Subscriber]) -> bool:
        if not ticks:
            for subscriber in list(subscribers):
                subscriber.transport.abort()
        return bool(ticks and subscribers)

    def _leave(self, grant: Grant, subscriber: Subscriber) -> None:
        subscribers = self._held.get(grant)
        if subscribers is not None:
            subscribers.discard(subscriber)
            if not subscribers:
                del self._held[grant]
        for _, leaving in self._leaving:
            leaving.discard(subscriber)
