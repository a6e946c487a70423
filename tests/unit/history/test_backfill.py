"""The mender by itself: whatever it meets in the log, lines go on."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any, cast

from sse_hub.history.backfill import Backfill
from sse_hub.history.lease import LeaseState, Role
from sse_hub.history.reader import LogReader
from sse_hub.protocol.ids import EventId
from tests.support.in_memory import Client, MemoryLog, new_hub


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
