"""
What resuming clients must receive: an independent account of all lines, and clients compared with it.

    RepeatingPublisher --> Redis --> reference_of() --> Reference.after(channel, id)  ==  what come_back() received
"""

import asyncio
import bisect
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from tests.support.load import Id, Publisher
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import DEADLINE_SECONDS
from tests.support.sse_client import Event, Stream, open_stream
from tests.support.waiting import wait_until

# How often Python switches between the threads that count and publish, and the clients. The default of 5 ms would add
# to every wait.
SWITCH_SECONDS = 0.0002
SAME_LINE = '{"level": "info", "message": "same line"}'

Line = tuple[Id, str]
Place = Mapping[str, Id]
"""Up to which line a client has had each channel; all in the same fence."""


class RepeatingPublisher(Publisher):
    """Three of ten lines have the same text, so that only their ids differ."""

    def line(self, seq: int) -> str:
        return SAME_LINE if seq % 10 < 3 else super().line(seq)


@dataclass
class Reference:
    """The lines of some channels in Redis's order, and the time of each fence, as seen by a separate connection."""

    lines: dict[str, list[Line]]
    fences: list[tuple[int, float]] = field(default_factory=list)

    def after(self, channel: str, id: Id) -> list[Line]:
        """The lines of `channel` after `id`."""
        lines = self.lines[channel]
        return lines[bisect.bisect_right(lines, id, key=lambda line: line[0]) :]

    def place(self, oldest_seconds: float) -> Place:
        """A random place in the last `oldest_seconds`: a fence, and a number of each channel's lines after it."""
        moment = time.monotonic() - random.uniform(0, oldest_seconds)
        at = max(0, bisect.bisect_left(self.fences, moment, key=lambda fence: fence[1]) - 1)
        fence = self.fences[at][0]
        until = self.fences[at + 1][0] if at + 1 < len(self.fences) else fence + 1
        place = {}
        for channel, lines in self.lines.items():
            first, end = [bisect.bisect_left(lines, Id(each, 0), key=lambda line: line[0]) for each in (fence, until)]
            place[channel] = Id(fence, random.randint(0, end - first))
        return place

    def now(self) -> Place:
        """The last line of each channel."""
        return {channel: lines[-1][0] for channel, lines in self.lines.items() if lines}


@contextmanager
def reference_of(server: RedisServer, *channels: str) -> Iterator[Reference]:
    """The account of `channels`, which must be new. It is complete when the block has ended."""
    account = Reference({channel: [] for channel in channels})
    counts: dict[str, int] = {}

    def take(name: str, payload: str) -> None:
        if name == "sse-hub:fence":
            counts.clear()
            account.fences.append((int(payload), time.monotonic()))
        elif account.fences:
            counts[name] = counts.get(name, 0) + 1
            account.lines[name].append((Id(account.fences[-1][0], counts[name]), payload))

    def watch() -> None:
        with server.client() as client, client.pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.subscribe("sse-hub:fence", "end-of-reference", *channels)
            while True:
                push: dict[str, Any] | None = pubsub.get_message(timeout=DEADLINE_SECONDS)
                if push is None:
                    continue
                if push["channel"] == b"end-of-reference":
                    return
                take(push["channel"].decode(), push["data"].decode())

    switch_seconds = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            # Every later line has an id: a hub issues about one fence per second.
            wait_until(lambda: bool(account.fences), "a fence has come")
            yield account
        finally:
            with server.publisher() as client:
                client.publish("end-of-reference", "")
            watching.result()
            sys.setswitchinterval(switch_seconds)


@dataclass(frozen=True)
class Shape:
    """One kind of request for `channels`: by name or by `pattern`, with or without `batch=1`, beginning at `begin`."""

    channels: Sequence[str]
    pattern: str = ""
    batch: bool = False
    begin: str = "tail=0"

    @property
    def query(self) -> str:
        names = [self.pattern] if self.pattern else self.channels
        return "&".join([*(f"channel={name}" for name in names), f"batch={int(self.batch)}", self.begin])

    def cursor(self, place: Place) -> str:
        """The `Last-Event-ID` for `place`. For a pattern it is a fence, so `place` must be one."""
        [fence] = {id.fence for id in place.values()}
        return f"{fence}-{'0' if self.pattern else '.'.join(str(place[name].n) for name in self.channels)}"

    def start(self, place: Place) -> Place:
        """The place from which a client that resumes with the cursor of `place` gets lines."""
        return {name: Id(place[name].fence, 0 if self.pattern else place[name].n) for name in self.channels}

    def lines(self, event: Event) -> list[tuple[str, Line]]:
        """The lines of `event`, each with its channel. A pattern has ids of lines only with `batch=1`."""
        if self.batch:
            assert event.type == "lines", event
            return [(name, (Id.parse(id), line)) for id, name, line, _ in event.json]
        assert event.type == "message", event
        if len(self.channels) == 1 and not self.pattern:
            return [(self.channels[0], (Id.parse(event.id), event.data))]
        assert not self.pattern
        name = event.json["@channel"]
        fence, _, counts = event.id.partition("-")
        n = int(counts.split(".")[self.channels.index(name)])
        return [(name, (Id(int(fence), n), event.data.replace(f'"@channel":"{name}",', "", 1)))]


