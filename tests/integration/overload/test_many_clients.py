"""Many clients within the limits: idle ones use few resources, and simultaneous ones are served quickly."""

import asyncio
import logging
import time

import psutil
import pytest

from tests.support.idle_clients import close_all, connect, connect_all, idle_clients, p99
from tests.support.servers import RedisServer, hub_process
from tests.support.settings import PATIENCE, at_scale
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.usefixtures("many_files")

IDLE = at_scale(500, 10_000)
HEARTBEAT_SECONDS = at_scale(1, 15)
WATCHED_SECONDS = at_scale(2, 60)
BYTES_PER_IDLE = 20 * 1024
IDLE_CPU = 0.10
LATE_SECONDS = 3.0
LAST_LINE_SECONDS = 0.5 * PATIENCE

STORM = at_scale(300, 3_000)
CHURN_PER_SECOND = at_scale(100, 500)
CHURN_SECONDS = at_scale(1, 300)
STORM_SECONDS = 3.0 * PATIENCE
# At the small scale there are too few clients for a meaningful p99.
CHURN_FIRST_BYTE_SECONDS = at_scale(1_000, 200) / 1000 * PATIENCE
SCRIPTS_PER_SECOND = 60
# With these options, the limits apply to loopback addresses too.
LIMITS = ("--streams-per-address", "64", "--streams-total", str(max(IDLE, STORM)))


def scripts_run(server: RedisServer) -> int:
    with server.client() as client:
        statistics: dict[str, dict[str, int]] = client.info("commandstats")
    return statistics["cmdstat_evalsha"]["calls"]


async def test_r16_idle_clients_use_few_resources_and_get_heartbeats_in_time(server: RedisServer, channel: str) -> None:
    with hub_process(server.url, *LIMITS, "--heartbeat-seconds", str(HEARTBEAT_SECONDS)) as hub:
        process = psutil.Process(hub.process.pid)
        async with idle_clients(hub, channel, 100):
            pass
        before = hub.resident_bytes()
        async with idle_clients(hub, channel, IDLE) as listeners:
            assert all(listener.served for listener in listeners)
            bytes_each = (hub.resident_bytes() - before) / IDLE
            [one_more] = await connect_all(hub, channel, [0])
            assert b"refused" in one_more.head
            began, cpu = time.monotonic(), process.cpu_times()
            await asyncio.sleep(WATCHED_SECONDS)
            spent = process.cpu_times()
            share = (spent.user + spent.system - cpu.user - cpu.system) / (time.monotonic() - began)
            published = time.monotonic()
            with server.client() as client:
                client.publish(channel, "to all")
            await asyncio.to_thread(wait_until, lambda: all(each.lines_at for each in listeners), "all have the line")
            last = max(each.lines_at[0] for each in listeners) - published

    # Heartbeats come at the set interval, within 20 % and one second of a timer slot.
    off = [
        abs(later - sooner - HEARTBEAT_SECONDS)
        for each in listeners
        for sooner, later in zip(each.beats, each.beats[1:], strict=False)
    ]
    logger.warning(
        "idle=%d: %.1f kB each, CPU %.1f %%, heartbeats %d, %.2f s off at most, line to the last after %.0f ms",
        *(IDLE, bytes_each / 1024, share * 100, len(off), max(off), last * 1000),
    )
    assert bytes_each < BYTES_PER_IDLE
    assert share < IDLE_CPU * PATIENCE
    assert all(each.beats for each in listeners)
    assert max(off) < 0.2 * HEARTBEAT_SECONDS + LATE_SECONDS * PATIENCE
    assert last < LAST_LINE_SECONDS


async def test_r17_a_storm_of_connections_and_the_churn_after_it_are_served_in_time(
    server: RedisServer, channel: str
) -> None:
    with hub_process(server.url, *LIMITS) as hub:
        scripts, began = scripts_run(server), time.monotonic()
        storm = await connect_all(hub, channel, range(STORM))
        assert all(listener.served for listener in storm)
        stormy = p99(listener.waited_seconds for listener in storm)
        shared, seconds = scripts_run(server) - scripts, time.monotonic() - began
        scripts, began = scripts_run(server), time.monotonic()

        leaving, waited, coming = storm, [], []
        for number in range(CHURN_PER_SECOND * CHURN_SECONDS):
            await asyncio.sleep(max(0.0, began + number / CHURN_PER_SECOND - time.monotonic()))
            coming.append(asyncio.create_task(connect(hub, channel, number)))
            # As many clients leave as come.
            if len(coming) == CHURN_PER_SECOND // 10:
                await close_all(leaving[: len(coming)])
                leaving = leaving[len(coming) :]
                come = await asyncio.gather(*coming)
                await asyncio.gather(*(each.first for each in come))
                assert all(each.served for each in come)
                waited += [each.waited_seconds for each in come]
                leaving, coming = leaving + come, []
        churning = (scripts_run(server) - scripts) / (time.monotonic() - began)
        await close_all(leaving)

    logger.warning(
        "storm=%d: p99 %.0f ms, %d scripts; churn=%d/s for %d s: p99 %.1f ms, %.0f scripts a second",
        *(STORM, stormy * 1000, shared, CHURN_PER_SECOND, CHURN_SECONDS, p99(waited) * 1000, churning),
    )
    assert stormy < STORM_SECONDS
    assert p99(waited) < CHURN_FIRST_BYTE_SECONDS
    # Clients that come while a fence is being issued share the next one; a client that comes alone gets its own fence,
    # after which the recorder writes.
    assert shared < STORM / 10 + SCRIPTS_PER_SECOND * (seconds + 1)
    assert churning < 2 * CHURN_PER_SECOND + SCRIPTS_PER_SECOND
