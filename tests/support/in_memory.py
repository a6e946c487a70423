"""Real implementations without a network: a transport, a source and a log in memory, and a client."""

import asyncio
import json
import random
import socket
from collections.abc import Iterable, Mapping, Sequence

from sse_hub.config import Config
from sse_hub.filters.compile import compile_filter
from sse_hub.history.stream_entries import parse_entries
from sse_hub.hub.backend import LogGap, LogGaps, Page
from sse_hub.hub.hub import Hub
from sse_hub.hub.start_position import Now, StartAt
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection
from tests.support.sse_client import Decoder, Event, check_event


class MemoryTransport(asyncio.Transport):
    """
    Keeps what is written. clog() and unclog() stop and resume its client's reading.

    `connection` is a socket whose options the code under test may set.
    """

    def __init__(self, connection: socket.socket | None = None) -> None:
        super().__init__({"socket": connection})
        self.written = self.last = b""
        self.clogged = False
        self.closed = False
        self.lost = False
        self.aborted = False
        self._protocol: asyncio.BaseProtocol | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        # As uvloop does.
        if self.lost:
            raise RuntimeError("the handler is closed")
        self.written += data
        self.last = bytes(data)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol
        if self.clogged:
            protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def clog(self) -> None:
        """Its client reads no more from now on."""
        self.clogged = True
        if self._protocol:
            self._protocol.pause_writing()

    def unclog(self) -> None:
        """Its client reads again."""
        self.clogged = False
        if self._protocol:
            self._protocol.resume_writing()

    def close(self) -> None:
        self.closed = True
        asyncio.get_running_loop().call_soon(self.lose)

    def abort(self) -> None:
        self.aborted = True
        self.close()

    def is_closing(self) -> bool:
        return self.closed

    def lose(self) -> None:
        """The connection ends."""
        self.closed = self.lost = True
        protocol, self._protocol = self._protocol, None
        if isinstance(protocol, asyncio.Protocol):
            protocol.connection_lost(None)


