"""Which channels a hub follows, remembers and forgets, and how much memory their rings take."""

import gc
import json

import pytest

from sse_hub.errors import LimitExceeded
from sse_hub.hub import registry as directory
from sse_hub.hub.channel import Channel
from sse_hub.hub.start_position import After, Tail
from sse_hub.protocol.ids import Cursor
from tests.support.in_memory import Client, line, new_hub, numbers, publish


def channels_in_memory() -> int:
    gc.collect()
    return sum(isinstance(each, Channel) for each in gc.get_objects())


async def test_a_channel_outside_ingest_is_followed_until_its_last_subscriber_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "FORGET_AFTER_SECONDS", -1.0)
    hub, source = new_hub(ingest="none")
    first, second = await Client(hub, "log").open(), await Client(hub, "log").open()

    hub.tick()
    publish(hub, "log", line(1))

    assert source.left == []
    assert numbers(first.events()) == numbers(second.events()) == [1]

    await first.close()
    await second.close()
    hub.tick()
    assert source.left == ["log"]


async def test_a_channel_with_lines_since_the_last_fence_is_not_forgotten() -> None:
    hub, _ = new_hub(new_channels_per_second="0")
    for n in range(10_050):
        publish(hub, f"c{n}", line(n))
    assert len(list(hub.ingest.registry)) == 10_050, "all have lines since the last fence"

    hub.ingest.fence_received(60)
    publish(hub, "one-more", line(0))

    assert len(list(hub.ingest.registry)) == 9_051


async def test_the_largest_ring_shrinks_when_memory_is_full() -> None:
    hub, _ = new_hub(ring_megabytes="1")
    publish(hub, "quiet", line(1))
    for n in range(300):
        publish(hub, "loud", json.dumps({"n": n, "text": "x" * 10_000}))

    quiet = await Client(hub, "quiet").open(Tail(10))
    loud = await Client(hub, "loud").open(Tail(1000))

    assert numbers(quiet.events()) == [1]
    assert 80 < len(numbers(loud.events())) < 120


async def test_patterns_that_come_and_go_keep_the_memory_count_right() -> None:
    hub, _ = new_hub(ring_megabytes="1")
    for round in range(200):
        client = await Client(hub, *[f"p{n}.*" for n in range(32)]).open()
        hub.ingest.session_started(hub.ingest.last_fence + 1)
        await client.close()
        publish(hub, "log", line(round))

    assert sum(channel.ring.size for channel in hub.ingest.registry) == hub.ingest.memory.bytes


async def test_a_forgotten_channel_is_a_gap_for_its_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    hub, _ = new_hub()
    publish(hub, "app.1", line(1))
    for n in range(12):
        hub.ingest.fence_received(hub.ingest.last_fence + 10)
        publish(hub, f"c{n}", line(n))

    client = await Client(hub, "app.*").open(After(Cursor(10, (0,))))

    assert [event.json["channel"] for event in client.events() if event.type == "gap"] == ["app.*"]


async def test_lines_of_channels_beyond_the_limit_are_reported_to_patterns_as_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 5)
    monkeypatch.setattr(directory, "MAX_CHANNELS_KNOWN", 5)
    hub, _ = new_hub()
    client = await Client(hub, "*").open()

    for n in range(8):
        publish(hub, f"c{n}", line(n))
    hub.ingest.fence_received(60)
    publish(hub, "c9", line(9))

    events = client.events()
    gaps = [event.json for event in events if event.type == "gap"]
    assert len(events) - len(gaps) == 5
    assert [(gap["channel"], gap["after"], gap["before"]) for gap in gaps] == [
        ("*", "11-0", "12-0"),
        ("*", "60-0", "61-0"),
    ]


async def test_forgotten_channels_are_freed_even_if_the_hub_does_not_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    hub, _ = new_hub()
    before = channels_in_memory()

    for n in range(100):
        hub.ingest.fence_received(hub.ingest.last_fence + 10)
        publish(hub, f"c{n}", line(n))
    for _ in range(60):
        # Until their rates are 0.
        hub.ingest.registry.tick()

    assert channels_in_memory() - before == len(hub.ingest.registry) == 10


@pytest.mark.parametrize("ingest", ["*", "other"], ids=["covered", "outside"])
async def test_requests_for_more_and_more_new_channels_are_refused_at_the_limit(
    monkeypatch: pytest.MonkeyPatch, ingest: str
) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    monkeypatch.setattr(directory, "MAX_CHANNELS_KNOWN", 20)
    hub, source = new_hub(ingest=ingest)
    known = await Client(hub, "c0").open()

    refused = 0
    for n in range(1, 100):
        try:
            client = await Client(hub, f"c{n}").open()
            # A channel with a subscriber cannot be forgotten, nor one outside the ingest patterns for a minute.
            if ingest != "*":
                await client.close()
        except LimitExceeded as error:
            assert error.reason == "channels"
            refused += 1
    again = await Client(hub, "c0").open()

    assert len(hub.ingest.registry) == 20
    assert refused == 80
    assert len(source.followed) <= 22
    publish(hub, "c0", line(1))
    assert (numbers(known.events()), numbers(again.events())) == ([1], [1])


async def test_r5_a_stream_of_a_pattern_does_not_keep_the_channels_of_a_flood_and_gets_each_line_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise nobody's new channels would be taken for as long as somebody watches all of them."""
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    monkeypatch.setattr(directory, "MAX_CHANNELS_KNOWN", 20)
    hub, _ = new_hub()
    everything, batched = await Client(hub, "*").open(), await Client(hub, "*", batch=True).open()
    behind = await Client(hub, "*").open()
    behind.transport.clog()

    for n in range(200):
        publish(hub, f"c{n % 60}", line(n))
        hub.ingest.fence_received(hub.ingest.last_fence + 10)
    await batched.settle()

    assert len(hub.ingest.registry) <= 10
    assert numbers(everything.events()) == list(range(200))
    lines = [
        json.loads(text)["n"] for event in batched.events() if event.type == "lines" for _, _, text, _ in event.json
    ]
    assert lines == sorted(lines)
    behind.transport.unclog()
    await behind.settle()
    events = behind.events()
    assert [event.type for event in events].count("gap") >= 1, "what the rings have forgotten, without a log"
    assert numbers(events)[-1] == 199
    assert numbers(events) == sorted(set(numbers(events)))


async def test_a_joined_channel_is_not_forgotten_to_make_room_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_CHANNELS_HELD", 10)
    hub, _ = new_hub()
    for n in range(10):
        publish(hub, f"c{n}", line(n))
    hub.ingest.fence_received(60)

    client = await Client(hub, "c0", "new").open()
    publish(hub, "new", line(1))

    assert numbers(client.events()) == [1]
