"""Live lines reach every subscriber: as frames or batches, with gaps and heartbeats."""

import time
from itertools import pairwise

import pytest

from sse_hub.hub.encoder import LINES_PER_FRAME
from tests.support.in_memory import Client, line, new_hub, numbers, publish


async def test_every_subscriber_gets_every_line_with_the_same_id() -> None:
    hub, _ = new_hub()
    clients = [await Client(hub, "log").open() for _ in range(3)]

    publish(hub, "log", line(1), line(2))
    hub.ingest.fence_received(50)
    publish(hub, "log", line(3))

    for client in clients:
        events = client.events()
        assert numbers(events) == [1, 2, 3]
        assert [event.id for event in events] == ["13-1", "13-2", "50-1"]


async def test_a_batch_is_encoded_once_for_all_subscribers() -> None:
    hub, _ = new_hub()
    clients = [await Client(hub, "log").open() for _ in range(3)]

    publish(hub, "log", line(1))

    first, second, third = (client.transport.last for client in clients)
    assert first is second is third
    assert line(1).encode() in first


async def test_a_pattern_subscriber_gets_channels_that_appear_later() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "shop.*").open()

    publish(hub, "shop.api", line(1))
    publish(hub, "other", line(2))
    publish(hub, "shop.mail", line(3))

    events = client.events()
    assert [(event.json["@channel"], event.json["n"]) for event in events] == [("shop.api", 1), ("shop.mail", 3)]
    assert {event.id for event in events} == {"11-0"}


async def test_a_cut_session_is_one_gap_with_exact_bounds() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log").open()
    publish(hub, "log", line(1), line(2))

    hub.ingest.session_started(90)
    publish(hub, "log", line(9))

    before, _, gap, after = client.events()
    assert gap.json == {"channel": "log", "after": "11-2", "before": "90-0", "lost": None, "reason": "recorder-down"}
    assert (before.id, gap.id, after.id) == ("11-1", "90-0", "90-1")


async def test_the_gaps_of_several_channels_keep_the_id_until_all_were_sent() -> None:
    """I7: an event without an id makes some clients forget theirs; a new one would skip the gaps that follow."""
    hub, _ = new_hub()
    client = await Client(hub, "a", "b", "c").open()
    publish(hub, "a", line(1))

    hub.ingest.session_started(90)
    publish(hub, "b", line(2))

    before, *gaps, after = client.events()
    assert [gap.json["channel"] for gap in gaps] == ["a", "b", "c"]
    assert {gap.id for gap in gaps} == {before.id}
    assert after.id == "90-0.1.0"


async def test_a_cut_is_reported_to_a_pattern_once_even_without_known_channels() -> None:
    hub, _ = new_hub()
    empty = await Client(hub, "shop.*").open()
    hub.ingest.session_started(90)
    assert [event.json["channel"] for event in empty.events()] == ["shop.*"]

    publish(hub, "shop.a", line(1))
    publish(hub, "shop.b", line(2))
    hub.ingest.session_started(190)

    assert [event.json.get("channel") for event in empty.events()] == [None, None, "shop.*"]


async def test_a_batch_stream_gets_rows_of_id_channel_text_and_moment() -> None:
    hub, _ = new_hub()
    started = time.monotonic()
    client = await Client(hub, "log", batch=True).open()

    publish(hub, "log", '{"n":\r\n1}', "text")

    (event,) = client.events()
    assert (event.type, event.id) == ("lines", "11-2")
    moment = event.json[0][3]
    assert event.json == [["11-1", "log", '{"n":\r\n1}', moment], ["11-2", "log", '{"info":"text"}', moment]]
    assert 11 <= moment <= 11 + (time.monotonic() - started) * 1_000


async def test_a_batch_feed_that_just_flushed_waits_unless_a_frame_is_full() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", batch=True).open()
    publish(hub, "log", line(0))
    assert len(client.events()) == 1

    publish(hub, "log", line(1))
    assert client.events() == []
    publish(hub, "log", *[line(n) for n in range(LINES_PER_FRAME + 1)])

    assert [len(event.json) for event in client.events()] == [LINES_PER_FRAME, 2]


async def test_a_heartbeat_is_a_comment_and_a_checkpoint_after_all_earlier_lines() -> None:
    hub, _ = new_hub(heartbeat_seconds="1")
    client = await Client(hub, "log", "other").open()
    publish(hub, "log", line(1))
    client.events()
    hub.ingest.fence_received(77)
    for _ in range(3):
        hub.tick()

    assert client.events() == []
    assert client.last_event_id == "77-0.0"
    assert client._decoder.comments
    assert {event.data for event in client.checkpoints} == {"{}"}


@pytest.mark.parametrize(("asked", "waits"), [(5, {5}), (10, {9, 10, 11}), (60, {*range(49, 72)})])
async def test_i8_a_client_gets_heartbeats_at_the_interval_it_asks_for(asked: int, waits: set[int]) -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", heartbeat_seconds=asked).open()
    beats = [0]
    for second in range(1, 500):
        hub.tick()
        client.events()
        if len(client._decoder.comments) >= len(beats):
            beats.append(second)

    assert {after - before for before, after in pairwise(beats)} <= waits


async def test_heartbeats_are_spread_over_two_seconds_around_their_interval() -> None:
    hub, _ = new_hub()
    clients = [await Client(hub, "log").open() for _ in range(200)]
    beats: dict[Client, list[int]] = {client: [] for client in clients}
    for second in range(1, 60):
        hub.tick()
        for client in clients:
            client.events()
            if len(client._decoder.comments) > len(beats[client]):
                beats[client].append(second)

    waits = {after - before for times in beats.values() for before, after in pairwise([0, *times])}
    assert waits == {13, 14, 15, 16, 17}


async def test_a_closed_client_leaves_nothing_behind() -> None:
    hub, _ = new_hub(ingest="other.*")
    client = await Client(hub, "log", "shop.*").open()

    await client.close()

    assert hub._feeds == {}
    assert hub.ingest.registry.patterns == {}
    assert [channel.feeds for channel in hub.ingest.registry] == [[]]


@pytest.mark.parametrize("when", ["before", "by its end"])
async def test_ending_a_stuck_client_does_not_affect_others(when: str) -> None:
    """Its transport is full before its end, or becomes full by the last frames, and stays so until it is closed."""
    hub, _ = new_hub()
    slow, other = await Client(hub, "log").open(), await Client(hub, "log").open()
    [feed] = hub.feeds
    [subscriber] = [each for each in feed.subscribers if each.transport is slow.transport]
    if when == "before":
        slow.transport.clog()

    subscriber.end(hub.ingest.last_fence)
    if when == "by its end":
        slow.transport.clog()
    publish(hub, "log", line(1))
    publish(hub, "log", line(2))

    assert numbers(other.events()) == [1, 2]
    assert numbers(slow.events()) == []
