"""A flood of names: nobody else's channels pay for it, and what hub and Redis keep is bounded (R5)."""

import asyncio
import json
import logging
import time
from collections import Counter

import psutil

from tests.support.metrics import scrape
from tests.support.recording_hubs import recorded_seqs
from tests.support.servers import RedisServer, hub_process, redis_server
from tests.support.settings import at_scale
from tests.support.sse_client import Event, Stream, open_stream
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

NAMES = at_scale(6_000, 1_000_000)
SECONDS = at_scale(6, 600)
NEW_PER_SECOND = at_scale(20, 100)
KEPT = at_scale(500, 20_000)
KNOWN = [f"app.{number}" for number in range(20)]
ROUNDS_PER_SECOND = 4
# One line each. They begin during the flood, one after the other.
OTHERS = [f"{first}{second}.late" for first in "bcdefg" for second in "aeiou"]
# What Redis takes for a channel of one line, and for everything else.
BYTES_PER_CHANNEL, BASE_BYTES = 6_000, 20_000_000


async def flood(server: RedisServer) -> tuple[int, dict[str, float]]:
    """Publish names, and meanwhile lines of known channels and of others. Returns the rounds, and when others began."""
    began = time.monotonic()
    published, rounds = 0, 0
    others: dict[str, float] = {}
    with server.client() as client:
        while published < NAMES:
            pipeline = client.pipeline(transaction=False)
            due = min(NAMES, round((time.monotonic() - began) / SECONDS * NAMES))
            for number in range(published, due):
                pipeline.publish(f"n.{number}", '{"a": 1}')
            published = due
            if time.monotonic() - began >= rounds / ROUNDS_PER_SECOND:
                rounds += 1
                for channel in KNOWN:
                    pipeline.publish(channel, json.dumps({"seq": rounds}))
            elapsed = time.monotonic() - began
            for number, channel in enumerate(OTHERS):
                # After the flood has used up what is taken at once.
                if channel not in others and elapsed > SECONDS * (0.5 + 0.4 * number / len(OTHERS)):
                    others[channel] = elapsed
                    pipeline.publish(channel, '{"first": true}')
            await asyncio.to_thread(pipeline.execute)
            await asyncio.sleep(0.02)
    return rounds, others


async def test_r5_a_flood_of_names_costs_known_channels_nothing_and_leaves_room_for_the_new_ones_of_others() -> None:
    options = ("--new-channels-per-second", str(NEW_PER_SECOND), "--retain-channels", str(KEPT))
    with redis_server() as server, hub_process(server.url, *options) as hub:
        hub.wait_recording()
        with server.client() as client:
            for channel in KNOWN:
                client.publish(channel, json.dumps({"seq": 0}))
            await asyncio.to_thread(
                wait_until, lambda: client.hlen("sse-hub:channels") == len(KNOWN) + 1, "these are known"
            )
        query = "&".join(f"channel={channel}" for channel in KNOWN)
        async with open_stream(f"{hub.url}/message?{query}") as known, open_stream(f"{hub.url}/message?channel=*"):
            events: list[Event] = []
            waits: list[float] = []
            reading = asyncio.create_task(read(known, hub.url, events, waits))
            rounds, others = await flood(server)
            await asyncio.to_thread(
                wait_until, lambda: len(events) >= rounds * len(KNOWN), "all lines of known channels have come"
            )
            reading.cancel()
            with server.client() as client:
                await asyncio.to_thread(
                    wait_until, lambda: client.zcard("sse-hub:recent") <= KEPT, "the excess is forgotten"
                )
                redis_bytes = client.info("memory")["used_memory"]
                taken = [name for name in OTHERS if client.exists(f"sse-hub:log:{name}")]
            logs = {channel: list(recorded_seqs(server, channel).values()) for channel in KNOWN}
            known_to_hub = scrape(hub).get("sse_hub_channels")
            hub_bytes = psutil.Process(hub.process.pid).memory_info().rss
            text = hub.output

    logger.info(
        "%d names in %d s: Redis %.0f MB, hub %.0f MB, %d channels known, %d of %d others taken at once, longest wait"
        " %.3f s, the 99th of a hundred %.3f s",
        *(NAMES, SECONDS, redis_bytes / 1e6, hub_bytes / 1e6, known_to_hub, len(taken), len(others)),
        *(max(waits), sorted(waits)[int(0.99 * len(waits))]),
    )
    received = Counter(event.json["@channel"] for event in events if event.type == "message")
    assert [event for event in events if event.type != "message"] == []
    assert received == dict.fromkeys(KNOWN, rounds)
    assert logs == dict.fromkeys(KNOWN, list(range(rounds + 1)))
    assert len(taken) >= 0.9 * len(others)
    assert redis_bytes < BASE_BYTES + 1.1 * KEPT * BYTES_PER_CHANNEL
    assert known_to_hub <= 20_000
    assert hub_bytes < 400_000_000
    assert "channels_dropped" in text


async def read(stream: Stream, url: str, events: list[Event], waits: list[float]) -> None:
    """Add what comes to `events`, and to `waits` now and then how long the hub takes to say that it lives."""
    async for event in stream:
        if event.type != "checkpoint":
            events.append(event)
        if len(events) % len(KNOWN) == 0:
            waits.append(await live_seconds(url))


async def live_seconds(url: str) -> float:
    """How long the hub takes to say that it lives."""
    host, port = url.removeprefix("http://").split(":")
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    await reader.read()
    writer.close()
    await writer.wait_closed()
    return time.monotonic() - began
