"""The hub: joins, fan-out, breaks, slow subscribers, in memory."""

import asyncio
import json
from collections.abc import Iterable

from sse_hub.hub.encoder import LINES_PER_FRAME
from sse_hub.hub.start_position import After, Tail, UnknownId
from sse_hub.protocol.ids import Cursor
from tests.sse import Event
from tests.unit.memory import Client, new_hub, publish


def numbers(events: Iterable[Event]) -> list[int]:
    return [event.json["n"] for event in events if event.type == "message"]


def line(n: int) -> str:
    return json.dumps({"n": n})


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


async def test_a_batch_is_encoded_once_for_all() -> None:
    hub, _ = new_hub()
    clients = [await Client(hub, "log").open() for _ in range(3)]

    publish(hub, "log", line(1))

    first, second, third = (client.transport.last for client in clients)
    assert first is second is third
    assert line(1).encode() in first


async def test_what_came_between_the_fence_and_going_live_is_delivered() -> None:
    hub, _ = new_hub()
    position_known = Client(hub, "log")
    await position_known.open()
    publish(hub, "log", line(1))
    resumed = await Client(hub, "log").open(After(Cursor(11, (0,))))

    publish(hub, "log", line(2))

    assert numbers(resumed.events()) == [1, 2]


async def test_a_resume_goes_on_after_its_id_exactly() -> None:
    hub, _ = new_hub()
    watcher = await Client(hub, "log").open()
    publish(hub, "log", line(1), line(2), line(3))
    hub.ingest.fence_received(50)
    publish(hub, "log", line(4))
    cursors = [Cursor.parse(event.id) for event in watcher.events()]

    for sent, cursor in enumerate(cursors, 1):
        client = await Client(hub, "log").open(After(cursor))
        assert client.last_event_id == str(cursor)
        assert numbers(client.events()) == list(range(sent + 1, 5))


async def test_a_cursor_over_several_channels_is_exact_wherever_a_stream_breaks() -> None:
    hub, _ = new_hub()
    watcher = await Client(hub, "a", "b").open()
    for n in range(0, 12, 3):
        publish(hub, "a", line(n), line(n + 1))
        publish(hub, "b", line(n + 2))
        hub.ingest.fence_received(100 + n)
    events = watcher.events()
    assert [event.json["@channel"] for event in events[:3]] == ["a", "a", "b"]

    for sent, event in enumerate(events, 1):
        client = await Client(hub, "a", "b").open(After(Cursor.parse(event.id)))
        assert numbers(client.events()) == numbers(events[sent:])


async def test_a_pattern_gets_channels_that_appear_later() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "shop.*").open()

    publish(hub, "shop.api", line(1))
    publish(hub, "other", line(2))
    publish(hub, "shop.mail", line(3))

    events = client.events()
    assert [(event.json["@channel"], event.json["n"]) for event in events] == [("shop.api", 1), ("shop.mail", 3)]
    assert {event.id for event in events} == {"11-0"}


async def test_a_tail_is_the_last_lines_over_all_channels() -> None:
    hub, _ = new_hub()
    for n in range(6):
        publish(hub, "ab"[n % 2], line(n))
    single = await Client(hub, "a").open(Tail(2))
    both = await Client(hub, "a", "b").open(Tail(3))

    assert numbers(single.events()) == [2, 4]
    assert numbers(both.events()) == [3, 4, 5]
    again = await Client(hub, "a", "b").open(After(Cursor.parse(both.greeting[0].id if both.greeting else "10-2.1")))
    assert numbers(again.events()) == [3, 4, 5]


async def test_a_cut_session_is_one_gap_with_honest_bounds() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log").open()
    publish(hub, "log", line(1), line(2))

    hub.ingest.session_started(90)
    publish(hub, "log", line(9))

    before, _, gap, after = client.events()
    assert gap.json == {"channel": "log", "after": "11-2", "before": "90-0", "lost": None, "reason": "recorder-down"}
    assert (before.id, gap.id, after.id) == ("11-1", "90-0", "90-1")


async def test_who_resumes_across_a_cut_is_told_of_it_and_who_was_told_is_not() -> None:
    hub, _ = new_hub()
    publish(hub, "log", line(1))
    hub.ingest.session_started(90)
    publish(hub, "log", line(2))

    across = (await Client(hub, "log").open(After(Cursor(10, (1,))))).events()
    told = (await Client(hub, "log").open(After(Cursor(90, (0,))))).events()

    assert [event.type for event in across] == ["gap", "message"]
    assert [event.type for event in told] == ["message"]


async def test_a_pattern_is_told_of_a_cut_once_even_when_no_channel_is_known() -> None:
    hub, _ = new_hub()
    empty = await Client(hub, "shop.*").open()
    hub.ingest.session_started(90)
    assert [event.json["channel"] for event in empty.events()] == ["shop.*"]

    publish(hub, "shop.a", line(1))
    publish(hub, "shop.b", line(2))
    hub.ingest.session_started(190)

    assert [event.json.get("channel") for event in empty.events()] == [None, None, "shop.*"]


async def test_an_id_from_the_future_or_no_id_at_all_is_a_gap_and_live_after_it() -> None:
    hub, _ = new_hub()
    future = await Client(hub, "log").open(After(Cursor(10**12, (0,))))
    text = await Client(hub, "log").open(UnknownId())
    misfit = await Client(hub, "log").open(After(Cursor(10, (1, 2))))

    publish(hub, "log", line(1))

    for client in (future, text, misfit):
        (gap,) = client.greeting
        assert (gap.type, gap.json["reason"]) == ("gap", "unknown-id")
        assert numbers(client.events()) == [1]


