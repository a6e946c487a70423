"""Reading the log: pages in both directions have the same lines, whatever their size, and are bounded in bytes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import redis.asyncio

from sse_hub.broker.keys import LogKeys, Partition
from sse_hub.history.reader import PAGE_BYTES, LogReader
from sse_hub.hub.backend import LogGap, Page
from sse_hub.protocol.ids import EventId
from tests.support.servers import RedisServer

END = EventId(10**9, 0)
LARGE = 1_000_000
KEYS = LogKeys.of(Partition(), ["none"])


@asynccontextmanager
async def log_on(server: RedisServer) -> AsyncIterator[LogReader]:
    async with redis.asyncio.Redis.from_url(server.url) as commands:
        # Separate keys, with a log that is complete up to END.
        await commands.set(KEYS.watermark, END.fence)
        await commands.xadd(KEYS.gaps, {"a": "0", "r": "recorder-down"})
        log = LogReader(commands, KEYS, retain_ms=3_600_000)
        yield log
        await log.close()


def append(server: RedisServer, channel: str, sizes: Sequence[int]) -> None:
    """One line of each size, on two fences, and a gap in the middle."""
    with server.client() as client:
        pipeline = client.pipeline(transaction=False)
        for n, size in enumerate(sizes, 1):
            field = "g" if n == len(sizes) // 2 else "l"
            pipeline.xadd(f"sse-hub:log:{channel}", {field: "trimmed 3" if field == "g" else "x" * size}, id=f"7-{n}")
        pipeline.xadd(f"sse-hub:log:{channel}", {"l": "last"}, id="9-1")
        pipeline.execute()


def ids_of(page: Page) -> list[EventId | LogGap]:
    found: list[EventId | LogGap] = []
    for part in page.parts:
        if isinstance(part, LogGap):
            found.append(part)
        else:
            batch, start, stop = part
            found += [EventId(batch.fence, batch.first + offset) for offset in range(start, stop)]
    return found


async def forwards(log: LogReader, channel: str) -> list[Page]:
    pages = [await log.page(channel, EventId(0, 0), END)]
    while pages[-1].more:
        pages.append(await log.page(channel, pages[-1].last, END))
    return pages


async def backwards(log: LogReader, channel: str) -> list[Page]:
    pages = await log.pages_before([(channel, END)], END)
    while pages[-1].more:
        pages += await log.pages_before([(channel, pages[-1].last)], END)
    return pages[::-1]


async def test_forward_and_backward_pages_read_the_same_log(server: RedisServer, channel: str) -> None:
    append(server, channel, [200] * 6_000)
    async with log_on(server) as log:
        there = [id for page in await forwards(log, channel) for id in ids_of(page)]
        back = [id for page in await backwards(log, channel) for id in ids_of(page)]
        newest = await log.newest_ids(channel, END, 10)

    assert len(there) == 6_001
    assert LogGap(channel, EventId(7, 2_999), EventId(7, 3_001), 3, "trimmed") in there
    assert back == there
    assert newest == there[:-11:-1]


async def test_large_lines_after_small_ones_do_not_exceed_the_page_size(server: RedisServer, channel: str) -> None:
    append(server, channel, [20] * 3_000 + [LARGE] * 20)
    async with log_on(server) as log:
        pages = [*await forwards(log, channel), *await backwards(log, channel)]

    sizes = [sum(part[0].size for part in page.parts if not isinstance(part, LogGap)) for page in pages]
    assert max(sizes) < LARGE + 5 * PAGE_BYTES
