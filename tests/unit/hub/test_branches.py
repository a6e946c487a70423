"""A hub that has been on a dead branch, or whose clients come from one; and lines that are missing among others."""

import asyncio
import random

from sse_hub.hub.backend import LogGap
from sse_hub.hub.hub import Hub
from sse_hub.hub.replay import read_merged
from sse_hub.hub.start_position import After, Tail
from sse_hub.protocol.ids import Cursor, EventId
from tests.support.in_memory import Client, MemoryLog, MemorySource, line, new_hub, numbers, publish
from tests.support.settings import DEADLINE_SECONDS
from tests.support.sse_client import Event


def gaps(events: list[Event]) -> list[tuple[str, str | None, str, str]]:
    found = [event.json for event in events if event.type == "gap"]
    return [(gap["channel"], gap["after"], gap["before"], gap["reason"]) for gap in found]


def after(id: str) -> After:
    return After(Cursor.parse(id))


def hub_with_log(log_lines: dict[str, int] | None = None, watermark: int = 500) -> tuple[Hub, MemoryLog]:
    """
    A hub that has received lines 1 and 2 after the fences 10 and 100, and 3 and 4 after 200 and 300.

    The log has `log_lines`, the number of each by its id on `log`.
    """
    hub, _ = new_hub()
    log = MemoryLog(random.Random(1), 1)
    log.watermark = watermark
    for id, number in (log_lines or {}).items():
        log.add("log", EventId(*map(int, id.split("-"))), line(number).encode())
    hub.connect(MemorySource(hub), log)
    publish(hub, "log", line(1))
    for number, fence in enumerate((100, 200, 300), 2):
        hub.ingest.fence_received(fence)
        publish(hub, "log", line(number))
    return hub, log


LIVING = {"10-1": 1, "100-1": 2, "250-1": 53, "350-1": 54}
"""The log of the branch that has left the hub of hub_with_log() after the fence 100."""


def fork(hub: Hub) -> None:
    hub.ingest.session_lost()
    hub.ingest.session_forked(100, 500)


async def test_live_streams_of_a_dead_branch_are_told_one_gap_from_the_last_common_fence() -> None:
    hub, _ = hub_with_log(LIVING)
    one = await Client(hub, "log").open()
    several = await Client(hub, "log", "quiet", batch=True).open()
    pattern = await Client(hub, "*").open()

    fork(hub)
    publish(hub, "log", line(60))

    events = one.events()
    assert [(event.type, event.id) for event in events] == [("gap", "500-0"), ("message", "500-1")]
    assert gaps(events) == [("log", "100-0", "500-0", "forked")]
    assert gaps(several.events()) == [(name, "100-0", "500-0", "forked") for name in ("log", "quiet")]
    assert gaps(pattern.events()) == [("*", "100-0", "500-0", "forked")]
    assert hub.counters.gaps["forked"] == 1


async def test_what_was_received_on_a_dead_branch_is_replayed_to_nobody() -> None:
    hub, log = hub_with_log(LIVING)
    fork(hub)
    publish(hub, "log", line(60))

    early = await Client(hub, "log").open(after("10-0"))
    log.add("log", EventId(500, 1), line(60).encode())
    log.watermark = 600
    tail = await Client(hub, "log").open(Tail(4))

    assert numbers(early.events()) == [1, 2, 53, 54, 60]
    assert numbers(tail.events()) == [2, 53, 54, 60]


async def test_a_client_of_the_dead_branch_goes_on_where_the_hub_came_to_the_living_one() -> None:
    hub, _ = hub_with_log(LIVING)
    fork(hub)
    publish(hub, "log", line(60))

    for id in ("200-1", "300-0"):
        client = await Client(hub, "log").open(after(id))
        assert gaps(client.greeting) == [("log", "100-0", "500-0", "forked")]
        assert client.greeting[0].id == id, "until it has all gaps, it keeps its id"
        assert numbers(client.events()) == [60]
    assert hub.counters.resumes["forked"] == 2


