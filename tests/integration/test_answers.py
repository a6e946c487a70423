"""Answers that nobody takes: they are bounded, and who takes theirs does not notice."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from sse_hub.history.query import MAX_BYTES
from sse_hub.http.admission import ANSWERS_BYTES_PER_SENDER
from tests.integration.asking import ask
from tests.integration.test_metrics import scrape
from tests.integration.wires import HERE, Wire, request, told, wire
from tests.rig import DEADLINE_SECONDS, HubProcess, hub_process, redis_server, wait_until

logger = logging.getLogger(__name__)

CHANNEL = "large"
LINES, LINE_BYTES = 12, 800_000
PAUSED_ADDRESS = "127.0.0.2"
CROWD = 40
# With what is kept of pages while they are made, and of those that have only been begun: a line each.
MOST_BYTES = 4 * ANSWERS_BYTES_PER_SENDER
PAGE = f"/history?channel={CHANNEL}&limit={LINES}"


@pytest.fixture
def hub() -> Iterator[HubProcess]:
    """A hub whose log has pages of 9 MB; its limits count for this machine's addresses."""
    with redis_server() as server, hub_process(server.url, "--streams-per-address", "32") as hub:
        hub.wait_recording()
        with server.client() as client:
            for number in range(LINES):
                client.publish(CHANNEL, json.dumps({"n": number, "text": "x" * LINE_BYTES}))
        wait_until(lambda: len(ask(hub, PAGE).body) > MAX_BYTES, "a page is as large as pages are")
        yield hub


async def status_of(connection: Wire) -> int:
    """What an answer begins with, of which nothing more is taken."""
    return int((await connection.read_until(b"\r\n")).split()[1])


@pytest.mark.parametrize("path", [PAGE, f"/search?channel={CHANNEL}&text=xxx"])
async def test_pages_that_nobody_reads_are_bounded_and_readers_do_not_notice(hub: HubProcess, path: str) -> None:
    page = (await told(hub, request(path))).body
    before = hub.resident_bytes()
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(wire(hub, PAUSED_ADDRESS, 4096)) for _ in range(CROWD)]
        for each in crowd:
            each.send(request(path))
        statuses = await asyncio.gather(*map(status_of, crowd))
        grown = hub.resident_bytes() - before
        # Whoever takes what they ask for, from another address: each before the next, or some at a time.
        one_by_one = [await told(hub, request(path), HERE) for _ in range(5)]
        together = await asyncio.gather(*(told(hub, request(path), HERE) for _ in range(3)))
    refused = scrape(hub).get("sse_hub_refused_total", reason="answers")

    logger.warning("page=%d grown=%d taken=%d of %d", len(page), grown, statuses.count(200), CROWD)
    held = statuses.count(200) * len(page)
    assert set(statuses) == {200, 429}
    assert held < ANSWERS_BYTES_PER_SENDER + 2 * len(page)
    assert grown < MOST_BYTES
    assert [each.status for each in (*one_by_one, *together)] == [200] * 8
    assert {each.body for each in (*one_by_one, *together)} == {page}
    assert refused == statuses.count(429)


async def test_what_was_not_taken_counts_no_longer_when_its_client_has_gone(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(wire(hub, PAUSED_ADDRESS, 4096)) for _ in range(CROWD)]
        for each in crowd:
            each.send(request(PAGE))
        assert 429 in await asyncio.gather(*map(status_of, crowd))

    async def served() -> bool:
        return (await told(hub, request(PAGE), PAUSED_ADDRESS)).status == 200

    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await served():
            pass


async def test_a_page_that_is_too_many_is_told_when_to_come_back(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(wire(hub, PAUSED_ADDRESS, 4096)) for _ in range(CROWD)]
        for each in crowd:
            each.send(request(PAGE))
        await asyncio.gather(*map(status_of, crowd))
        reply = await told(hub, request(f"/export?channel={CHANNEL}"), PAUSED_ADDRESS)

    assert reply.status == 429
    assert "retry-after: 1" in reply.head.lower()
    assert "not taken yet" in reply.detail
