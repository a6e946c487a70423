"""A client that reads nothing is disconnected in time, even if it lags little and no new line comes."""

import asyncio

import pytest

from sse_hub.config import Config
from tests.support.in_memory import Client, new_hub, publish


@pytest.mark.parametrize("lines", [0, 3], ids=["quiet", "behind"])
async def test_s16_a_client_that_reads_nothing_is_disconnected_with_and_without_new_lines(lines: int) -> None:
    hub, _ = new_hub(stall_seconds="5", heartbeat_seconds="1")
    client, other = await Client(hub, "log").open(), await Client(hub, "log").open()
    client.transport.clog()
    now = asyncio.get_running_loop().time()
    publish(hub, "log", *(["{}"] * lines)) if lines else None

    for second in range(5):
        hub._wheel.tick(now + second, hub.ingest.last_fence)
    early = client.transport.aborted
    for second in range(5, 9):
        # What a client sends is no sign that it reads.
        for each in hub._feeds.values():
            for subscriber in each.subscribers:
                subscriber.data_received(b"x")
        hub._wheel.tick(now + second, hub.ingest.last_fence)

    assert (early, client.transport.aborted, other.transport.aborted) == (False, True, False)
    assert hub.counters.slow_closed["stalled"] >= 1
    assert Config().stall_seconds == 120
