"""A client joins: live, with a tail, or at a position, known, unknown or too old."""

import asyncio
import random
from contextlib import suppress

from sse_hub.errors import LogUnavailable
from sse_hub.hub.start_position import After, Tail, UnknownId
from sse_hub.protocol.ids import Cursor
from tests.support.in_memory import Client, MemoryLog, line, new_hub, numbers, publish


class AskedLog(MemoryLog):
    """A log whose reply the test can hold back, and which then fails."""

    def __init__(self) -> None:
        super().__init__(random.Random(1), 1)
        self.asked = asyncio.Event()
        self.fails = asyncio.Event()

    async def wait_complete(self, fence: int) -> int:
        self.asked.set()
        await self.fails.wait()
        raise LogUnavailable("It fails.")


async def test_lines_between_the_fence_and_going_live_are_delivered() -> None:
    hub, _ = new_hub()
    position_known = Client(hub, "log")
    await position_known.open()
    publish(hub, "log", line(1))
    resumed = await Client(hub, "log").open(After(Cursor(11, (0,))))

    publish(hub, "log", line(2))

    assert numbers(resumed.events()) == [1, 2]


async def test_a_resume_continues_exactly_after_its_id() -> None:
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


async def test_a_cursor_over_several_channels_is_exact_wherever_the_stream_ended() -> None:
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


async def test_a_tail_has_the_last_lines_over_all_channels() -> None:
    hub, _ = new_hub()
    for n in range(6):
        publish(hub, "ab"[n % 2], line(n))
    single = await Client(hub, "a").open(Tail(2))
    both = await Client(hub, "a", "b").open(Tail(3))

    assert numbers(single.events()) == [2, 4]
    assert numbers(both.events()) == [3, 4, 5]
    again = await Client(hub, "a", "b").open(After(Cursor.parse(both.greeting[0].id if both.greeting else "10-2.1")))
    assert numbers(again.events()) == [3, 4, 5]


async def test_resuming_from_before_a_cut_reports_the_gap_and_from_after_it_does_not() -> None:
    hub, _ = new_hub()
    publish(hub, "log", line(1))
    hub.ingest.session_started(90)
    publish(hub, "log", line(2))

    across = (await Client(hub, "log").open(After(Cursor(10, (1,))))).events()
    told = (await Client(hub, "log").open(After(Cursor(90, (0,))))).events()

    assert [event.type for event in across] == ["gap", "message"]
    assert [event.type for event in told] == ["message"]


async def test_an_id_from_the_future_or_a_malformed_one_gets_a_gap_and_then_live_lines() -> None:
    hub, _ = new_hub()
    future = await Client(hub, "log").open(After(Cursor(10**12, (0,))))
    text = await Client(hub, "log").open(UnknownId("x-1"))
    misfit = await Client(hub, "log").open(After(Cursor(10, (1, 2))))

    publish(hub, "log", line(1))

    for client in (future, text, misfit):
        (gap,) = client.greeting
        assert (gap.type, gap.json["reason"]) == ("gap", "unknown-id")
        assert numbers(client.events()) == [1]


async def test_a_position_older_than_the_ring_gets_one_gap_with_the_number_lost() -> None:
    hub, _ = new_hub(ring_lines="100")
    for n in range(150):
        publish(hub, "log", line(n))

    client = await Client(hub, "log").open(After(Cursor(10, (20,))))

    gap, *lines = client.events()
    assert gap.json == {"channel": "log", "after": "10-20", "before": "10-51", "lost": 30, "reason": "trimmed"}
    assert numbers(lines) == list(range(50, 150))


async def test_joining_a_batch_feed_between_flushes_repeats_no_line() -> None:
    hub, _ = new_hub()
    first = await Client(hub, "log", batch=True).open()
    publish(hub, "log", line(0))
    publish(hub, "log", line(1))

    second = await Client(hub, "log", batch=True).open(After(Cursor(11, (0,))))

    for client in (first, second):
        rows = [row[0] for event in client.events() for row in event.json]
        assert rows == ["11-1", "11-2"]


