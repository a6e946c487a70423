"""The effect of a recorder on the rings, without a Redis."""

import pytest
import redis.asyncio

from sse_hub.broker.keys import LogKeys, Partition
from sse_hub.config import Config
from sse_hub.history.append_batch import AppendBatch
from sse_hub.history.reader import LogReader
from sse_hub.history.recorder import Recorder
from sse_hub.hub import registry as directory
from tests.support.in_memory import new_hub, publish


async def test_recording_a_forgotten_channel_keeps_the_memory_count_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    hub, _ = new_hub(ring_lines="100")
    commands = redis.asyncio.Redis()
    log_keys = LogKeys.of(Partition(), ("*",))
    recorder = Recorder(Config(), commands, log_keys, hub.ingest, LogReader(commands, log_keys, 1000))
    hub.ingest.memory.recording = True
    publish(hub, "flood", *["x"] * 80)
    publish(hub, "flood", *["x"] * 80)
    flood = hub.ingest.registry["flood"]
    for n in range(12):
        hub.ingest.fence_received(hub.ingest.last_fence + 1_000)
        publish(hub, f"c{n}", "x")
    assert hub.ingest.registry.get(b"flood") is None

    appended = [AppendBatch(flood, [], 1, 160, 160, 0)]
    recorder._round.mark_appended(appended)
    recorder._release_recorded(appended)

    assert hub.ingest.memory.bytes == sum(each.ring.size for each in hub.ingest.registry)