# All kinds of requests, each with its own way to identify a line.
CHANNELS = ["a", "b", "c"]
SHAPES = [
    Shape(["a"]),
    Shape(["b"], batch=True),
    Shape(CHANNELS),
    Shape(CHANNELS, batch=True),
    Shape(CHANNELS, pattern="*", batch=True),
]


@dataclass
class Received:
    """What a client received: lines by channel, gaps, the wait for the first event, and the number of reconnects."""

    lines: dict[str, list[Line]]
    gaps: list[Event] = field(default_factory=list)
    waited_seconds: float = 0.0
    reconnects: int = 0
    last_event_id: str = ""
    # The fence with which its first stream began.
    fence: int = 0

    @property
    def count(self) -> int:
        return sum(map(len, self.lines.values()))

    def reaches(self, place: Place) -> bool:
        """True if it has all lines up to `place`."""
        return all(self.lines[name] and self.lines[name][-1][0] >= id for name, id in place.items())

    @property
    def finished(self) -> bool:
        """True if it has the last line of each channel."""
        return all(lines and '"last": true' in lines[-1][1] for lines in self.lines.values())

    def without_repeats(self) -> dict[str, list[Line]]:
        """Drop repeated lines by channel and id: only lines of the cursor's fence can be repeated."""
        return {name: [line for line, _ in groupby(sorted(lines))] for name, lines in self.lines.items()}

    def take(self, event: Event, shape: Shape) -> None:
        self.last_event_id = event.id
        if event.type == "gap":
            self.gaps.append(event)
            return
        for name, line in shape.lines(event):
            self.lines[name].append(line)


async def come_back(
    hubs: Sequence[HubProcess], shape: Shape, cursor: str, enough: Callable[[Received], bool]
) -> Received:
    """
    Open a stream with `cursor` on any of `hubs`, and read until `enough` is true.

    Like an EventSource, reconnect with the last id when the stream ends or nobody answers.
    """
    received = Received({name: [] for name in shape.channels}, last_event_id=cursor)
    started = time.monotonic()
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            url = f"{random.choice(hubs).url}/message?{shape.query}"
            headers = {"Last-Event-ID": received.last_event_id} if received.last_event_id else {}
            async with open_stream(url, headers) as stream:
                if await read_on(stream, received, shape, started, enough):
                    return received
        received.reconnects += 1
        # The hub was killed, is stopping, or gets no replies from Redis.
        await asyncio.sleep(0.05)


async def read_on(
    stream: Stream, received: Received, shape: Shape, started: float, enough: Callable[[Received], bool]
) -> bool:
    """Add to `received` until `enough` is true. False if the stream ends before."""
    received.fence = received.fence or int(stream.last_event_id.split("-")[0])
    received.last_event_id = stream.last_event_id
    async for event in stream:
        received.waited_seconds = received.waited_seconds or stream.read_at - started
        received.take(event, shape)
        if enough(received):
            return True
    received.last_event_id = stream.last_event_id
    return False


async def follow(stream: Stream, shape: Shape) -> tuple[Received, Place]:
    """Everything up to the last line of each channel, and the place where `stream` began."""
    received = Received({name: [] for name in shape.channels})
    assert await read_on(stream, received, shape, 0.0, lambda received: received.finished), "the stream has ended"
    return received, {name: Id(received.fence, 0) for name in shape.channels}


def assert_received(account: Reference, received: Received, shape: Shape, begin: Place) -> None:
    """AssertionError unless `received` is exactly what follows `begin`: nothing missing, repeated or out of order."""
    assert not received.gaps, [gap.data for gap in received.gaps]
    lines = received.without_repeats() if shape.pattern and received.reconnects else received.lines
    for name, got in lines.items():
        wait_until(lambda name=name, got=got: not got or account.now()[name] >= got[-1][0], "the reference has all")  # type: ignore[misc]
        wanted = account.after(name, begin[name])[: len(got)]
        assert got == wanted, f"{shape.query} from {begin}: {_first_difference(got, wanted)}"


def _first_difference(got: list[Line], wanted: list[Line]) -> str:
    at = next(
        (at for at, (one, other) in enumerate(zip(got, wanted, strict=False)) if one != other),
        min(len(got), len(wanted)),
    )
    return f"at {at} of {len(got)}: got {got[at : at + 2]}, wanted {wanted[at : at + 2]}"


def assert_gaps(account: Reference, received: Received, shape: Shape) -> None:
    """AssertionError unless `received` equals the reference except for lines that its gaps cover."""
    lines = received.without_repeats() if shape.pattern else received.lines
    for name, got in lines.items():
        told = [gap.json for gap in received.gaps if gap.json["channel"] in (name, shape.pattern)]
        bounds = [(Id.parse(gap["after"]), Id.parse(gap["before"])) for gap in told]
        ids = {id for id, _ in got}
        wanted = [line for line in account.after(name, Id(received.fence, 0)) if line[0] <= got[-1][0]]
        assert got == [line for line in wanted if line[0] in ids]
        for id, _ in wanted:
            assert id in ids or any(after < id < before for after, before in bounds), f"{id} is missing, {told}"
