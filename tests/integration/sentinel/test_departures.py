"""Hubs leave a replaced primary at one place of its order; an announcement that is not true changes nothing."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event as Stop
from threading import Thread

import pytest
from redis.exceptions import RedisError

from tests.support.metrics import scrape
from tests.support.recording_hubs import EVERY_LINE
from tests.support.redis_nodes import Node
from tests.support.sentinel_servers import FAST, SentinelServers, sentinel_servers
from tests.support.servers import HubProcess, hub_processes
from tests.support.sse_client import Stream, open_stream

HUBS = 3
LINES_PER_SECOND = 1_000
FORGED = 20


@pytest.fixture(scope="module")
def rig() -> Iterator[SentinelServers]:
    with sentinel_servers(periods_ms=FAST) as rig:
        yield rig


@pytest.fixture(scope="module")
def hubs(rig: SentinelServers) -> Iterator[list[HubProcess]]:
    with hub_processes(HUBS, rig.url, *EVERY_LINE) as hubs:
        hubs[0].wait_recording()
        yield hubs


@contextmanager
def published(server: Node, channel: str) -> Iterator[None]:
    """Numbered lines at `server`, whatever has become of it, for the duration of the block."""
    stopped = Stop()

    def publish() -> None:
        number = 0
        with server.client() as client:
            while not stopped.wait(1 / LINES_PER_SECOND):
                with suppress(RedisError):
                    client.publish(channel, json.dumps({"n": number}))
                number += 1

    thread = Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


async def lines_before_a_gap(stream: Stream) -> list[tuple[str, int]]:
    events = await stream.until(lambda event: event.type == "gap")
    assert events[-1].json["reason"] == "failover"
    return [(event.id, event.json["n"]) for event in events[:-1]]


async def test_all_hubs_leave_a_replaced_primary_at_the_same_line(
    rig: SentinelServers, hubs: list[HubProcess], channel: str
) -> None:
    primary = rig.wait_primary()
    streams = [open_stream(f"{hub.url}/message?channel={channel}") for hub in hubs]
    async with streams[0] as first, streams[1] as second, streams[2] as third:
        with published(primary, channel):
            await asyncio.to_thread(rig.fail_over)
            came = await asyncio.gather(*map(lines_before_a_gap, (first, second, third)))

    assert len(came[0]) > HUBS
    assert [each[-1] for each in came] == [came[0][-1]] * HUBS, "".join(hub.output for hub in hubs)
    assert came == [came[0]] * HUBS
    await asyncio.to_thread(rig.wait_replicas)


async def test_what_is_announced_and_not_true_costs_neither_a_session_nor_a_line(
    rig: SentinelServers, hubs: list[HubProcess], channel: str
) -> None:
    sessions = hubs[0].output.count("session_started")
    forged = scrape(hubs[0]).get("sse_hub_invalid_fences_total")
    async with open_stream(f"{hubs[0].url}/message?channel={channel}") as stream:
        with rig.wait_primary().client() as client:
            for number in range(FORGED):
                client.publish("sse-hub:fence", "moved")
                client.publish(channel, json.dumps({"n": number}))
        events = await stream.take(FORGED)

    assert [event.json["n"] for event in events] == list(range(FORGED))
    assert scrape(hubs[0]).get("sse_hub_invalid_fences_total") == forged + FORGED
    assert hubs[0].output.count("session_started") == sessions