async def test_a_client_that_got_lines_of_the_dead_branch_from_its_log_is_told_too() -> None:
    hub, log = hub_with_log()
    hub.ingest.session_lost()
    log.add("log", EventId(330, 1), line(5).encode())
    async for parts in read_merged(log, {"log": EventId(300, 1)}, 300, 400):
        hub.ingest.fill(parts)
    hub.ingest.session_backfilled(400, 400)
    fork(hub)
    publish(hub, "log", line(60))

    client = await Client(hub, "log").open(after("330-1"))

    assert gaps(client.greeting) == [("log", "100-0", "500-0", "forked")]
    assert numbers(client.events()) == [60]


async def test_a_client_of_the_living_branch_goes_on_exactly_from_the_log() -> None:
    hub, _ = hub_with_log(LIVING)
    fork(hub)
    publish(hub, "log", line(60))

    found = {}
    for id in ("100-1", "250-0", "250-1"):
        client = await Client(hub, "log").open(after(id))
        events = [*client.greeting, *client.events()]
        assert gaps(events) == []
        found[id] = numbers(events)

    assert found == {"100-1": [53, 54, 60], "250-0": [53, 54, 60], "250-1": [54, 60]}


async def test_a_client_that_may_come_from_the_dead_branch_is_told_what_it_may_lack_and_misses_nothing_else() -> None:
    hub, _ = hub_with_log(LIVING)
    hub.ingest.session_lost()
    # While this hub was without a session, another one has received more of the dead branch.
    hub.ingest.session_started(400)
    fork(hub)
    publish(hub, "log", line(60))

    found = {}
    for id in ("340-3", "350-1", "450-0"):
        client = await Client(hub, "log").open(after(id))
        found[id] = gaps(client.greeting), numbers(client.events())
    several = await Client(hub, "log", "quiet").open(after("340-3.2"))
    pattern = await Client(hub, "l*").open(after("340-0"))
    since = await Client(hub, "log").open(After(Cursor(340, (0,)), issued=False))

    assert found == {
        "340-3": ([("log", "100-0", "340-4", "forked")], [54, 60]),
        "350-1": ([("log", "100-0", "350-2", "forked")], [60]),
        "450-0": ([("log", "100-0", "450-1", "forked")], [60]),
    }
    assert gaps(several.greeting) == [("log", "100-0", "340-4", "forked"), ("quiet", "100-0", "340-3", "forked")]
    assert gaps(pattern.greeting) == [("l*", "100-0", "340-1", "forked")]
    assert (since.greeting, numbers(since.events())) == ([], [54, 60])


async def test_a_slow_client_of_the_dead_branch_is_told_when_it_reads_again() -> None:
    hub, _ = hub_with_log(LIVING)
    slow = await Client(hub, "log").open()
    slow.transport.clog()
    publish(hub, "log", line(5))
    fork(hub)
    publish(hub, "log", line(60))
    fork_again_at = hub.ingest.last_fence + 200
    hub.ingest.session_lost()
    hub.ingest.session_forked(500, fork_again_at)
    publish(hub, "log", line(70))

    slow.transport.unclog()
    await slow.settle()

    events = slow.events()
    assert gaps(events) == [("log", "100-0", "700-0", "forked")]
    assert numbers(events) == [70]
    assert slow.last_event_id == "700-1"


async def test_a_slow_client_that_ends_before_it_was_told_is_told_when_it_comes_back() -> None:
    hub, _ = hub_with_log(LIVING)
    slow = await Client(hub, "log").open()
    slow.transport.clog()
    publish(hub, "log", line(5))
    fork(hub)

    [subscriber] = next(iter(hub.feeds)).subscribers
    subscriber.end(hub.ingest.last_fence)
    slow.events()

    again = await Client(hub, "log").open(after(slow.last_event_id))
    assert gaps(again.greeting) == [("log", "100-0", "500-0", "forked")]