async def test_a_position_older_than_the_ring_is_one_gap_with_the_number_lost() -> None:
    hub, _ = new_hub(ring_lines="100")
    for n in range(150):
        publish(hub, "log", line(n))

    client = await Client(hub, "log").open(After(Cursor(10, (20,))))

    gap, *lines = client.events()
    assert gap.json == {"channel": "log", "after": "10-20", "before": "10-51", "lost": 30, "reason": "trimmed"}
    assert numbers(lines) == list(range(50, 150))


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


async def test_one_that_falls_off_the_ring_gets_one_gap_with_the_exact_number_and_then_what_is_held() -> None:
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


async def test_a_batch_stream_gets_rows_of_id_channel_and_text() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", batch=True).open()

    publish(hub, "log", '{"n":\r\n1}', "text")

    (event,) = client.events()
    assert (event.type, event.id) == ("lines", "11-2")
    assert event.json == [["11-1", "log", '{"n":\r\n1}'], ["11-2", "log", '{"info":"text"}']]


async def test_a_batch_stream_that_has_just_flushed_waits_unless_there_is_much() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", batch=True).open()
    publish(hub, "log", line(0))
    assert len(client.events()) == 1

    publish(hub, "log", line(1))
    assert client.events() == []
    publish(hub, "log", *[line(n) for n in range(LINES_PER_FRAME + 1)])

    assert [len(event.json) for event in client.events()] == [LINES_PER_FRAME, 2]


async def test_who_joins_a_batch_stream_between_flushes_gets_nothing_twice() -> None:
    hub, _ = new_hub()
    first = await Client(hub, "log", batch=True).open()
    publish(hub, "log", line(0))
    publish(hub, "log", line(1))

    second = await Client(hub, "log", batch=True).open(After(Cursor(11, (0,))))

    for client in (first, second):
        rows = [row[0] for event in client.events() for row in event.json]
        assert rows == ["11-1", "11-2"]


async def test_a_channel_outside_ingest_counts_from_the_first_fence_after_it_was_subscribed() -> None:
    hub, source = new_hub(ingest="other.*")
    publish(hub, "log", line(0))
    hub.ingest.channel_subscribed("log")
    publish(hub, "log", line(1))
    hub.ingest.fence_received(40)
    publish(hub, "log", line(2))

    client = await Client(hub, "log").open(After(Cursor(40, (0,))))

    assert source.followed == ["log"]
    assert [event.id for event in client.events()] == ["40-1"]


async def test_a_channel_with_lines_since_the_last_fence_is_not_forgotten() -> None:
    hub, _ = new_hub()
    for n in range(10_050):
        publish(hub, f"c{n}", line(n))
    assert len(list(hub.ingest.registry)) == 10_050, "all have lines since the last fence"

    hub.ingest.fence_received(60)
    publish(hub, "one-more", line(0))

    assert len(list(hub.ingest.registry)) == 9_051


async def test_the_longest_ring_gives_way_when_memory_is_full() -> None:
    hub, _ = new_hub(ring_megabytes="1")
    publish(hub, "quiet", line(1))
    for n in range(300):
        publish(hub, "loud", json.dumps({"n": n, "text": "x" * 10_000}))

    quiet = await Client(hub, "quiet").open(Tail(10))
    loud = await Client(hub, "loud").open(Tail(1000))

    assert numbers(quiet.events()) == [1]
    assert 80 < len(numbers(loud.events())) < 120


async def test_a_heartbeat_is_a_comment_and_a_checkpoint_and_lines_before_it_come_first() -> None:
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


async def test_draining_ends_every_stream() -> None:
    hub, _ = new_hub(drain_seconds="0")
    clients = [await Client(hub, "log").open(), await Client(hub, "a.*", batch=True).open()]

    await hub.drain()

    assert all(client.ended for client in clients)
    assert hub.subscribers == 0


async def test_the_last_frame_of_a_drained_stream_says_where_it_is() -> None:
    hub, _ = new_hub(drain_seconds="0")
    live, batch, several = [
        await Client(hub, "log").open(),
        await Client(hub, "log", batch=True).open(),
        await Client(hub, "log", "other").open(),
    ]
    hub.ingest.fence_received(50)
    publish(hub, "log", line(1), line(2))
    # A batch feed that has just flushed would wait with this one.
    publish(hub, "log", line(3))
    idle = await Client(hub, "idle").open()
    hub.ingest.fence_received(60)

    await hub.drain()

    assert numbers(live.events()) == numbers(several.events()) == [1, 2, 3]
    assert [row[2] for event in batch.events() for row in event.json] == [line(1), line(2), line(3)]
    assert idle.events() == []
    assert {client.last_event_id for client in (live, batch, idle)} == {"60-0"}
    assert several.last_event_id == "60-0.0"


async def test_one_that_is_behind_is_not_told_that_it_has_caught_up() -> None:
    hub, _ = new_hub(drain_seconds="0")
    slow = await Client(hub, "log").open()
    publish(hub, "log", line(0))
    slow.transport.clog()
    for n in range(1, 5_000):
        publish(hub, "log", line(n))
    await slow.settle()

    draining = asyncio.create_task(hub.drain())
    await slow.settle()
    slow.transport.unclog()
    await draining

    events = slow.events()
    assert numbers(events) == list(range(len(events)))
    assert 0 < len(events) < 5_000
    assert slow.last_event_id == events[-1].id


async def test_nothing_is_left_of_a_client_that_has_gone() -> None:
    hub, _ = new_hub(ingest="other.*")
    client = await Client(hub, "log", "shop.*").open()

    await client.close()

    assert hub._feeds == {}
    assert hub.ingest.registry.patterns == {}
    assert [channel.feeds for channel in hub.ingest.registry] == [[]]
