"""A client that is behind catches up, out of the ring and out of the log."""

import asyncio
import random
import socket
from contextlib import suppress

from sse_hub.hub.backend import Page
from sse_hub.hub.catch_up import CHUNK_BYTES
from sse_hub.hub.ring import BATCH_OVERHEAD_BYTES
from sse_hub.hub.start_position import After
from sse_hub.protocol.ids import Cursor, EventId
from tests.support.in_memory import Client, MemoryLog, MemoryTransport, line, new_hub, numbers, publish


class DeafLog(MemoryLog):
    """A log whose reads ignore cancellation, as redis-py's connections sometimes do."""

    def __init__(self) -> None:
        super().__init__(random.Random(1), 1)
        self.asked = asyncio.Event()

    async def page(self, channel: str, after: EventId, until: EventId) -> Page:
        self.asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return await super().page(channel, after, until)


async def test_a_slow_subscriber_catches_up_from_the_ring() -> None:
    hub, _ = new_hub()
    slow, fast = await Client(hub, "log").open(), await Client(hub, "log").open()
    slow.transport.clog()
    for n in range(1000):
        publish(hub, "log", line(n))
    assert slow.events() == []
    assert numbers(fast.events()) == list(range(1000))

    slow.transport.unclog()
    await slow.settle()
    publish(hub, "log", line(1000))

    assert numbers(slow.events()) == list(range(1001))


async def test_a_subscriber_that_falls_behind_the_ring_gets_one_exact_gap_and_then_the_ring() -> None:
    hub, _ = new_hub(ring_lines="100")
    slow = await Client(hub, "log").open()
    publish(hub, "log", line(0))
    slow.transport.clog()
    for n in range(1, 501):
        publish(hub, "log", line(n))

    slow.transport.unclog()
    await slow.settle()
    publish(hub, "log", line(501))

    first, gap, *held = slow.events()
    assert (first.json["n"], numbers(held)) == (0, list(range(401, 502)))
    assert gap.json == {"channel": "log", "after": "11-1", "before": "11-402", "lost": 400, "reason": "slow"}
    assert (gap.id, held[0].id) == ("11-1", "11-402")


async def test_more_gaps_than_fit_in_a_chunk_hide_neither_the_gap_nor_later_lines() -> None:
    hub, _ = new_hub()
    channels = 2 * CHUNK_BYTES // BATCH_OVERHEAD_BYTES
    for n in range(channels):
        publish(hub, f"c{n}", line(n))
    cursor = After(Cursor(hub.ingest.last_fence, (0,)))
    await Client(hub, "*").open()
    hub.ingest.session_started(90)
    publish(hub, "c0", line(-1))

    client = await Client(hub, "*").open(cursor)

    events = client.events()
    assert [event.json["channel"] for event in events if event.type == "gap"] == ["*"]
    assert events[-1].json["n"] == -1
    assert len(events) == channels + 2


async def test_a_resuming_client_may_pause_as_long_as_a_live_one() -> None:
    """After this time, Linux drops a peer that acknowledges but does not read."""
    hub, _ = new_hub()
    publish(hub, "log", line(1))
    with socket.socket() as connection:
        client = Client(hub, "log")
        client.transport = MemoryTransport(connection)
        client.transport.clog()

        await client.open(After(Cursor(10, (0,))))
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000

        client.transport.unclog()
        await client.settle()
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
        await client.close()


async def test_lines_read_for_a_departed_client_are_discarded() -> None:
    hub, source = new_hub()
    log = DeafLog()
    log.watermark = 10
    log.add("log", EventId(5, 1), b'{"n": 1}')
    hub.connect(source, log)
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    client = await Client(hub, "log").open(After(Cursor.parse("4-0")))
    await log.asked.wait()

    await client.close()
    await client.settle()

    assert failed == []
    assert numbers(client.events()) == []
    assert hub.subscribers == 0