async def test_a_slow_client_that_has_nothing_of_the_dead_branch_misses_nothing() -> None:
    hub, _ = new_hub()
    log = MemoryLog(random.Random(1), 1)
    hub.connect(MemorySource(hub), log)
    slow = await Client(hub, "log").open()
    publish(hub, "log", line(1))
    hub.ingest.fence_received(100)
    slow.transport.clog()
    publish(hub, "log", line(2))
    hub.ingest.fence_received(200)
    publish(hub, "log", line(3))
    for id, number in LIVING.items():
        log.add("log", EventId(*map(int, id.split("-"))), line(number).encode())
    log.watermark = 500
    fork(hub)
    publish(hub, "log", line(60))

    slow.transport.unclog()
    await slow.settle()

    events = slow.events()
    assert gaps(events) == []
    assert numbers(events) == [1, 2, 53, 54, 60]


async def test_a_replay_from_the_log_of_the_dead_branch_ends_with_it() -> None:
    hub, log = hub_with_log({f"{20 + n}-1": n for n in range(60)}, watermark=300)
    hub.ingest.registry["log"].ring.shrink(1_000_000)
    client = await Client(hub, "log").open(after("20-0"))
    client.transport.clog()
    log.fork(50)
    log.add("log", EventId(60, 1), line(1_000).encode())
    log.watermark = 500

    hub.ingest.session_lost()
    hub.ingest.session_forked(10, 500)
    client.transport.unclog()
    for _ in range(10):
        await client.settle()

    received = numbers(client.events())
    assert len(received) == len(set(received))
    assert client.last_event_id == "500-0"


async def test_on_the_living_side_a_client_of_a_dead_branch_is_told_what_it_may_lack() -> None:
    hub, _ = new_hub()
    publish(hub, "log", line(1))
    hub.ingest.session_lost()
    hub.ingest.session_started(200, "failover")
    for number, fence in enumerate((300, 400), 2):
        publish(hub, "log", line(number))
        hub.ingest.fence_received(fence)
    publish(hub, "log", line(4))

    dead = await Client(hub, "log").open(after("250-7"))
    idle = await Client(hub, "log", "quiet").open(after("250-0.0"))
    own = await Client(hub, "log").open(after("200-1"))
    since = await Client(hub, "log").open(After(Cursor(250, (0,)), issued=False))

    assert gaps(dead.greeting) == [("log", "10-0", "300-0", "forked")]
    assert numbers(dead.events()) == [3, 4]
    assert gaps(idle.greeting) == [(name, "10-0", "300-0", "forked") for name in ("log", "quiet")]
    assert (own.greeting, numbers(own.events())) == ([], [3, 4])
    assert (since.greeting, numbers(since.events())) == ([], [3, 4])


async def test_lines_missing_on_the_bus_are_told_after_the_lines_that_came() -> None:
    hub, _ = hub_with_log()
    one = await Client(hub, "log").open()
    both = await Client(hub, "log", "quiet").open()
    pattern = await Client(hub, "l*").open()
    publish(hub, "log", line(5))
    hub.ingest.fence_received(400)
    hub.ingest.lines_missing(300, "bus")
    publish(hub, "log", line(6))

    events = one.events()
    assert [(event.type, event.id) for event in events] == [
        ("message", "303-1"),
        ("gap", "400-0"),
        ("message", "400-1"),
    ]
    assert gaps(events) == [("log", "300-0", "400-0", "bus")]
    assert gaps(both.events()) == [(name, "300-0", "400-0", "bus") for name in ("log", "quiet")]
    assert gaps(pattern.events()) == [("l*", "300-0", "400-0", "bus")]
    assert hub.ingest.complete_since == 10, "the rings have all that anybody has received"


