"""
Clients that resume on another hub, and readers of what is recorded, as histories for numbered_judge.

    RoamingClient.run() --> history          replayed(), paged(), exported() --> History
"""

import asyncio
import csv
import io
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import Event as ThreadEvent
from threading import Thread
from urllib.parse import quote

from tests.support.http_client import fetch
from tests.support.load import Id
from tests.support.numbered_judge import Gap, Got, History, Number
from tests.support.numbered_publishers import NumberedPublisher
from tests.support.oracle import Shape
from tests.support.servers import HubProcess
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.sse_client import Event, Stream, open_stream
from tests.support.waiting import wait_until

RETRY_SECONDS = 0.05
WATCH_SECONDS = 0.02
# Of hundreds of thousands of lines at full scale.
REPLAY_SECONDS = DEADLINE_SECONDS * at_scale(1, 10)


class RoamingClient:
    """
    Reads `shape` over as many connections as it takes, each to a random one of `hubs`, and resumes as an EventSource.

    `history` is what it got. `opened` is set when all that is published from then on is owed to it. `connects` counts
    its streams, `cuts` those that cut() has ended; `waits` has the seconds that each took until it was open. `is_open`
    is true while it has one.
    """

    def __init__(self, name: str, hubs: Sequence[HubProcess], shape: Shape) -> None:
        self.history = History(name, shape.channels)
        self.opened = asyncio.Event()
        self.connects = 0
        self.cuts = 0
        self.waits: list[float] = []
        self._hubs = hubs
        self._shape = shape
        self._cursor = ""
        self._reading: asyncio.Task[None] | None = None
        self.is_open = False

    def cut(self) -> None:
        """Cut its stream, if it has one. It resumes at once."""
        if self._reading:
            self._reading.cancel()
            self.cuts += self.is_open
            self.is_open = False

    async def run(self) -> None:
        """Read for ever: until the task is cancelled."""
        while True:
            reading = self._reading = asyncio.create_task(self._read())
            try:
                await asyncio.wait([reading])
            finally:
                self._reading, self.is_open = None, False
                reading.cancel()
                await asyncio.wait([reading])
            with suppress(asyncio.CancelledError, OSError, EOFError, TimeoutError):
                reading.result()
            # A browser waits for the hub's `retry:`; this is the same, only shorter.
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self) -> None:
        url = f"{random.choice(self._hubs).url}/message?{self._shape.query}"
        headers = {"Last-Event-ID": self._cursor} if self._cursor else {}
        started = time.monotonic()
        async with open_stream(url, headers) as stream:
            self._begin(stream, started)
            async for event in stream:
                self._take(event)
                self._cursor = event.id
            self._cursor = stream.last_event_id

    def _begin(self, stream: Stream, started: float) -> None:
        self.connects += 1
        self.is_open = True
        self.waits.append(time.monotonic() - started)
        self._cursor = self._cursor or stream.last_event_id
        # A hub that is not ready answers too, and ends the stream; its cursor says from where all is owed.
        if not self.opened.is_set():
            self.history.since = time.monotonic()
            self.history.begin = Id(int(self._cursor.split("-")[0]), 0)
            self.opened.set()

    def _take(self, event: Event) -> None:
        self.history.items += _items(event, self._shape)


def _items(event: Event, shape: Shape) -> list[Got | Gap]:
    if event.type == "gap":
        return [_gap(event.json)]
    if event.type in ("auth", "refused"):
        return []
    # Millions of lines have many readers each.
    return [Got(name, id, sys.intern(text)) for name, (id, text) in shape.lines(event)]


def _gap(told: dict[str, str]) -> Gap:
    # Of a dead branch, nobody may know where it left the living one.
    return Gap(told["channel"], Id.parse(told["after"] or "0-0"), Id.parse(told["before"]), told["reason"])


