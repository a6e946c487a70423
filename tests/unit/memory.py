"""Real implementations without a network: a transport that keeps what is written, a source in memory, a client."""

import asyncio
from collections.abc import Sequence

from sse_hub.config import Config
from sse_hub.hub import Hub
from sse_hub.origin import Now, Origin
from sse_hub.position import Position
from sse_hub.selection import Selection
from tests.sse import Decoder, Event


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; `waiting` bytes are said not to have been sent yet."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.waiting = 0
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted


class MemorySource:
    """A source whose lines and fences the test gives to the hub itself."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.followed: list[str] = []
        self.left: list[str] = []

    async def join(self, names: Sequence[str]) -> int:
        self.followed += names
        for name in names:
            self.hub.follow(name)
        self.hub.fence(self.hub.last_fence + 1)
        return self.hub.last_fence

    def refuse(self) -> None:
        pass

    def leave(self, names: Sequence[str]) -> None:
        self.left += names


class Client:
    """A subscriber with its transport: `events()` gives what has come since the last call."""

    def __init__(self, hub: Hub, *channels: str, batch: bool = False) -> None:
        self.transport = MemoryTransport()
        self.greeting: list[Event] = []
        self._hub = hub
        self._selection = Selection.parse(channels)
        self._batch = batch
        self._decoder = Decoder()
        self._read = 0
        self._task: asyncio.Task[None] | None = None
        self.draining = asyncio.Event()
        self.draining.set()

    async def open(self, origin: Origin | None = None) -> "Client":
        position, frames = await self._hub.join(self._selection, origin or Now())
        self.greeting = self._decoder.feed(frames)
        self._task = asyncio.create_task(self._run(position))
        await self.settle()
        return self

    async def close(self) -> None:
        assert self._task
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def settle(self) -> None:
        """Let every task that can run, run."""
        for _ in range(20):
            await asyncio.sleep(0)

    def events(self) -> list[Event]:
        new, self._read = self.transport.written[self._read :], len(self.transport.written)
        return self._decoder.feed(b"".join(_bodies(new)))

    @property
    def last_event_id(self) -> str:
        return self._decoder.last_event_id

    @property
    def ended(self) -> bool:
        return self._task is not None and self._task.done()

    async def _run(self, position: Position) -> None:
        with self._hub.subscribe(self._selection, self._batch, self.transport, position) as subscriber:
            last = await subscriber.run(self._send)
            if last:
                await self._send(last)

    async def _send(self, frames: bytes) -> None:
        await self.draining.wait()
        self.transport.write(b"%x\r\n%b\r\n" % (len(frames), frames))


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
    hub.begin(10)
    return hub, source


def publish(hub: Hub, channel: str, *lines: str) -> None:
    """The lines come in one read."""
    hub.lines({channel.encode(): [line.encode() for line in lines]})
