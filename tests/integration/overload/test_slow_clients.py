"""A client that stops reading affects nobody else, and loses nothing without a gap."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support.load import Publisher, is_last, verdict
from tests.support.recording_hubs import current_fence, watermark
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import DEADLINE_SECONDS, PATIENCE
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

# 20 MB: many times the kernel's buffers of one connection.
LINES = 10_000
TEXT = "x" * 2_000
PAUSED = 30
BYTES_PER_PAUSED = 256 * 1024
STALL_SECONDS = 5


@pytest.fixture(scope="module")
def small_hub(server: RedisServer) -> Iterator[HubProcess]:
    """A hub that keeps the last 500 lines of a channel in memory."""
    with hub_process(server.url, "--ring-lines", "500") as hub:
        hub.wait_recording()
        yield hub


@pytest.fixture
def stalling_hub(server: RedisServer) -> Iterator[HubProcess]:
    """A hub that disconnects a client that stalls for STALL_SECONDS."""
    with hub_process(server.url, "--stall-seconds", str(STALL_SECONDS), "--heartbeat-seconds", "1") as hub:
        yield hub


@pytest.fixture
def forgetful_hub(own_server: RedisServer) -> Iterator[HubProcess]:
    """A hub that keeps the last 500 lines in memory, and few more in the log."""
    with hub_process(own_server.url, "--ring-lines", "500", "--retain-lines", "500") as hub:
        yield hub


async def publish_large(server: RedisServer, hub: HubProcess, channel: str) -> Publisher:
    """Publish LINES large lines; return when the hub has them."""
    publisher = Publisher(server, [channel], 1, "only", TEXT)
    before = entry(hub, channel)["lines"]

    def publish() -> None:
        for _ in range(LINES // 100):
            publisher.publish(100)
        wait_until(lambda: entry(hub, channel)["lines"] - before == LINES, "the hub has all lines")

    await asyncio.to_thread(publish)
    return publisher


def lines_recorded(server: RedisServer, channel: str) -> int:
    """The number of lines of `channel` recorded so far, trimmed ones included."""
    with server.client() as client:
        last_and_count: bytes = client.hget("sse-hub:channels", channel) or b"- 0"
        return int(last_and_count.split()[1])


def entry(hub: HubProcess, channel: str) -> dict[str, Any]:
    """The entry of `channel` in /channels, which must exist."""
    with urllib.request.urlopen(hub.url + "/channels", timeout=DEADLINE_SECONDS) as response:
        entries: list[dict[str, Any]] = json.load(response)["channels"]
    return next(each for each in entries if each["name"] == channel)


async def test_a_paused_client_gets_every_line_later_and_delays_nobody(
    server: RedisServer, hub: HubProcess, channel: str
) -> None:
    url = f"{hub.url}/message?channel={channel}"
    async with (
        open_stream(url, receive_buffer_bytes=4096) as paused,
        open_stream(url) as one,
        open_stream(f"{url}&batch=1") as other,
    ):
        reading = asyncio.gather(one.until(is_last), other.until(is_last))
        publisher = await publish_large(server, hub, channel)
        publisher.finish()
        of_one, of_other = await reading
        late = verdict(await paused.until(is_last))

    told = verdict(of_one)
    assert told.seqs == list(range(1, publisher.begun + 1))
    assert sum(len(event.json) for event in of_other) == publisher.begun
    assert late == told


async def test_a_client_that_falls_behind_the_ring_continues_from_the_log(
    server: RedisServer, small_hub: HubProcess, channel: str
) -> None:
    url = f"{small_hub.url}/message?channel={channel}"
    async with (
        open_stream(url, receive_buffer_bytes=4096) as paused,
        open_stream(f"{url}&channel=quiet", receive_buffer_bytes=4096) as merged,
        open_stream(f"{url}&batch=1", receive_buffer_bytes=4096) as batched,
        open_stream(f"{url}*", receive_buffer_bytes=4096) as pattern,
    ):
        publisher = await publish_large(server, small_hub, channel)
        publisher.finish()
        of_paused, of_merged, of_batched, of_pattern = await asyncio.gather(
            *(each.until(is_last) for each in (paused, merged, batched, pattern))
        )
        told = verdict(of_paused)

    every = list(range(1, publisher.begun + 1))
    assert (told.seqs, told.gaps) == (every, [])
    assert [event.json["seq"] for event in of_merged] == every
    assert [json.loads(row[2])["seq"] for event in of_batched for row in event.json] == every
    assert [event.json["seq"] for event in of_pattern] == every


async def test_a_client_that_falls_behind_the_log_too_gets_one_gap(
    own_server: RedisServer, forgetful_hub: HubProcess, channel: str
) -> None:
    publisher = Publisher(own_server, [channel], 1, "only", TEXT)

    def publish() -> None:
        # No faster than it is recorded: lines trimmed while the client reads would be a second gap.
        for _ in range(LINES // 500):
            publisher.publish(500)
            wait_until(lambda: lines_recorded(own_server, channel) == publisher.begun, "all so far is recorded")
        publisher.finish()

    async with open_stream(f"{forgetful_hub.url}/message?channel={channel}", receive_buffer_bytes=4096) as paused:
        await asyncio.to_thread(publish)
        fence = await current_fence(forgetful_hub)
        await asyncio.to_thread(wait_until, lambda: watermark(own_server) >= fence, "the last line is recorded")
        told = verdict(await paused.until(is_last))

    [gap] = told.gaps
    assert gap["reason"] == "trimmed"
    assert told.seqs[-400:] == list(range(publisher.begun - 399, publisher.begun + 1))


async def test_paused_clients_use_no_memory_of_the_hub(
    server: RedisServer, small_hub: HubProcess, channel: str
) -> None:
    """A full ring does not grow, so any additional memory is due to the clients."""
    url = f"{small_hub.url}/message?channel={channel}"
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(open_stream(url))
        first = asyncio.create_task(reader.until(is_last))
        (await publish_large(server, small_hub, channel)).finish()
        await first
        before = small_hub.resident_bytes()

        for _ in range(PAUSED):
            await stack.enter_async_context(open_stream(url, receive_buffer_bytes=4096))
        second = asyncio.create_task(reader.until(is_last))
        (await publish_large(server, small_hub, channel)).finish()
        await second
        grown = small_hub.resident_bytes() - before

    assert grown < PAUSED * BYTES_PER_PAUSED


async def test_a_client_stalled_too_long_is_disconnected(
    server: RedisServer, stalling_hub: HubProcess, channel: str
) -> None:
    async with open_stream(f"{stalling_hub.url}/message?channel={channel}", receive_buffer_bytes=4096) as paused:
        assert entry(stalling_hub, channel)["subscribers"] == 1
        # It stalls somewhere between the first and the last of these lines.
        began = time.monotonic()
        await publish_large(server, stalling_hub, channel)
        published = time.monotonic()

        await asyncio.to_thread(
            wait_until, lambda: entry(stalling_hub, channel)["subscribers"] == 0, "the hub closes the client"
        )
        closed = time.monotonic()
        await paused.rest()

    assert closed - began > STALL_SECONDS - 1
    assert closed - published < (STALL_SECONDS + 3) * PATIENCE
    assert not paused.ended_cleanly
