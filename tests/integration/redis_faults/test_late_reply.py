"""A reply of Redis that is late on one connection while others work, for example after packet loss."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import redis.asyncio

from sse_hub.broker.keys import LogKeys, Partition
from sse_hub.config import Config
from sse_hub.history.lease import Role
from sse_hub.history.reader import LogReader
from sse_hub.history.recorder import Recorder
from sse_hub.hub.hub import Hub
from sse_hub.tasks import cancel_and_wait
from tests.support.in_memory import publish
from tests.support.servers import RedisServer
from tests.support.settings import DEADLINE_SECONDS


class Network:
    """A proxy in front of a server. While `delaying`, it holds back the reply to an append to the log."""

    def __init__(self, server: RedisServer) -> None:
        self.delaying = False
        self.delayed = asyncio.Event()
        self.mended = asyncio.Event()
        self.port = 0
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())  # type: ignore[arg-type]  # there is one
        answers, server = await asyncio.open_connection("127.0.0.1", self._server.port)
        late = asyncio.Event()

        async def back() -> None:
            while data := await answers.read(2**16):
                if late.is_set():
                    self.delayed.set()
                    await self.mended.wait()
                writer.write(data)

        backward = asyncio.create_task(back())
        self._tasks.add(backward)
        try:
            while data := await reader.read(2**20):
                if self.delaying and b"sse-hub:log:" in data:
                    late.set()
                server.write(data)
        finally:
            server.close()
            writer.close()

    async def close(self) -> None:
        await cancel_and_wait(self._tasks)


@asynccontextmanager
async def network(server: RedisServer) -> AsyncIterator[Network]:
    between = Network(server)
    async with await asyncio.start_server(between.serve, "127.0.0.1", 0) as listening:
        between.port = listening.sockets[0].getsockname()[1]
        yield between
        await between.close()


async def within(work: Awaitable[object]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        await work


async def test_a_gap_is_recorded_even_when_the_reply_to_the_earlier_append_is_late(own_server: RedisServer) -> None:
    """The session is cut while an append is in flight, and the recorder restarts before it gets the reply."""
    now = int(time.time() * 1000)
    config = Config.read({}, {})
    async with network(own_server) as between:
        commands = redis.asyncio.Redis(port=between.port, protocol=2)
        hub = Hub(config)
        log_keys = LogKeys.of(Partition(), config.ingest)
        log = LogReader(commands, log_keys, config.retain_ms)
        recorder = Recorder(config, commands, log_keys, hub.ingest, log)
        hub.ingest.session_started(now)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (await recorder.request_lease()).role is not Role.BEGAN_LOG:  # noqa: ASYNC110  # it is the answer's turn
                await asyncio.sleep(0.05)
        recording = asyncio.create_task(recorder.run())
        try:
            publish(hub, "log", "1")
            hub.ingest.fence_received(now + 1)
            await within(log.wait_complete(now + 1))

            between.delaying = True
            publish(hub, "log", "2")
            hub.ingest.fence_received(now + 2)
            await within(between.delayed.wait())
            between.delaying = False
            hub.ingest.session_lost()
            hub.ingest.session_started(now + 4)
            assert (await recorder.request_lease()).role is Role.TOOK_OVER
            between.mended.set()
            hub.ingest.fence_received(now + 5)
            await within(log.wait_complete(now + 5))
            breaks = await log.gaps(now, now + 5)
        finally:
            await cancel_and_wait([recording])
            await log.close()
            await commands.aclose()

    assert [(str(hole.after), str(hole.before)) for hole in breaks.gaps] == [(f"{now + 2}-0", f"{now + 4}-0")]