class MemorySource:
    """A source that only notes joins: the test itself gives lines and fences to the hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.followed: list[str] = []
        self.left: list[str] = []

    async def join(self, names: Sequence[str]) -> int:
        self.followed += names
        for name in names:
            self.hub.ingest.channel_subscribed(name)
        self.hub.ingest.fence_received(self.hub.ingest.last_fence + 1)
        return self.hub.ingest.last_fence

    def fail_waiting(self) -> None:
        pass

    def leave(self, names: Sequence[str]) -> None:
        self.left += names


class MemoryLog:
    """
    A log that the test writes. Lines are there as soon as they are added. It is complete up to `watermark`, and each
    channel is trimmed up to its id in `trimmed`. Replies come some loop iterations later.
    """

    def __init__(self, chance: random.Random, beginning: int) -> None:
        self.watermark = beginning
        self.catching_up = False
        self.trimmed: dict[str, EventId] = {}
        self.broken: list[LogGap] = [LogGap(None, EventId(0, 0), EventId(beginning, 0), None, "recorder-down")]
        self._chance = chance
        self._lines: dict[str, list[tuple[EventId, bytes]]] = {}

    def add(self, channel: str, id: EventId, line: bytes) -> None:
        """Record a line."""
        self._lines.setdefault(channel, []).append((id, line))

    def trim(self, channel: str, count: int) -> None:
        """Drop all but the last `count` lines of `channel`."""
        lines = self._lines.get(channel, [])
        if len(lines) > count:
            self.trimmed[channel] = lines[-count - 1][0]
            self._lines[channel] = lines[len(lines) - count :]

    def fork(self, common: int) -> None:
        """Another server has taken over, which has nothing after the fence `common`."""
        limit = EventId(common, 0)
        self.watermark = min(self.watermark, common)
        self.trimmed = {channel: min(id, limit) for channel, id in self.trimmed.items()}
        self.broken = [hole._replace(before=min(hole.before, limit)) for hole in self.broken if hole.after < limit]
        self._lines = {
            channel: [(id, line) for id, line in lines if id <= limit] for channel, lines in self._lines.items()
        }

    def leave_branch(self) -> None:
        """Nothing was kept of what was read."""

    async def wait_complete(self, fence: int) -> int:
        await self._late()
        return self.watermark

    async def page(self, channel: str, after: EventId, until: EventId) -> Page:
        await self._late()
        found = [(id, line) for id, line in self._lines.get(channel, []) if after < id <= until]
        wanted = self._chance.randint(1, 20)
        entries = [(str(id).encode(), {b"l": line}) for id, line in found[:wanted]]
        parts = parse_entries(channel, after, entries)
        trimmed = self.trimmed.get(channel, EventId(0, 0))
        if trimmed > after:
            before = found[0][0] if found else EventId(trimmed.fence, trimmed.n + 1)
            parts.insert(0, LogGap(channel, after, before, None, "trimmed"))
        more = len(found) > wanted
        return Page(parts, found[wanted - 1][0] if more else until, more)

    async def newest_ids(self, channel: str, until: EventId, limit: int) -> list[EventId]:
        await self._late()
        return [id for id, _ in self._lines.get(channel, [])[::-1] if id <= until][:limit]

    async def gaps(self, after: int, until: int) -> LogGaps:
        await self._late()
        end = EventId(until, 0)
        holes = [hole for hole in self.broken if hole.before.fence > after and hole.after < end]
        holes = [hole for hole in holes if not hole.overlaps or hole.before <= end]
        return LogGaps("", [hole._replace(before=min(hole.before, end)) for hole in holes])

    async def last_ids(self, until: int) -> Mapping[str, EventId]:
        await self._late()
        return self.trimmed | {channel: lines[-1][0] for channel, lines in self._lines.items() if lines}

    async def matching_ids(self, selection: Selection, until: int, first: bool = False) -> dict[str, EventId]:
        return {name: last for name, last in (await self.last_ids(until)).items() if selection.matches(name)}

    def forgotten_gap(self, pattern: str) -> LogGap | None:
        return None

    async def _late(self) -> None:
        for _ in range(self._chance.choice([0, 0, 1, 5])):
            await asyncio.sleep(0)


class Client:
    """
    A subscriber with its transport. `events()` returns the events since the last call, but for checkpoints: those are
    in `checkpoints`.
    """

    def __init__(
        self,
        hub: Hub,
        *channels: str,
        batch: bool = False,
        guard: int = 0,
        heartbeat_seconds: int = 0,
        filter: str = "",
    ) -> None:
        self.transport = MemoryTransport()
        self.greeting: list[Event] = []
        self.checkpoints: list[Event] = []
        self._hub = hub
        self._selection = Selection.parse(channels)
        self._batch = batch
        self._guard = guard
        self._filter = compile_filter(filter, 0) if filter else None
        self._heartbeat_seconds = heartbeat_seconds
        self._decoder = Decoder()
        self._read = 0

    async def open(self, origin: StartAt | None = None) -> "Client":
        shape = (self._batch, self._guard, self._filter)
        prepared = await self._hub.prepare_stream(self._selection, origin or Now(), *shape)
        self.greeting = self._without_checkpoints(self._decoder.feed(prepared.first_frames))
        self._hub.subscribe(prepared, self.transport, self._heartbeat_seconds).start()
        await self.settle()
        return self

    async def close(self) -> None:
        self.transport.lose()
        await self.settle()

    async def settle(self) -> None:
        """Run the loop until all ready tasks have run."""
        for _ in range(20):
            await asyncio.sleep(0)

    def events(self) -> list[Event]:
        new, self._read = self.transport.written[self._read :], len(self.transport.written)
        return self._without_checkpoints(self._decoder.feed(b"".join(_bodies(new))))

    def _without_checkpoints(self, events: list[Event]) -> list[Event]:
        for event in events:
            check_event(event)
        self.checkpoints += [event for event in events if event.type == "checkpoint"]
        return [event for event in events if event.type != "checkpoint"]

    @property
    def last_event_id(self) -> str:
        return self._decoder.last_event_id

    @property
    def ended(self) -> bool:
        return self.transport.closed


def _bodies(chunked: bytes) -> list[bytes]:
    bodies = []
    while chunked:
        head, _, rest = chunked.partition(b"\r\n")
        size = int(head, 16)
        bodies.append(rest[:size])
        chunked = rest[size + 2 :]
    return bodies


def new_hub(**options: str) -> tuple[Hub, MemorySource]:
    """A hub with a session that began at fence 10."""
    hub = Hub(Config.read(options, {}))
    source = MemorySource(hub)
    hub.connect(source)
    hub.ingest.session_started(10)
    return hub, source


def publish(hub: Hub, channel: str, *lines: str) -> None:
    """Publish `lines`, which arrive in one read."""
    hub.ingest.lines_received({channel.encode(): [line.encode() for line in lines]})


def numbers(events: Iterable[Event]) -> list[int]:
    """The numbers in the lines among `events`."""
    return [event.json["n"] for event in events if event.type == "message"]


def line(n: int) -> str:
    """A line with the number `n`."""
    return json.dumps({"n": n})
