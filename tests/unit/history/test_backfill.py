"""The mender by itself: whatever it meets in the log, lines go on."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any, cast

from sse_hub.errors import LogUnavailable
from sse_hub.history.backfill import Backfill
from sse_hub.history.lease import LeaseState, Role
from sse_hub.history.reader import LogReader
from sse_hub.hub.backend import LogGap, Page
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
