"""
The hub compared with a model of what every subscriber must receive, over random histories.

    random publishes, fences, cuts, joins, resumes, stalls --> hub in memory --> each client: lines ∪ gaps = published

The histories are seeded: a failure names its seed and can be repeated.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from sse_hub.hub.backend import LogGap
from sse_hub.hub.filter_budget import FilterBudget
from sse_hub.hub.hub import Hub
from sse_hub.hub.replay import read_merged
from sse_hub.hub.start_position import After, StartAt, Tail
from sse_hub.protocol.ids import Cursor, EventId
from tests.support.in_memory import Client, MemoryLog, MemorySource, new_hub, publish
from tests.support.settings import at_scale
from tests.support.sse_client import Event

CHANNELS = ["a.1", "a.2", "b.1"]
SELECTIONS = [("a.1",), ("b.1",), ("a.1", "b.1"), ("b.1", "a.2", "a.1"), ("a.*",), ("a.*", "b.1"), ("*",)]
STEPS = 200
Id = tuple[int, float]
# What viewers filter by, and which lines that lets pass: of a line that was lost, nobody knows.
FILTERS: dict[str, Callable[[float], bool]] = {
    "": lambda n: True,
    "n=1,3,40": lambda n: n in (1, 3, 40) or n % 1 > 0,
    "n>4 channel=*.1": lambda n: n > 4,
    "/n.{3}7/": lambda n: f"{n}".startswith("7"),
    "n=0": lambda n: n % 1 > 0,
}


@dataclass
class Viewer:
    """A client and what it received: lines by channel, and gaps by channel or pattern."""

    client: Client
    selection: tuple[str, ...]
    batch: bool
    filter: str
    joined: int
    lines: dict[str, list[Id]] = field(default_factory=dict)
    gaps: list[dict[str, object]] = field(default_factory=list)
    dead: set[tuple[str, Id]] = field(default_factory=set)

    def read(self) -> None:
        for event in (*self.client.greeting, *self.client.events()):
            if event.type == "gap":
                self.gaps.append(event.json)
                continue
            for channel, n in self.rows(event):
                self.lines.setdefault(channel, []).append(n)
        self.client.greeting = []

    def rows(self, event: Event) -> list[tuple[str, Id]]:
        records = [json.loads(row[2]) for row in event.json] if self.batch else [event.json]
        return [(record["channel"], (record["fence"], record["n"])) for record in records]

    def watches(self, channel: str) -> bool:
        if "channel=*.1" in self.filter and not channel.endswith(".1"):
            return False
        return any(channel == name or (name.endswith("*") and channel.startswith(name[:-1])) for name in self.selection)

    def passes(self, id: Id) -> bool:
        return FILTERS[self.filter](id[1])

    def received(self) -> set[tuple[str, Id]]:
        return {(channel, id) for channel, ids in self.lines.items() for id in ids}

    def told_of(self, channel: str, id: Id) -> bool:
        """True if a gap of `channel`, or of a pattern that matches it, covers `id`."""
        return any(
            (gap["channel"] == channel or str(gap["channel"]).endswith("*"))
            and (gap["after"] is None or spelled(gap["after"]) < id)
            and id < spelled(gap["before"])
            for gap in self.gaps
        )


def spelled(id: object) -> Id:
    fence, n = str(id).split("-")
    return int(fence), int(n)


def line_of(channel: str, id: Id) -> str:
    return json.dumps({"channel": channel, "fence": id[0], "n": id[1]})


class Model:
    """Drives a hub at random, and keeps what was published and what no session received."""

    CHANCES: ClassVar = {
        "publish": 60, "fence": 15, "cut": 1, "failover": 1, "fork": 1, "bus": 2, "join": 4, "resume": 8, "stall": 12,
        "busy": 2,
    }  # fmt: skip

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.hub: Hub = new_hub(ring_lines="100")[0]
        self.published: list[tuple[str, Id]] = []
        self.viewers: list[Viewer] = []
        self.counts: dict[str, tuple[int, int]] = {}
        # Lines of dead branches. And the fence before which nothing can be of another branch than the present one.
        self.dead: set[tuple[str, Id]] = set()
        self.settled = 0

    def publish(self) -> None:
        channel = self.random.choice(CHANNELS)
        lines = []
        for _ in range(self.random.choice([1, 1, 2, 7, 40])):
            id = self.next_id(channel, self.hub.ingest.last_fence)
            self.published.append((channel, id))
            self.record(channel, id)
            lines.append(line_of(channel, id))
        publish(self.hub, channel, *lines)

    def next_id(self, channel: str, fence: int) -> Id:
        counted, n = self.counts.get(channel, (0, 0))
        self.counts[channel] = (fence, n + 1 if counted == fence else 1)
        return self.counts[channel]

    def record(self, channel: str, id: Id) -> None:
        """Nobody does."""

    def fence(self) -> None:
        self.hub.ingest.fence_received(self.hub.ingest.last_fence + self.random.randint(1, 5))

    def bus(self) -> None:
        """Over some fences, lines are lost among others that are received: they have no ids, but a place."""
        after = self.hub.ingest.last_fence
        for _ in range(self.random.randint(1, 2)):
            for _ in range(self.random.randint(0, 3)):
                channel = self.random.choice(CHANNELS)
                counted, n = self.counts.get(channel, (0, 0))
                fence = self.hub.ingest.last_fence
                self.published.append((channel, (fence, (n if counted == fence else 0) + 0.5)))
                self.publish()
            self.fence()
        self.hub.ingest.lines_missing(after, "bus")
        self.lost_on_the_bus(after)

    def lost_on_the_bus(self, after: int) -> None:
        """Nobody records it."""

    def fork(self) -> None:
        """The hub has been on a dead branch for a while: meanwhile others have published on the living one."""
        fences = self.hub.ingest.fences
        # Not from before the last fork: that would be a third branch.
        received = [fence for fence in fences.newest(8) if fence > self.settled]
        if len(received) < 2:
            return
        self.hub.ingest.session_lost()
        common = self.random.choice(received[:-1])
        last = received[-1]
        self.dead |= {(channel, id) for channel, id in self.published if id > (common, 0)}
        issued = {id[0] for _, id in self.published}
        free = [each for each in range(common + 1, last + 8) if each not in fences and each not in issued]
        living = sorted(self.random.sample(free, self.random.randint(1, 4)))
        fence = max(last, living[-1]) + self.random.randint(1, 5)
        self.counts = {}
        self.living_lines(common, living, fence)
        self.hub.ingest.session_forked(common, fence)
        self.settled = fence
        for viewer in self.viewers:
            viewer.read()
            viewer.dead = viewer.received() & self.dead

    def living_lines(self, common: int, living: list[int], fence: int) -> None:
        """Lines on the living branch, whose fences are `living`; the hub joins it at `fence`."""
        for each in living:
            for channel in self.random.sample(CHANNELS, self.random.randint(0, 3)):
                for _ in range(self.random.randint(1, 30)):
                    id = self.next_id(channel, each)
                    self.published.append((channel, id))
                    self.record(channel, id)

    def cut(self, reason: str = "recorder-down") -> None:
        """Lines that no session receives, then a new session."""
        fence = self.hub.ingest.last_fence
        for channel in CHANNELS:
            seen, n = self.counts.get(channel, (0, 0))
            self.published.append((channel, (fence, n + 1 if seen == fence else 1)))
        self.hub.ingest.session_started(fence + self.random.randint(1, 5), reason)

    async def tail(self) -> None:
        """A viewer that starts with a tail gets every line published after it joined."""
        await self.join(self.random.choice([Tail(self.random.randint(1, 50)), None]))

    async def join(self, origin: StartAt | None = None, like: Viewer | None = None) -> None:
        selection = like.selection if like else self.random.choice(SELECTIONS)
        batch = self.random.random() < 0.4
        filter = like.filter if like else self.random.choice(["", "", *FILTERS])
        joined = len(self.published)
        client = await Client(self.hub, *selection, batch=batch, filter=filter).open(origin)
        viewer = Viewer(client, selection, batch, filter, joined)
        if like:
            viewer.joined = like.joined
            viewer.lines = {channel: ids.copy() for channel, ids in like.lines.items()}
            viewer.gaps = like.gaps.copy()
            viewer.dead = like.dead
        self.viewers.append(viewer)

    async def resume(self) -> None:
        """A viewer disconnects, and resumes with the last id it received."""
        viewer = self.viewers.pop(self.random.randrange(len(self.viewers)))
        await viewer.client.close()
        viewer.read()
        if viewer.client.last_event_id:
            await self.join(After(Cursor.parse(viewer.client.last_event_id)), viewer)

    async def stall(self) -> None:
        client = self.random.choice(self.viewers).client
        if client.transport.clogged:
            client.transport.unclog()
        else:
            client.transport.clog()
        await client.settle()

    def busy(self) -> None:
        """Filters have no time to look at lines, or have time again."""
        self.hub.ingest.filter_budget = budget = FilterBudget(self.random.choice([0, 1]))
        for channel in self.hub.ingest.registry:
            if channel.filtered:
                channel.filtered._budget = budget

    async def other(self, step: str) -> None:
        """A step that only a subclass takes."""

    async def take(self, step: str) -> None:
        """A step by its name in CHANCES."""
        match step:
            case "publish":
                self.publish()
            case "fence":
                self.fence()
            case "cut":
                self.cut()
            case "failover":
                self.cut("failover")
            case "fork":
                self.fork()
            case "bus":
                self.bus()
            case "busy":
                self.busy()
            case "join":
                await self.tail()
            case "resume" if self.viewers:
                await self.resume()
            case "stall" if self.viewers:
                await self.stall()
            case _:
                await self.other(step)

    async def run(self) -> None:
        await self.join()
        for _ in range(STEPS):
            await self.take(self.random.choices(list(self.CHANCES), list(self.CHANCES.values()))[0])
        for viewer in self.viewers:
            if viewer.client.transport.clogged:
                viewer.client.transport.unclog()
            # A replay reads many pages.
            for _ in range(20):
                await viewer.client.settle()
        for feed in self.hub._feeds.values():
            feed.flush()
        for viewer in self.viewers:
            viewer.read()

    def judge(self, viewer: Viewer) -> None:
        repeats_allowed = any("*" in name for name in viewer.selection)
        for channel in CHANNELS:
            received = viewer.lines.get(channel, [])
            if repeats_allowed:
                received = sorted(set(received))
            assert received == sorted(set(received)), "lines are in order and not repeated"
            assert all(map(viewer.passes, received)), f"{viewer.filter!r} refuses some of {received}"
            replayed = (viewer.received() & self.dead) - viewer.dead
            assert not replayed, f"{viewer.selection}: lines of a dead branch came later: {sorted(replayed)[:5]}"
            expected = [id for name, id in self.published[viewer.joined :] if name == channel and viewer.watches(name)]
            # Of a dead branch, nobody on the living one can know.
            missing = [
                id
                for id in expected
                if id not in set(received) and (channel, id) not in self.dead and viewer.passes(id)
            ]
            untold = [id for id in missing if not viewer.told_of(channel, id)]
            assert not untold, (
                f"{viewer.selection} batch={viewer.batch} {viewer.filter!r}: {channel} {untold[:5]} lost without a gap"
            )


class RecordedModel(Model):
    """
    The same with a log that another process writes, late and trimmed. A cut session is backfilled from it, unless the
    session of that process was cut too.
    """

    CHANCES = Model.CHANCES | {"mend": 4, "flush": 20, "trim": 2}

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.log = MemoryLog(self.random, self.hub.ingest.last_fence)
        self.hub.connect(MemorySource(self.hub), self.log)
        self.unrecorded: list[tuple[str, Id]] = []

    def record(self, channel: str, id: Id) -> None:
        self.unrecorded.append((channel, id))

    def flush(self) -> None:
        """The other process catches up with recording."""
        for channel, id in self.unrecorded:
            self.log.add(channel, EventId(id[0], int(id[1])), line_of(channel, id).encode())
        self.unrecorded = []
        self.log.watermark = self.hub.ingest.last_fence

    def trim(self) -> None:
        self.log.trim(self.random.choice(CHANNELS), self.random.choice([0, 10, 100]))

    def cut(self, reason: str = "recorder-down") -> None:
        before = self.hub.ingest.last_fence
        self.flush()
        super().cut(reason)
        self.log_gap(before, self.hub.ingest.last_fence, reason)

    def log_gap(self, after: int, before: int, reason: str) -> None:
        self.log.broken.append(LogGap(None, EventId(after, 0), EventId(before, 0), None, reason))

    def lost_on_the_bus(self, after: int) -> None:
        self.log_gap(after, self.hub.ingest.last_fence, "bus")

    def living_lines(self, common: int, living: list[int], fence: int) -> None:
        """The other process was on the living branch, and had lost what came before its first fence."""
        self.unrecorded = [(channel, id) for channel, id in self.unrecorded if id <= (common, 0)]
        self.flush()
        self.log.fork(common)
        self.log_gap(common, living[0], "failover")
        super().living_lines(common, living, fence)
        for channel, id in self.unrecorded:
            self.log.add(channel, EventId(id[0], int(id[1])), line_of(channel, id).encode())
        self.unrecorded = []
        self.log.watermark = fence

    async def other(self, step: str) -> None:
        match step:
            case "mend":
                await self.mend()
            case "flush":
                self.flush()
            case "trim":
                self.trim()

    async def mend(self) -> None:
        """
        Only the other process hears some lines, over some fences, and records them, see `history/backfill.py`.

        It may lose its session, too, before this one has another, which may fail to read the log.
        """
        self.flush()
        self.hub.ingest.session_lost()
        last = self.hub.ingest.last_fence
        fence = last
        for _ in range(self.random.randint(0, 3)):
            for channel in self.random.sample(CHANNELS, self.random.randint(0, 3)):
                for _ in range(self.random.randint(1, 60)):
                    id = self.next_id(channel, fence)
                    self.published.append((channel, id))
                    self.log.add(channel, EventId(id[0], int(id[1])), line_of(channel, id).encode())
            fence += self.random.randint(1, 3)
        fence += 1
        filled_to = self.log.watermark = fence
        if self.random.random() < 0.3:
            for channel in CHANNELS:
                self.published.append((channel, self.next_id(channel, fence)))
            fence += self.random.randint(1, 3)
            self.log_gap(filled_to, fence, "failover")
        if self.random.random() < 0.3:
            self.hub.ingest.session_started(fence, "failover")
            self.log.watermark = fence
            return
        after = {}
        for name, newest in (await self.log.last_ids(filled_to)).items():
            channel_known = self.hub.ingest.registry.get(name.encode())
            had = max(EventId(last, 0), channel_known.ring.last) if channel_known else EventId(last, 0)
            if newest > had:
                after[name] = had
        async for parts in read_merged(self.log, after, last, filled_to):
            self.hub.ingest.fill(parts)
        self.hub.ingest.session_backfilled(fence, filled_to, "failover")
        self.log.watermark = fence


@pytest.mark.parametrize("model", [Model, RecordedModel])
@pytest.mark.parametrize("seed", range(at_scale(8, 400)))
async def test_over_random_histories_every_line_is_received_or_reported_as_a_gap(model: type[Model], seed: int) -> None:
    history = model(seed)

    await history.run()

    for viewer in history.viewers:
        history.judge(viewer)
        await viewer.client.close()
