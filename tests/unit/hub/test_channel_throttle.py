"""The throttle limits a loud channel to its rate, leaves others alone, and reports skipped lines as a gap."""

import json

from sse_hub.hub.channel_throttle import SECOND, ChannelThrottle, throttle_for
from sse_hub.hub.ring import Batch
from sse_hub.protocol.ids import EventId
from tests.support.in_memory import Client, line, new_hub, numbers, publish


def batch(channel: str, first: int, length: int) -> Batch:
    """Lines `50-first` and so on."""
    return Batch(channel, 1, 50, first, [b"{}"] * length, 1_000, 50)


def test_each_channel_has_its_rate_in_every_second() -> None:
    guard = ChannelThrottle(10)
    guard.begin_window(100.0)

    kept = guard.admit([(batch("loud", 1, 7), 0, 7), (batch("calm", 1, 2), 0, 2), (batch("loud", 8, 7), 0, 7)])
    kept += guard.admit([(batch("loud", 15, 5), 0, 5), (batch("calm", 3, 1), 0, 1)])

    assert [(entry.channel, start, stop) for entry, start, stop in kept] == [
        ("loud", 0, 7),
        ("calm", 0, 2),
        ("loud", 0, 3),
        ("calm", 0, 1),
    ]
    [gap] = guard.take_gaps()
    assert (gap.channel, gap.after, gap.before, gap.lost, gap.reason) == ("loud", "50-10", "50-20", 9, "guard")
    assert guard.take_gaps() == [] and not guard.has_gaps
    assert not guard.window_over(100.0 + SECOND / 2) and guard.window_over(100.0 + SECOND)
    guard.begin_window(101.0)
    assert len(guard.admit([(batch("loud", 20, 5), 0, 5)])) == 1


async def test_a_loud_channel_does_not_slow_others_and_the_gap_counts_its_skipped_lines() -> None:
    hub, _ = new_hub()
    guarded = await Client(hub, "loud", "calm", batch=True, guard=5).open()
    whole = await Client(hub, "loud", "calm", batch=True).open()

    publish(hub, "loud", *(line(n) for n in range(20)))
    publish(hub, "calm", line(100))
    for feed in list(hub._feeds.values()):
        feed.flush()
    # The second ends before the gap is sent: a heartbeat sends it at the latest.
    [feed] = [each for each in hub._feeds.values() if each.max_rate]
    beat = feed.heartbeat(hub.ingest.last_fence)

    events = guarded.events()
    rows = [row for event in events if event.type == "lines" for row in event.json]
    assert [json.loads(text)["n"] for _, channel, text, _ in rows if channel == "loud"] == [0, 1, 2, 3, 4]
    assert [json.loads(text)["n"] for _, channel, text, _ in rows if channel == "calm"] == [100]
    [gap] = [event.json for event in events if event.type == "gap"]
    last = EventId(*map(int, rows[4][0].split("-")))
    assert (gap["channel"], gap["lost"], gap["reason"]) == ("loud", 15, "guard")
    assert gap["after"] == str(last) and gap["before"] == str(EventId(last.fence, last.n + 16))
    assert b"id: " in beat
    assert len([row for event in whole.events() if event.type == "lines" for row in event.json]) == 21


async def test_skipped_lines_of_a_single_channel_are_reported_by_the_next_heartbeat() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "loud", guard=2).open()

    publish(hub, "loud", *(line(n) for n in range(5)))
    events = client.events()

    assert numbers(events) == [0, 1]
    [feed] = hub._feeds.values()
    feed.heartbeat(hub.ingest.last_fence)
    assert [event.json["lost"] for event in client.events() if event.type == "gap"] == [3]


def test_the_lower_of_requested_and_configured_rate_applies_and_the_gap_says_which() -> None:
    def left_out(asked: int, allowed: int) -> tuple[int | None, str]:
        guard = throttle_for(asked, allowed)
        assert guard
        guard.begin_window(100.0)
        guard.admit([(batch("loud", 1, 50), 0, 50)])
        [gap] = guard.take_gaps()
        return gap.lost, gap.reason

    assert throttle_for(0, 0) is None
    assert left_out(10, 0) == (40, "guard")
    assert left_out(10, 20) == (40, "guard")
    assert left_out(20, 10) == (40, "rate")
    assert left_out(0, 10) == (40, "rate")


async def test_a_configured_channel_rate_throttles_every_stream_and_is_reported_as_a_gap() -> None:
    hub, _ = new_hub(channel_lines_per_second="3")
    alone, several = await Client(hub, "loud").open(), await Client(hub, "loud", "calm").open()

    publish(hub, "loud", *(line(n) for n in range(10)))
    publish(hub, "calm", line(100))
    for feed in list(hub._feeds.values()):
        feed.flush()
        feed.heartbeat(hub.ingest.last_fence)

    for client, seen in ((alone, [0, 1, 2]), (several, [0, 1, 2, 100])):
        events = client.events()
        assert numbers([event for event in events if event.type == "message"]) == seen
        [gap] = [event.json for event in events if event.type == "gap"]
        assert (gap["channel"], gap["lost"], gap["reason"]) == ("loud", 7, "rate")
