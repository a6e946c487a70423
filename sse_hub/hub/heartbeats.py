"""
A timer wheel for the heartbeats of all subscribers, instead of a timer for each.

    add(subscriber) --> a slot 15 s ±20 % ahead --> tick(), once a second --> a heartbeat, or a stalled stream is cut
"""

import logging
import random

from sse_hub.hub.counters import Counters
from sse_hub.hub.feed import Feed
from sse_hub.hub.subscriber import Subscriber

logger = logging.getLogger(__name__)

# Heartbeats are spread by this part, or those of a mass reconnect would all fall into the same second for ever. A
# second less than documented, since a slot is up to a second long, and ticks drift.
JITTER = 0.2


class HeartbeatWheel:
    """Subscribers in slots of one second each."""

    def __init__(self, longest_seconds: int, stall_seconds: int, counters: Counters) -> None:
        """`longest_seconds` is the longest time between heartbeats of a subscriber."""
        self._stall_seconds = stall_seconds
        self._slots: list[set[Subscriber]] = [set() for _ in range(2 * longest_seconds + 2)]
        self._now = 0
        self._counters = counters

    def add(self, subscriber: Subscriber) -> None:
        """Schedule the next heartbeat of `subscriber`."""
        seconds = subscriber.heartbeat_seconds
        jitter_seconds = max(0, int(seconds * JITTER) - 1)
        wait = seconds + random.randint(-jitter_seconds, jitter_seconds)
        subscriber.slot = (self._now + wait) % len(self._slots)
        self._slots[subscriber.slot].add(subscriber)

    def discard(self, subscriber: Subscriber) -> None:
        """Cancel the heartbeats of `subscriber`."""
        self._slots[subscriber.slot].discard(subscriber)

    def tick(self, now_seconds: float, fence: int) -> None:
        """
        Move on by a second: send due heartbeats to live subscribers, and cut those due that have stalled.

        `now_seconds` is the loop's time, `fence` the last fence.
        """
        self._now = (self._now + 1) % len(self._slots)
        due, self._slots[self._now] = self._slots[self._now], set()
        chunks: dict[Feed, bytes] = {}
        for subscriber in due:
            if (seconds := subscriber.stalled_seconds(now_seconds)) > self._stall_seconds:
                logger.info("subscriber_stalled seconds=%(seconds)d", {"seconds": seconds})
                self._counters.slow_closed["stalled"] += 1
                subscriber.transport.abort()
            elif subscriber.position is None:
                if subscriber.feed not in chunks:
                    chunks[subscriber.feed] = subscriber.feed.heartbeat(fence)
                subscriber.send_heartbeat(chunks[subscriber.feed])
                self._counters.heartbeats += 1
            self.add(subscriber)
