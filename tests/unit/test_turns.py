"""Slices of long work, between any two of which the event loop does everything else that is to be done."""

import asyncio

import pytest

from sse_hub.history.fair_lock import FairLock


async def test_between_two_slices_everybody_else_has_been_served() -> None:
    turns = FairLock()
    done: list[str] = []
    loop = asyncio.get_running_loop()
    ended = False

    def live() -> None:
        done.append("live")
        if not ended:
            loop.call_soon(live)

    async def long_work(name: str) -> None:
        for _ in range(5):
            async with turns:
                done.append(name)

    loop.call_soon(live)
    await asyncio.gather(*(long_work(f"reader {number}") for number in range(8)))
    ended = True

    slices = [at for at, name in enumerate(done) if name != "live"]
    assert len(slices) == 40
    assert all("live" in done[one:other] for one, other in zip(slices, slices[1:], strict=False))
    # None has to wait until another is through: the first one has asked for its second slice before the last one came.
    assert {done[at] for at in slices[:9]} == {f"reader {number}" for number in range(8)}


async def test_a_slice_that_fails_and_one_that_is_given_up_leave_the_turn_to_the_next() -> None:
    turns = FairLock()

    async def fail() -> None:
        async with turns:
            raise ValueError("a line of it")

    async def work() -> str:
        async with turns:
            return "done"

    failing, given_up, next_one = (asyncio.create_task(each) for each in (fail(), work(), work()))
    await asyncio.sleep(0)
    given_up.cancel()

    with pytest.raises(ValueError, match="a line of it"):
        await failing
    assert await next_one == "done"