@asynccontextmanager
async def roaming(*clients: RoamingClient) -> AsyncIterator[None]:
    """Run `clients` for the duration of the block, which begins when all are open. Their errors are raised."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.run()) for client in clients]
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await asyncio.gather(*(client.opened.wait() for client in clients))
            yield
        finally:
            for task in tasks:
                task.cancel()


async def finish(
    publishers: Sequence[NumberedPublisher], clients: Sequence[RoamingClient], seconds: float = DEADLINE_SECONDS
) -> None:
    """
    Return when each of `clients` has a last line of each of `publishers`, which no longer run, on each of its channels.

    They publish last lines until then, since some may still be lost. AssertionError after `seconds`.
    """
    ended = {each.name: dict(each.last) for each in publishers}
    firsts = [len(client.history.items) for client in clients]
    for each in publishers:
        assert each.stopped.is_set(), f"{each.name} still runs"

    def newest(client: RoamingClient, first: int) -> dict[tuple[str, str], int]:
        """The newest last line that `client` has of each publisher and channel, 0 if none."""
        found = {(p.name, c): 0 for p in publishers for c in p.channels if c in client.history.channels}
        for item in client.history.items[first:]:
            if isinstance(item, Got) and item.number.seq > ended[item.number.publisher].get(item.channel, 0):
                key = (item.number.publisher, item.channel)
                found[key] = max(found[key], item.number.seq)
        return found

    deadline = time.monotonic() + seconds
    while lacking := [
        f"{client.history.name} lacks {key}"
        for client, first in zip(clients, firsts, strict=True)
        for key, seq in newest(client, first).items()
        if not seq
    ]:
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {lacking[:5]}"
        await asyncio.gather(*(asyncio.to_thread(each.publish_each) for each in publishers))
        # The next round, for lines that were lost; those of this one may be under way.
        await asyncio.sleep(RETRY_SECONDS)
    at = {sent.number: sent.at for each in publishers for sent in each.sent}
    for client, first in zip(clients, firsts, strict=True):
        # Of each publisher, all that it has sent until then came before a line that the client has.
        client.history.until = min(
            at[Number(publisher, channel, seq)] for (publisher, channel), seq in newest(client, first).items()
        )


# What is recorded.


async def replayed(hub: HubProcess, shape: Shape, since: str, last: Mapping[str, Id], name: str = "replay") -> History:
    """What `since=` brings at `hub`, until it has brought the line `last` of each channel that is named there."""
    awaited = dict(last)
    history = History(name, shape.channels, begin=Id.parse(since))
    query = shape.query.replace(shape.begin, f"since={since}")
    async with open_stream(f"{hub.url}/message?{query}") as stream, asyncio.timeout(REPLAY_SECONDS):
        async for event in stream:
            items = _items(event, shape)
            history.items += items
            for item in items:
                if isinstance(item, Got) and item.channel in awaited and item.id >= awaited[item.channel]:
                    del awaited[item.channel]
            if not awaited:
                return history
    raise AssertionError(f"the stream has ended after {len(history.items)} items")


def paged(hub: HubProcess, channels: Sequence[str], after: str, name: str = "history") -> History:
    """All pages of `/history` after the id `after`."""
    history = History(name, channels, begin=Id.parse(after))
    query = "&".join(f"channel={quote(each)}" for each in channels)
    more = True
    while more:
        answer = fetch(hub, f"/history?{query}&limit=5000&after={after}")
        assert answer.status == 200, answer.body
        page = answer.json
        lines = [Got(channel, Id.parse(id), sys.intern(text)) for id, channel, text, _ in page["lines"]]
        history.items += [*(_gap(each) for each in page["gaps"]), *lines]
        more = page["more"]
        after = page["reached"] or (str(lines[-1].id) if lines else after)
    return history


def exported(hub: HubProcess, channels: Sequence[str], name: str = "export") -> History:
    """All of `/export`, whose gaps have no ids: only its lines."""
    query = "&".join(f"channel={quote(each)}" for each in channels)
    answer = fetch(hub, f"/export?{query}&format=csv")
    assert answer.status == 200
    rows = csv.DictReader(io.StringIO(answer.body.decode()))
    items: list[Got | Gap] = [
        Got(row["channel"], Id.parse(row["id"]), sys.intern(row["line"])) for row in rows if row["id"]
    ]
    return History(name, channels, items)


# Readiness.


class Readiness:
    """When hubs were ready: `away` has, for each time without any ready hub, when it began and its seconds."""

    def __init__(self) -> None:
        self.away: list[tuple[float, float]] = []
        self.looks = 0
        self._since: float | None = None

    def note(self, ready: bool, now: float) -> None:
        """At the time `now` there is a ready hub, or none."""
        self.looks += 1
        if not ready and self._since is None:
            self._since = now
        elif ready and self._since is not None:
            self.away.append((self._since, now - self._since))
            self._since = None

    def end(self, now: float) -> None:
        """No more is looked at from `now` on."""
        self.note(True, now)

    @property
    def longest_seconds(self) -> float:
        """The longest time without a ready hub."""
        return max((seconds for _, seconds in self.away), default=0.0)


@contextmanager
def watched(hubs: Sequence[HubProcess]) -> Iterator[Readiness]:
    """Look at `hubs` about 50 times a second for the duration of the block."""
    readiness, stopped = Readiness(), ThreadEvent()

    def watch() -> None:
        while not stopped.wait(WATCH_SECONDS):
            readiness.note(any(hub.process.poll() is None and hub.ready() for hub in hubs), time.monotonic())

    thread = Thread(target=watch)
    thread.start()
    try:
        yield readiness
    finally:
        stopped.set()
        thread.join()
        readiness.end(time.monotonic())


async def were_cut(clients: Sequence[RoamingClient], count: int) -> None:
    """Return when `clients` together have been cut `count` times."""
    await asyncio.to_thread(
        wait_until, lambda: sum(client.cuts for client in clients) >= count, f"{count} cuts", 10 * DEADLINE_SECONDS
    )


async def at_random(clients: Sequence[RoamingClient], every_seconds: Callable[[], float]) -> None:
    """Cut one of `clients` after another that has a stream, at random, for ever: until the task is cancelled."""
    while True:
        await asyncio.sleep(every_seconds())
        if streaming := [client for client in clients if client.is_open]:
            random.choice(streaming).cut()
