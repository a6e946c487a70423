"""The mender by itself: whatever it meets in the log, lines go on."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any, cast

from sse_hub.errors import LogUnavailable
from sse_hub.history.backfill import BACKFILL_SECONDS, Backfill
from sse_hub.history.lease import LeaseState, Role
from sse_hub.history.reader import LogReader
from sse_hub.hub.backend import LogGap, Page
from sse_hub.hub.hub import Hub
from sse_hub.protocol.ids import EventId
from tests.support.in_memory import Client, MemoryLog, line, new_hub, numbers
from tests.support.settings import PATIENCE


class ForeignLog(MemoryLog):
    """Somebody has written into the log what no recorder writes."""

    async def last_ids(self, until: int) -> Mapping[str, EventId]:
        return {"log": EventId(int("garbage"), 0)}


async def test_after_an_unreadable_log_a_backfill_reports_a_gap_and_lines_continue() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log").open()
    failed: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["exception"]))

    async def stand() -> LeaseState:
        return LeaseState(Role.TAP, 1_000, 1)

    mender = Backfill(hub.ingest, cast(LogReader, ForeignLog(random.Random(1), 1)), stand)
    mender.session_lost()
    mender.session_started(1_000)
    mender.lines_received({b"log": [b'{"n": 1}']})
    await client.settle()

    assert [(event.type, event.id) for event in client.events()] == [("gap", "1000-0"), ("message", "1000-1")]
    assert [type(error) for error in failed] == [ValueError]


class CutLog(MemoryLog):
    """A log whose connection is cut while it is read, at the first, fourth and ninth page."""

    def __init__(self) -> None:
        super().__init__(random.Random(1), 1)
        self.reads = 0

    async def page(self, channel: str, after: EventId, until: EventId) -> Page:
        self.reads += 1
        if self.reads in (1, 4, 9):
            raise LogUnavailable("Connection closed by server.")
        return await super().page(channel, after, until)


async def test_r12_a_backfill_whose_reads_are_cut_goes_on_where_it_was_and_misses_nothing() -> None:
    """The connection for commands was cut a moment after the session; a gap was told although the log had all lines."""
    hub, _ = new_hub()
    client = await Client(hub, "log").open()
    log = CutLog()
    there = [*range(1, 20), *range(25, 100)]
    for n in there:
        log.add("log", EventId(100 + n, 1), line(n).encode())
    log.broken.append(LogGap(None, EventId(120, 0), EventId(125, 0), None, "recorder-down"))
    log.watermark = 1_000

    async def stand() -> LeaseState:
        return LeaseState(Role.TAP, 1_000, 1)

    backfill = Backfill(hub.ingest, cast(LogReader, log), stand)
    backfill.session_lost()
    backfill.session_started(1_000)
    backfill.lines_received({b"log": [line(100).encode()]})
    await asyncio.wait_for(backfill.wait_applied(), 2 * PATIENCE)
    await client.settle()

    events = client.events()
    assert numbers(events) == [*there, 100]
    assert [event.json["before"] for event in events if event.type == "gap"] == ["125-0"]
    assert log.reads > 9


def backfill_from(hub: Hub, log: MemoryLog, watermark: int, others: int = 0) -> Backfill:
    """A backfill that `log` answers; nobody records beyond `watermark`."""

    async def stand() -> LeaseState:
        return LeaseState(Role.TAP, watermark, others)

    return Backfill(hub.ingest, cast(LogReader, log), stand)


async def test_a_session_is_filled_as_far_as_the_log_reaches_and_only_the_rest_is_told() -> None:
    """Two hubs left a server 0.1 s apart: the first one told 17 lines, of which the log had 11."""
    hub, _ = new_hub()
    client = await Client(hub, "log").open()
    pattern = await Client(hub, "l*").open()
    log = MemoryLog(random.Random(1), 1)
    for n in range(1, 12):
        log.add("log", EventId(100 + n, 1), line(n).encode())
    log.watermark = 500

    backfill = backfill_from(hub, log, 500)
    backfill.session_lost()
    backfill.session_started(1_000, "failover")
    backfill.fence_received(1_100)
    backfill.lines_missing(1_000, "bus")
    backfill.lines_received({b"log": [line(12).encode()]})
    await asyncio.wait_for(backfill.wait_applied(), 2 * PATIENCE)
    await client.settle()

    events = client.events()
    told = [
        (event.json["after"], event.json["before"], event.json["reason"]) for event in events if event.type == "gap"
    ]
    assert numbers(events) == list(range(1, 13))
    assert told == [("500-0", "1000-0", "failover"), ("1000-0", "1100-0", "bus")]
    by_pattern = [event.json for event in pattern.events() if event.type == "gap"]
    assert [(gap["channel"], gap["after"]) for gap in by_pattern] == [("l*", "500-0"), ("l*", "1000-0")]
    assert list(hub.ingest.gaps) == [(500, 1_000, "failover"), (1_000, 1_100, "bus")]


async def test_where_the_log_reaches_less_far_than_the_rings_nothing_is_filled_in() -> None:
    """A server that lagged has taken over."""
    hub, _ = new_hub()
    hub.ingest.fence_received(300)
    client = await Client(hub, "log").open()
    log = MemoryLog(random.Random(1), 1)
    log.add("log", EventId(100, 1), line(1).encode())
    log.watermark = 200

    backfill = backfill_from(hub, log, 200)
    backfill.session_lost()
    backfill.session_started(1_000, "failover")
    await asyncio.wait_for(backfill.wait_applied(), 2 * PATIENCE)
    await client.settle()

    [event] = client.events()
    assert (event.json["after"], event.json["before"], event.json["reason"]) == ("301-0", "1000-0", "failover")


async def test_channels_that_nobody_records_are_told_of_the_whole_time_between_two_sessions() -> None:
    hub, _ = new_hub(ingest="log")
    client = await Client(hub, "log", "outside").open()
    log = MemoryLog(random.Random(1), 1)
    log.watermark = 500

    backfill = backfill_from(hub, log, 500)
    backfill.session_lost()
    backfill.session_started(1_000, "failover")
    await asyncio.wait_for(backfill.wait_applied(), 2 * PATIENCE)
    await client.settle()

    told = {event.json["channel"]: event.json["after"] for event in client.events()}
    assert told == {"log": "500-0", "outside": "11-0"}


async def test_a_gap_of_a_move_keeps_its_reason_when_its_session_is_lost_before_it_is_told() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log").open()
    log = MemoryLog(random.Random(1), 1)
    log.watermark = 500

    # Another process is about to record up to the fence, so the gap is held back.
    backfill = backfill_from(hub, log, 500, others=1)
    backfill.session_lost()
    backfill.session_started(1_000, "failover")
    backfill.session_lost()
    backfill.session_started(2_000)
    await asyncio.wait_for(backfill.wait_applied(), 2 * BACKFILL_SECONDS * PATIENCE)
    backfill.session_lost()
    backfill.session_started(3_000)
    await asyncio.wait_for(backfill.wait_applied(), 2 * BACKFILL_SECONDS * PATIENCE)
    await client.settle()

    told = [(event.json["before"], event.json["reason"]) for event in client.events()]
    assert told == [("2000-0", "failover"), ("3000-0", "recorder-down")]


class BranchedLog(MemoryLog):
    """Notes that it was told of another branch."""

    left = 0

    def leave_branch(self) -> None:
        self.left += 1


async def test_after_a_dead_branch_nothing_is_filled_in_and_the_log_is_read_anew() -> None:
    hub, _ = new_hub()
    hub.ingest.fence_received(300)
    client = await Client(hub, "log").open()
    log = BranchedLog(random.Random(1), 1)
    log.add("log", EventId(400, 1), line(1).encode())
    log.watermark = 1_000

    backfill = backfill_from(hub, log, 1_000)
    backfill.session_lost()
    backfill.session_forked(10, 1_000)
    backfill.lines_received({b"log": [line(2).encode()]})
    await asyncio.wait_for(backfill.wait_applied(), 2 * PATIENCE)
    await client.settle()

    assert [(event.type, event.id) for event in client.events()] == [("gap", "1000-0"), ("message", "1000-1")]
    assert log.left == 1
    assert (hub.ingest.first_fence, hub.ingest.complete_since, hub.ingest.held_since) == (1_000, 1_000, 1_000)
