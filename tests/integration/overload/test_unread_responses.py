"""Responses that nobody reads: their memory is bounded, and clients that read are unaffected."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from sse_hub.history.query import MAX_BYTES
from sse_hub.http.admission import RESPONSE_BYTES_PER_SENDER
from tests.support.http_client import fetch
from tests.support.metrics import scrape
from tests.support.raw_http import LOCALHOST, RawConnection, raw_connection, request_head, send_raw
from tests.support.servers import HubProcess, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

CHANNEL = "large"
LINES, LINE_BYTES = 12, 800_000
PAUSED_ADDRESS = "127.0.0.2"
CROWD = 40
# Including buffers of pages under construction, and of pages just begun, one line each.
MOST_BYTES = 4 * RESPONSE_BYTES_PER_SENDER
PAGE = f"/history?channel={CHANNEL}&limit={LINES}"


@pytest.fixture
def hub() -> Iterator[HubProcess]:
    """A hub whose log has pages of 9 MB, with limits that apply to loopback addresses too."""
    with redis_server() as server, hub_process(server.url, "--streams-per-address", "32") as hub:
        hub.wait_recording()
        with server.client() as client:
            for number in range(LINES):
                client.publish(CHANNEL, json.dumps({"n": number, "text": "x" * LINE_BYTES}))
        wait_until(lambda: len(fetch(hub, PAGE).body) > MAX_BYTES, "a page is as large as pages are")
        yield hub


async def status_of(connection: RawConnection) -> int:
    """The status of a response of which only the beginning is read."""
    return int((await connection.read_until(b"\r\n")).split()[1])


@pytest.mark.parametrize("path", [PAGE, f"/search?channel={CHANNEL}&text=xxx"])
async def test_memory_of_unread_pages_is_bounded_and_other_readers_are_unaffected(hub: HubProcess, path: str) -> None:
    page = (await send_raw(hub, request_head(path))).body
    before = hub.resident_bytes()
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(raw_connection(hub, PAUSED_ADDRESS, 4096)) for _ in range(CROWD)]
        for each in crowd:
            each.send(request_head(path))
        statuses = await asyncio.gather(*map(status_of, crowd))
        grown = hub.resident_bytes() - before
        # Clients at another address that read their responses, one by one and several at once.
        one_by_one = [await send_raw(hub, request_head(path), LOCALHOST) for _ in range(5)]
        together = await asyncio.gather(*(send_raw(hub, request_head(path), LOCALHOST) for _ in range(3)))
    metrics = scrape(hub)
    # Too many unread bytes, or too many queries at the same time.
    refused = sum(metrics.get("sse_hub_refused_total", reason=reason) for reason in ("answers", "queries"))

    logger.warning("page=%d grown=%d taken=%d of %d", len(page), grown, statuses.count(200), CROWD)
    held = statuses.count(200) * len(page)
    assert set(statuses) == {200, 429}
    assert held < RESPONSE_BYTES_PER_SENDER + 2 * len(page)
    assert grown < MOST_BYTES
    assert [each.status for each in (*one_by_one, *together)] == [200] * 8
    assert {each.body for each in (*one_by_one, *together)} == {page}
    assert refused == statuses.count(429)


async def test_unread_bytes_are_released_when_their_client_leaves(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(raw_connection(hub, PAUSED_ADDRESS, 4096)) for _ in range(CROWD)]
        for each in crowd:
            each.send(request_head(PAGE))
        assert 429 in await asyncio.gather(*map(status_of, crowd))

    async def served() -> bool:
        return (await send_raw(hub, request_head(PAGE), PAUSED_ADDRESS)).status == 200

    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await served():
            pass


async def test_a_page_beyond_the_memory_limit_is_refused_with_retry_after(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(raw_connection(hub, PAUSED_ADDRESS, 4096)) for _ in range(CROWD)]
        for each in crowd:
            each.send(request_head(PAGE))
        await asyncio.gather(*map(status_of, crowd))
        reply = await send_raw(hub, request_head(f"/export?channel={CHANNEL}"), PAUSED_ADDRESS)

    assert reply.status == 429
    assert "retry-after: 1" in reply.head.lower()
    assert "unread responses" in reply.detail
