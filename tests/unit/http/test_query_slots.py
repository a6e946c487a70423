"""Slots for queries of the log (R3)."""

import asyncio

import pytest

from sse_hub.errors import LimitExceeded
from sse_hub.http import query_slots
from sse_hub.http.query_slots import EXPORTS_PER_SENDER, RUNNING, RUNNING_PER_SENDER, WAITING_PER_SENDER, QuerySlots


async def test_r3_queries_of_one_sender_wait_for_one_another_not_those_of_others() -> None:
    slots, running, most = QuerySlots(), 0, 0
    go = asyncio.Event()

    async def query(sender: str) -> None:
        nonlocal running, most
        async with slots.slot(sender, True):
            running += 1
            most = max(most, running)
            if sender == "many":
                await go.wait()
            running -= 1

    of_one = [asyncio.create_task(query("many")) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*(query(f"other {n}") for n in range(50))), 5)
    assert most <= RUNNING
    assert sum(task.done() for task in of_one) == 0
    go.set()
    await asyncio.gather(*of_one)
    assert most <= RUNNING
    assert slots._queries == {} and slots._running == {}


async def test_r3_a_sender_with_too_many_queries_is_refused_and_a_cancelled_one_leaves_its_slot() -> None:
    slots = QuerySlots()

    async def query() -> None:
        async with slots.slot("a", True):
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(query()) for _ in range(RUNNING_PER_SENDER + WAITING_PER_SENDER)]
    await asyncio.sleep(0)

    with pytest.raises(LimitExceeded) as caught:
        async with slots.slot("a", True):
            pass
    assert caught.value.reason == "queries"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with slots.slot("a", True):
        pass


async def test_r3_a_query_that_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_slots, "WAIT_SECONDS", 0.01)
    slots = QuerySlots()

    async with slots.slot("a", True), slots.slot("a", True):
        with pytest.raises(LimitExceeded):
            async with slots.slot("a", True):
                pass
    async with slots.slot("a", True):
        pass


async def test_r3_exports_of_one_sender_are_limited() -> None:
    slots = QuerySlots()
    held = [slots.export_slot("a", True) for _ in range(EXPORTS_PER_SENDER)]
    for each in held:
        await each.__aenter__()

    with pytest.raises(LimitExceeded):
        async with slots.export_slot("a", True):
            pass
    async with slots.export_slot("b", True), slots.export_slot("proxy", False):
        pass
    for each in held:
        await each.__aexit__(None, None, None)
    async with slots.export_slot("a", True):
        pass
