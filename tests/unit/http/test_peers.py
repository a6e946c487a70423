"""Messages between the workers of one hub."""

import asyncio

import pytest

from sse_hub.http.peers import WorkerId, ask_all, create_workers, serve_peers
from tests.support.settings import DEADLINE_SECONDS, PATIENCE


@pytest.mark.parametrize(
    ("said", "heard"), [(b"x" * 1_000_000, b"x" * 1_000_000), (b"", None)], ids=["much", "nothing"]
)
async def test_a_reply_of_a_peer_is_read_to_its_end(said: bytes, heard: bytes | None) -> None:
    with create_workers(3) as workers:
        async with serve_peers(workers[0], lambda: said):
            answers = await ask_all(workers[1], b"own")

    assert answers == {0: heard, 1: b"own", 2: None}


async def test_a_worker_that_reads_nothing_does_not_delay_others_and_its_successor_replies() -> None:
    """Its inbox may be full: asking it must not block, and old requests in it must not disturb its successor."""
    loop = asyncio.get_running_loop()
    with create_workers(2) as workers:
        begun = loop.time()
        answers = await asyncio.gather(*(ask_all(workers[1], b"own") for _ in range(300)))
        assert loop.time() - begun < 2.0 * PATIENCE
        async with serve_peers(workers[0], lambda: b"said"):
            async with asyncio.timeout(DEADLINE_SECONDS):
                while (await ask_all(workers[1], b"own"))[0] != b"said":
                    pass

    assert answers == [{0: None, 1: b"own"}] * 300


async def test_a_single_process_replies_for_itself() -> None:
    async with serve_peers(WorkerId(), lambda: b"never asked"):
        assert await ask_all(WorkerId(), b"own") == {0: b"own"}