async def test_a_client_that_comes_back_within_the_bounds_of_missing_lines_is_told_all_of_them() -> None:
    hub, log = hub_with_log()
    publish(hub, "log", line(5))
    hub.ingest.fence_received(400)
    hub.ingest.lines_missing(200, "bus")
    log.broken.append(LogGap(None, EventId(200, 0), EventId(400, 0), None, "bus"))
    publish(hub, "log", line(6))

    inside = await Client(hub, "log").open(after("300-1"))
    behind = await Client(hub, "log").open(after("400-0"))
    typed = await Client(hub, "log").open(After(Cursor(400, (0,)), issued=False))
    unknown = await Client(hub, "new").open(after("300-0"))

    events = inside.events()
    assert gaps(events) == [("log", "200-0", "400-0", "bus")]
    assert numbers(events) == [5, 6]
    assert gaps(behind.greeting) == [("log", "200-0", "400-0", "bus")], (
        "it may come from a hub that had yet to find them"
    )
    assert gaps(behind.events()) == []
    assert (typed.greeting, gaps(typed.events())) == ([], [])
    assert len(gaps([*unknown.greeting, *unknown.events()])) == 1, "its lines may be among the missing ones"

    hub.ingest.fence_received(6_000)
    later = await Client(hub, "log").open(after("6000-0"))
    assert (later.greeting, later.events()) == ([], [])


async def test_a_replay_tells_of_missing_lines_within_their_own_bounds() -> None:
    hub, log = hub_with_log({"10-1": 1, "100-1": 2, "200-1": 3, "300-1": 4}, watermark=400)
    log.broken.append(LogGap(None, EventId(100, 0), EventId(250, 0), None, "bus"))
    hub.ingest.registry["log"].ring.shrink(1_000_000)

    inside = await Client(hub, "log").open(after("200-0"))
    events = inside.events()
    pattern = await Client(hub, "l*").open(after("10-0"))
    all_events = pattern.events()

    assert (gaps(events), numbers(events)) == ([("log", "100-0", "250-0", "bus")], [3, 4])
    assert gaps(all_events) == [("l*", "100-0", "250-0", "bus")]
    assert [event.type for event in all_events] == ["message", "message", "message", "gap", "message"]


async def test_a_replay_tells_of_missing_lines_although_later_ones_were_trimmed() -> None:
    hub, log = hub_with_log({"10-1": 1, "100-1": 2, "300-1": 4}, watermark=400)
    log.trimmed["log"] = EventId(280, 1)
    log.add("other", EventId(220, 1), line(9).encode())
    log.broken.append(LogGap(None, EventId(100, 0), EventId(250, 0), None, "bus"))
    publish(hub, "other", line(10))
    for name in ("log", "other"):
        hub.ingest.registry[name].ring.shrink(1_000_000)

    client = await Client(hub, "log", "other").open(after("200-1.0"))

    assert gaps(client.events()) == [
        ("log", "200-1", "300-1", "trimmed"),
        ("log", "100-0", "250-0", "bus"),
        ("other", "100-0", "250-0", "bus"),
    ]


async def test_a_slow_client_of_a_channel_that_nobody_records_is_told_from_where_lines_are_missing() -> None:
    hub, _ = new_hub(ring_lines="100")
    slow = await Client(hub, "log").open()
    publish(hub, "log", line(1))
    slow.transport.clog()
    publish(hub, "log", line(2))
    hub.ingest.fence_received(100)
    hub.ingest.lines_missing(10, "bus")
    for number in range(3, 200):
        publish(hub, "log", line(number))

    slow.transport.unclog()
    await slow.settle()

    events = slow.events()
    [(_, start, _, reason)] = gaps(events)
    assert (start, reason) == ("10-0", "slow")


async def test_a_client_that_a_replay_has_brought_further_than_the_rings_gets_no_line_twice() -> None:
    """While a session is replaced, another hub goes on recording, and the rings are filled from that log later."""
    hub, log = hub_with_log({"10-1": 1, "100-1": 2, "200-1": 3, "300-1": 4}, watermark=300)
    hub.ingest.registry["log"].ring.shrink(1_000_000)
    hub.ingest.session_lost()
    log.add("log", EventId(330, 1), line(5).encode())
    log.watermark = 400
    client = await Client(hub, "log").open(after("10-0"))
    await client.settle()
    assert numbers(client.events()) == [1, 2, 3, 4, 5]

    async for parts in read_merged(log, {"log": EventId(300, 1)}, 300, 400):
        hub.ingest.fill(parts)
    hub.ingest.session_backfilled(400, 400)
    publish(hub, "log", line(6))
    later: list[Event] = []
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not later:
            await client.settle()
            later = client.events()

    assert numbers(later) == [6]
