"""A fair lock for slices of long work: between two slices the event loop does all other work."""

import asyncio

import pytest

from sse_hub.hub.fair_lock import FairLock


async def test_between_two_slices_of_long_work_the_event_loop_serves_everything_else() -> None:
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
    # None waits until another has finished: the first one requests its second slice before the last one gets its first.
    assert {done[at] for at in slices[:9]} == {f"reader {number}" for number in range(8)}


async def test_a_failed_and_a_cancelled_slice_release_the_lock() -> None:
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
