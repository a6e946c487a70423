"""
One destination's part of sending: its alerts in order, each until it is taken or given up.

    Sender --> offer(entry) --> queue --> Destination.send() --> mark(): a successor goes on from there
                                  └── NotSent --> wait --> the same again, for at most a day --> given up, and told

Each destination has a task of its own, so one that is slow or away holds up no other.
"""

import asyncio
import logging
import random
import time
from collections import deque
from contextlib import suppress
from itertools import islice

from sse_hub.alerts.alert import Alert
from sse_hub.alerts.backoff import wait_seconds
from sse_hub.alerts.destinations.sending import Destination
from sse_hub.alerts.given_up import given_up_alerts
from sse_hub.alerts.outbox import DestinationProgress, Outbox, OutboxEntry, order_of
from sse_hub.errors import NotSent, OutboxUnavailable
from sse_hub.hub.counters import Counters

logger = logging.getLogger(__name__)

MAX_AGE_MS = 86_400_000
MAX_WAITING = 10_000
# So many at once are given up when there are more, so that one alert tells of them all.
OVERFLOW = 1_000
RETRY_SECONDS = 1.0


class DestinationQueue:
    """
    Sends to `destination`, called `name`, what comes after `progress`, until the lease is not `lease` any more.

    `error` says why it can't at present, or ''.
    """

    def __init__(
        self,
        name: str,
        destination: Destination,
        outbox: Outbox,
        counters: Counters,
        lease: str,
        progress: DestinationProgress,
    ) -> None:
        self.name = name
        self.error = ""
        self._destination = destination
        self._outbox = outbox
        self._counters = counters
        self._lease = lease
        self._position = progress.position
        self._marked = progress
        self._queue: deque[OutboxEntry] = deque()
        self._offered = asyncio.Event()
        self._overflowing = asyncio.Event()
        # A mark must not arrive after a later one.
        self._marking = asyncio.Lock()

    @property
    def kind(self) -> str:
        """What its destination is."""
        return self._destination.kind

    @property
    def waiting(self) -> int:
        """How many alerts wait."""
        return len(self._queue)

    @property
    def position(self) -> str:
        """The id of the last entry of the outbox that it does not need any more."""
        return self._position

    def offer(self, entry: OutboxEntry) -> None:
        """Take the next `entry` of the outbox, which is sent if it is for this destination."""
        if order_of(entry.id) <= order_of(self._position):
            return
        if entry.is_for(self.name):
            self._queue.append(entry)
            self._offered.set()
            if len(self._queue) > MAX_WAITING:
                self._overflowing.set()
        elif not self._queue:
            self._position = entry.id

    async def run(self) -> None:
        """Send until cancelled, or until this process has lost the lease."""
        failures = 0
        while await self._give_up_old():
            if not self._queue:
                await self._offered.wait()
                self._offered.clear()
                continue
            alerts = [each.alert for each in islice(self._queue, self._destination.at_once) if each.alert]
            try:
                await self._destination.send(alerts)
            except NotSent as error:
                failures += 1
                self._note_failure(str(error))
                if not await self._wait(wait_seconds(error, failures, random.random)):
                    return
            else:
                failures = 0
                self._note_success(len(alerts))
                if not await self._leave_behind(len(alerts)):
                    return

    async def refresh_mark(self) -> None:
        """Mark how far it is if that has changed, though nothing was sent. Raises OutboxUnavailable."""
        async with self._marking:
            # What is marked may be outdated by the time it is.
            progress = self._progress
            if progress != self._marked and await self._outbox.mark(self._lease, self.name, progress):
                self._marked = progress

    async def close(self) -> None:
        """Close the destination."""
        await self._destination.close()

    @property
    def _progress(self) -> DestinationProgress:
        return DestinationProgress(self._position, len(self._queue), self.error)

    async def _wait(self, seconds: float) -> bool:
        """Wait, and meanwhile give up what there is no room for. False when the lease is lost."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while loop.time() < deadline:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._overflowing.wait()
            # Not within the time-out, which could end it half-way.
            if self._overflowing.is_set() and not await self._give_up_old():
                return False
        return True

    async def _give_up_old(self) -> bool:
        """Give up the alerts that have waited for too long, or that are too many. False when the lease is lost."""
        self._overflowing.clear()
        oldest_ms = int(time.time() * 1000) - MAX_AGE_MS
        old = 0
        while old < len(self._queue) and self._queue[old].moment_ms < oldest_ms:
            old += 1
        why = "They were tried for 24 h."
        if len(self._queue) - old > MAX_WAITING:
            old = len(self._queue) - MAX_WAITING + OVERFLOW
            why = f"More than {MAX_WAITING} were waiting."
        if not old:
            return True
        lost = [self._queue[at].alert for at in range(old)]
        reason = f"{why} {self.error}".strip()
        told = given_up_alerts(self.name, [each for each in lost if each], reason, int(time.time() * 1000))
        self._counters.alerts_given_up[self.name] += old
        logger.error(
            "alerts_given_up destination=%(destination)s alerts=%(alerts)d error=%(error)r",
            {"destination": self.name, "alerts": old, "error": self.error},
        )
        return await self._leave_behind(old, told)

    async def _leave_behind(self, count: int, told: tuple[Alert, ...] = ()) -> bool:
        """The first `count` of the queue are done. Return when that is marked; False when the lease is lost."""
        async with self._marking:
            for _ in range(count):
                self._position = self._queue.popleft().id
            while True:
                progress = self._progress
                try:
                    marked = await self._outbox.mark(self._lease, self.name, progress, told)
                except OutboxUnavailable:
                    # Not sent again meanwhile: the next process will do that, if this one dies before it is marked.
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    self._marked = progress
                    return marked

    def _note_failure(self, error: str) -> None:
        self._counters.alert_failures[self.name] += 1
        if not self.error:
            logger.warning(
                "alert_not_sent destination=%(destination)s error=%(error)r",
                {"destination": self.name, "error": error},
            )
        self.error = error

    def _note_success(self, alerts: int) -> None:
        self._counters.alerts_sent[self.name] += alerts
        if self.error:
            logger.info("alert_destination_back destination=%(destination)s", {"destination": self.name})
        self.error = ""
