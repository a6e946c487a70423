"""Lines missing among others, and dead branches, in the log: written once, and told by all that read it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio

from sse_hub.broker.keys import LogKeys, Partition
from sse_hub.config import Config
from sse_hub.history.lease import Role
from sse_hub.history.query import HistoryQuery
from sse_hub.history.reader import LogReader
from sse_hub.history.recorder import Recorder
from sse_hub.hub.backend import LogGap, Page
from sse_hub.hub.hub import Hub
from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.selection import Selection
from sse_hub.protocol.sse import Gap
from sse_hub.tasks import cancel_and_wait
from tests.support.in_memory import MemorySource, line, publish
from tests.support.servers import RedisServer
from tests.support.settings import PATIENCE

CONFIG = Config.read({}, {})


class Process:
    """A hub with a recorder on `server`, whose session began at the fence `since`."""

    def __init__(self, server: RedisServer, since: int) -> None:
        self.commands = redis.asyncio.Redis.from_url(server.url, protocol=2)
        self.hub = Hub(CONFIG)
        log_keys = LogKeys.of(Partition(), CONFIG.ingest)
        self.log = LogReader(self.commands, log_keys, CONFIG.retain_ms)
        self.recorder = Recorder(CONFIG, self.commands, log_keys, self.hub.ingest, self.log)
        self.hub.ingest.session_started(since)

    async def take(self, role: Role) -> None:
        async with asyncio.timeout(5 * PATIENCE):
            while (await self.recorder.request_lease()).role is not role:  # noqa: ASYNC110  # it is the answer's turn
                await asyncio.sleep(0.05)

    async def complete(self, fence: int) -> None:
        self.hub.ingest.fence_received(fence)
        async with asyncio.timeout(5 * PATIENCE):
            await self.log.wait_complete(fence)


@asynccontextmanager
async def recording(process: Process, role: Role) -> AsyncIterator[Process]:
    await process.take(role)
    task = asyncio.create_task(process.recorder.run())
    try:
        yield process
    finally:
        await cancel_and_wait([task])
        await process.recorder.finish()
        await process.log.close()
        await process.commands.aclose()


async def told(process: Process, after: EventId, until: int) -> list[object]:
    """The numbers of lines and the gaps that a file of the range has, in their order."""
    ingest = process.hub.ingest
    registry = ingest.registry
    query = HistoryQuery(process.log, MemorySource(process.hub), registry.covers, registry.names, ingest.fences)
    range_asked = await query.resolve_range(
        Selection.parse(["log"]), Cursor(after.fence, (after.n,)), Cursor(until, (0,))
    )
    found: list[object] = []
    async for items in query.iterate(range_asked):
        found += [item if isinstance(item, Gap) else json.loads(item.text)["n"] for item in items]
    page = await query.first_page(range_asked, 100, lambda _: None)
    assert page.gaps == [item for item in found if isinstance(item, Gap)]
    assert [json.loads(each.text)["n"] for each in page.lines] == [item for item in found if isinstance(item, int)]
    return found


async def test_lines_missing_among_others_are_recorded_once_and_told_with_their_own_bounds(
    own_server: RedisServer,
) -> None:
    now = int(time.time() * 1000)
    first, second = Process(own_server, now), Process(own_server, now)
    gap = Gap("log", f"{now + 10}-0", f"{now + 20}-0", None, "bus")
    for process in (first, second):
        publish(process.hub, "log", line(1))
        process.hub.ingest.fence_received(now + 10)
        publish(process.hub, "log", line(2), line(3))
    async with recording(first, Role.BEGAN_LOG):
        await first.complete(now + 15)
        second.hub.ingest.fence_received(now + 15)
        for process in (first, second):
            publish(process.hub, "log", line(4))
            process.hub.ingest.fence_received(now + 20)
            process.hub.ingest.lines_missing(now + 10, "bus")
            publish(process.hub, "log", line(5))
        await first.complete(now + 30)
        second.hub.ingest.fence_received(now + 30)

        assert await told(first, EventId(now, 0), now + 30) == [1, 2, 3, 4, gap, 5]
        assert await told(first, EventId(now + 10, 2), now + 30) == [4, gap, 5], "its own bounds"
        assert await told(first, EventId(now + 20, 0), now + 30) == [5]
    async with recording(second, Role.TOOK_OVER):
        await second.complete(now + 40)

        assert await told(second, EventId(now, 0), now + 40) == [1, 2, 3, 4, gap, 5]


async def test_a_recorder_that_takes_over_does_not_lose_what_the_one_before_had_not_noticed(
    own_server: RedisServer,
) -> None:
    now = int(time.time() * 1000)
    first, second = Process(own_server, now), Process(own_server, now)
    for process in (first, second):
        publish(process.hub, "log", line(1))
    async with recording(first, Role.BEGAN_LOG):
        await first.complete(now + 20)
    second.hub.ingest.fence_received(now + 10)
    second.hub.ingest.lines_missing(now, "bus")
    second.hub.ingest.fence_received(now + 20)
    async with recording(second, Role.TOOK_OVER):
        await second.complete(now + 30)

        gap = Gap("log", f"{now}-0", f"{now + 10}-0", None, "bus")
        assert await told(second, EventId(now, 0), now + 30) == [1, gap]


async def test_a_page_after_a_line_of_a_dead_branch_begins_where_that_left_the_living_one(
    own_server: RedisServer,
) -> None:
    now = int(time.time() * 1000)
    living, strayed = Process(own_server, now), Process(own_server, now)
    publish(living.hub, "log", line(1))
    living.hub.ingest.fence_received(now + 10)
    publish(living.hub, "log", line(2))
    strayed.hub.ingest.fence_received(now + 12)
    publish(strayed.hub, "log", line(7), line(8))
    async with recording(living, Role.BEGAN_LOG):
        await living.complete(now + 20)
        strayed.log.leave_branch()
        strayed.hub.ingest.session_forked(now, now + 20)
        await strayed.complete(now + 20)

        assert await told(strayed, EventId(now + 12, 1), now + 20) == [1, 2]
        assert await told(strayed, EventId(now + 10, 0), now + 20) == [2], "that fence is of the living one"
    await strayed.commands.aclose()


def lines_of(page: Page) -> list[bytes]:
    slices = [part for part in page.parts if not isinstance(part, LogGap)]
    return [text for batch, start, stop in slices for text in batch.lines[start:stop]]


async def test_a_reader_that_leaves_a_dead_branch_returns_nothing_of_it(own_server: RedisServer) -> None:
    """The living branch has the same log id: only the reader can know that it is another log."""
    now = int(time.time() * 1000)
    process = Process(own_server, now)
    publish(process.hub, "log", line(1))
    publish(process.hub, "dead", line(2))
    selection = Selection.parse(["*"])
    async with recording(process, Role.BEGAN_LOG):
        await process.complete(now + 10)
        log, until = process.log, EventId(now + 10, 0)
        log_id = (await log.gaps(now, now + 10)).log_id
        assert lines_of(await log.page("log", EventId(now, 0), until)) == [line(1).encode()]
        assert set(await log.matching_ids(selection, now + 10)) == {"log", "dead"}
        # The other server, which has another line instead.
        await process.commands.delete("sse-hub:log:log", "sse-hub:log:dead")
        await process.commands.xadd("sse-hub:log:log", {"l": line(3)}, id=f"{now}-1")
        await process.commands.hdel("sse-hub:channels", "dead")
        await process.commands.zrem("sse-hub:recent", "dead")
        assert lines_of(await log.page("log", EventId(now, 0), until)) == [line(1).encode()], "it was kept"

        log.leave_branch()

        assert (log.watermark, log.recording) == (0, False)
        assert await log.wait_complete(now + 10) == now + 10
        page = await log.page("log", EventId(now, 0), until)
        assert lines_of(page) == [line(3).encode()]
        assert page.log_id != log_id
        assert set(await log.matching_ids(selection, now + 10)) == {"log"}
