"""What a recorder does to rings, without a Redis."""

import pytest
import redis.asyncio

from sse_hub.broker.keys import LogKeys
from sse_hub.config import Config
from sse_hub.history.append_batch import AppendBatch
from sse_hub.history.reader import LogReader
from sse_hub.history.recorder import Recorder
from sse_hub.hub import registry as directory
from tests.unit.memory import new_hub, publish


async def test_memory_is_counted_rightly_when_lines_are_recorded_of_a_channel_that_was_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    hub, _ = new_hub(ring_lines="100")
    commands = redis.asyncio.Redis()
    recorder = Recorder(Config(), commands, hub.ingest, LogReader(commands, LogKeys.of(("*",)), 1000))
    hub.ingest.memory.recording = True
    publish(hub, "flood", *["x"] * 80)
    publish(hub, "flood", *["x"] * 80)
    flood = hub.ingest.registry["flood"]
    for n in range(12):
        hub.ingest.fence_received(hub.ingest.last_fence + 1)
        publish(hub, f"c{n}", "x")
    assert hub.ingest.registry.get(b"flood") is None

    recorder._mark_appended([AppendBatch(flood, [], 1, 160, 160, 0)])

    assert hub.ingest.memory.bytes == sum(each.ring.size for each in hub.ingest.registry)