async def test_a_channel_outside_ingest_counts_from_the_first_fence_after_its_subscription() -> None:
    hub, source = new_hub(ingest="other.*")
    publish(hub, "log", line(0))
    hub.ingest.channel_subscribed("log")
    publish(hub, "log", line(1))
    hub.ingest.fence_received(40)
    publish(hub, "log", line(2))

    client = await Client(hub, "log").open(After(Cursor(40, (0,))))

    assert source.followed == ["log"]
    assert [event.id for event in client.events()] == ["40-1"]


async def test_a_client_that_has_the_old_lines_of_a_quiet_channel_learns_that_nothing_followed() -> None:
    """F6: tabs that share a stream continue from there, and not from a line of last week."""
    hub, _ = new_hub()
    hub.ingest.fence_received(50)
    publish(hub, "a", line(1))
    for fence in (60, 9_000):
        hub.ingest.fence_received(fence)

    tail = await Client(hub, "a").open(Tail(5))
    assert [event.id for event in tail.events()] == ["50-1"]
    # Each client that joins makes a fence.
    assert [event.id for event in tail.checkpoints] == ["50-0", "9001-0"]

    resumed = await Client(hub, "a", "b").open(After(Cursor(50, (0, 0))))
    assert [event.id for event in resumed.events()] == ["50-1.0"]
    assert resumed.checkpoints[-1].id == "9002-0.0"

    quiet = await Client(hub, "a").open(After(Cursor(50, (1,))))
    assert (quiet.events(), quiet.checkpoints[-1].id) == ([], "9003-0")

    live = await Client(hub, "a").open()
    assert (live.events(), len(live.checkpoints)) == ([], 1)


async def test_gaps_do_not_count_as_lines_of_a_tail() -> None:
    hub, _ = new_hub()
    for n in range(60):
        publish(hub, f"c{n}", line(n))
    hub.ingest.session_started(90)

    single = await Client(hub, "c5").open(Tail(1))
    many = await Client(hub, "*").open(Tail(50))

    assert [event.type for event in single.events()] == ["message", "gap"]
    assert numbers(many.events()) == list(range(10, 60))


async def test_the_first_subscriber_of_a_pattern_gets_the_gaps_among_its_last_lines() -> None:
    hub, _ = new_hub()
    for n in range(4):
        publish(hub, "a.x", line(n))
        hub.ingest.session_started(90 + 10 * n)
    publish(hub, "a.y", line(4))

    client = await Client(hub, "a.*").open(Tail(3))
    later = await Client(hub, "a.*").open(Tail(2))
    last = await Client(hub, "*").open(Tail(1))

    told = [event.json for event in client.events()]
    assert [each.get("n", each.get("before")) for each in told] == [2, "110-0", 3, "120-0", 4]
    assert [each["channel"] for each in told if "before" in each] == ["a.*", "a.*"]
    assert [event.type for event in later.events()] == ["message", "gap", "message"]
    assert [event.type for event in last.events()] == ["message"]


async def test_a_resume_of_two_patterns_reports_the_gaps_of_each() -> None:
    hub, _ = new_hub(ring_lines="100")
    early = await Client(hub, "a.*").open()
    for n in range(150):
        publish(hub, "a.x", line(n))
    hub.ingest.session_started(300)
    assert early.events()

    client = await Client(hub, "a.*", "b.*").open(After(Cursor(5, (0,))))

    assert {event.json["channel"] for event in client.events() if event.type == "gap"} >= {"b.*", "a.x"}


async def test_a_client_that_leaves_while_its_tail_is_searched_leaves_nothing_behind() -> None:
    hub, source = new_hub()
    log = AskedLog()
    hub.connect(source, log)

    joining = asyncio.create_task(Client(hub, "shop.*").open(Tail(10)))
    await log.asked.wait()
    joining.cancel()
    with suppress(asyncio.CancelledError):
        await joining

    assert hub.ingest.registry.patterns == {}


async def test_a_client_joins_even_if_the_log_fails_and_the_last_other_client_leaves_meanwhile() -> None:
    hub, source = new_hub()
    log = AskedLog()
    hub.connect(source, log)
    other, client = await Client(hub, "shop.*").open(), Client(hub, "shop.*")

    joining = asyncio.create_task(client.open(Tail(10)))
    await log.asked.wait()
    await other.close()
    log.fails.set()
    await joining
    publish(hub, "shop.1", line(1))

    assert numbers(client.events()) == [1]
