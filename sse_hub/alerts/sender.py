"""
The sender: gives each alert of the outbox to its destinations, in the one process that records.

    outbox --> run(), once a second and when woken --> DestinationQueue of each destination --> Destination.send()
    states() <-- how far each destination is, in Redis <-- the process that records

When another process takes over recording, it goes on from where each destination is marked to be. What was sent and not
marked is sent again, with the same id.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sse_hub.alerts.destination_queue import DestinationQueue
from sse_hub.alerts.destinations.kinds import create_destination
from sse_hub.alerts.destinations.sending import Destination
from sse_hub.alerts.destinations.settings import DestinationSettings
from sse_hub.alerts.outbox import BEGINNING, CHANNEL_NAME, PAGE, DestinationProgress, Outbox, OutboxEntry, order_of
from sse_hub.errors import OutboxUnavailable
from sse_hub.hub.counters import Counters
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
TRIM_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class DestinationState:
    """A destination for people: how many alerts wait for it, and why, or ''."""

    name: str
    kind: str
    waiting: int
    error: str


class Sender:
    """
    One process's part in sending. `lease` returns the value of the lease while this process records, else None.

    `channel` is the destination that gets every alert, or None. `new_alerts` is set when there are some in the outbox;
    those of which nothing says so are found within a second.
    """

    def __init__(
        self,
        outbox: Outbox,
        channel: Destination | None,
        counters: Counters,
        lease: Callable[[], str | None],
        new_alerts: asyncio.Event,
    ) -> None:
        self._outbox = outbox
        self._counters = counters
        self._lease = lease
        self._settings: Mapping[str, DestinationSettings] = {}
        self._own = {} if channel is None else {CHANNEL_NAME: channel}
        self._destinations: dict[str, Destination] = dict(self._own)
        self._dropped: list[Destination] = []
        self._queues: list[DestinationQueue] = []
        self._unknown: set[str] = set()
        self._known = False
        self._changed = False
        self._new_alerts = new_alerts
        self._count_from_zero()

    def use(self, settings: Mapping[str, DestinationSettings]) -> None:
        """
        From now on, `settings` are the destinations. They have been checked by parse_destination().

        Before the first call nothing is sent: what is not known to have a destination would be removed.
        """
        self._known = True
        if settings == self._settings:
            return
        kept = {name for name, each in settings.items() if self._settings.get(name) == each}
        self._dropped += [each for name, each in self._destinations.items() if name not in {*self._own, *kept}]
        self._destinations = self._own | {
            name: self._destinations[name] if name in kept else create_destination(each)
            for name, each in settings.items()
        }
        self._settings = dict(settings)
        self._unknown = set()
        self._changed = True
        self._count_from_zero()
        self._new_alerts.set()

    async def run(self) -> None:
        """Send while this process records, until cancelled."""
        failing = False
        try:
            while True:
                try:
                    lease = self._lease()
                    if self._known and lease is not None:
                        await self._send(lease)
                    failing = False
                except OutboxUnavailable as error:
                    if not failing:
                        logger.warning("alerts_unreadable error=%(error)r", {"error": str(error)})
                    failing = True
                await self._wait()
        finally:
            for each in (*self._destinations.values(), *self._dropped):
                await each.close()

    def waiting(self) -> dict[str, int]:
        """How many alerts wait for each destination, as far as this process sends them: 0 if another one does."""
        counts = dict.fromkeys(self._destinations, 0)
        return counts | {each.name: each.waiting for each in self._queues if each.name in counts}

    async def states(self) -> list[DestinationState]:
        """All destinations, as the process that sends has marked them a second ago. Raises OutboxUnavailable."""
        progress = await self._outbox.progress()
        states = []
        for name, destination in self._destinations.items():
            at = progress.get(name, DestinationProgress())
            states.append(DestinationState(name, destination.kind, at.waiting, at.error))
        return states

    # While this process records.

    async def _send(self, lease: str) -> None:
        """
        Send until the lease is another one, or the destinations are. Raises OutboxUnavailable.

        Another lease of the same process means another session, perhaps with another server. Its outbox may have less
        in it, and smaller ids.
        """
        self._changed = False
        while self._dropped:
            await self._dropped.pop().close()
        marked = await self._outbox.progress()
        self._queues = [
            DestinationQueue(
                name, destination, self._outbox, self._counters, lease, marked.get(name, DestinationProgress())
            )
            for name, destination in self._destinations.items()
        ]
        tasks = [asyncio.create_task(each.run(), name="alerts") for each in self._queues]
        try:
            await self._follow(lease, tasks)
        finally:
            await cancel_and_wait(tasks)
            self._queues = []

    async def _follow(self, lease: str, tasks: list["asyncio.Task[None]"]) -> None:
        """Hand each new entry of the outbox to the queues, and keep the outbox short."""
        loop = asyncio.get_running_loop()
        read_to = min((each.position for each in self._queues), key=order_of, default=BEGINNING)
        trim_at = loop.time() + TRIM_SECONDS
        while self._lease() == lease and not self._changed:
            for task in tasks:
                if task.done():
                    # Its lease is lost; or it has failed, which is a bug.
                    task.result()
                    return
            read_to = await self._read_on(read_to)
            for each in self._queues:
                await each.refresh_mark()
            if loop.time() >= trim_at:
                trim_at = loop.time() + TRIM_SECONDS
                first_kept = min((each.position for each in self._queues), key=order_of, default=read_to)
                await self._outbox.trim(lease, first_kept)
            await self._wait()

    async def _read_on(self, read_to: str) -> str:
        """Hand out what comes after the entry `read_to`; the id of the last one that was."""
        while True:
            entries = await self._outbox.read(read_to)
            for entry in entries:
                for each in self._queues:
                    each.offer(entry)
                self._note_unknown(entry)
                read_to = entry.id
            if len(entries) < PAGE:
                return read_to

    def _note_unknown(self, entry: OutboxEntry) -> None:
        """Say once which destination a rule names that is not in the rule file any more."""
        for name in entry.alert.to if entry.alert else ():
            if name not in self._destinations and name not in self._unknown:
                self._unknown.add(name)
                logger.warning("alert_destination_unknown destination=%(destination)r", {"destination": name})

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._new_alerts.wait()
        self._new_alerts.clear()

    def _count_from_zero(self) -> None:
        """Each series begins at 0: Prometheus sees no increase where one begins."""
        for counts in (self._counters.alerts_sent, self._counters.alert_failures, self._counters.alerts_given_up):
            for name in self._destinations:
                counts.setdefault(name, 0)
