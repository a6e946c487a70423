"""The recorder dies, freezes, is cut off: the log stays complete, in order, and each line is in it once."""

import asyncio
import time
from contextlib import ExitStack

from tests.integration.deployment import EVERY_LINE, deployment, go_on, kill, recorded, wait_recorder
from tests.integration.traffic import Publisher, publishing, redis_order
from tests.rig import PATIENCE, HubProcess, RedisServer, at_scale, hub_process, redis_server, wait_until
from tests.sse import open_stream

LINES_PER_SECOND = at_scale(2_000, 6_000)
# Two, so that each of two hubs takes over from the other.
KILLS = at_scale(2, 20)


async def test_the_log_is_complete_and_in_order_though_recorders_are_killed() -> None:
    def kill_often(server: RedisServer, hubs: list[HubProcess], stack: ExitStack, publisher: Publisher) -> list[float]:
        takeovers = []
        for _ in range(KILLS):
            victim = wait_recorder(hubs)
            hubs.remove(victim)
            kill(victim)
            started = time.monotonic()
            wait_recorder(hubs)
            takeovers.append(time.monotonic() - started)
            hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE, port=victim.port)))
            go_on(publisher, LINES_PER_SECOND // 2)
        return takeovers

    with deployment() as (server, hubs, stack), redis_order(server, "a") as published:
        with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
            takeovers = await asyncio.to_thread(kill_often, server, hubs, stack, publisher)
        publisher.finish()
        wait_until(lambda: len(published) == publisher.begun, "the reference is complete")
        wait_until(lambda: len(recorded(server, "a")) >= len(published), "all is recorded")
        log = recorded(server, "a")

    assert list(log) == sorted(published)
    assert max(takeovers) < 1.6 * PATIENCE


async def test_what_is_older_than_the_log_remembers_is_told_and_idle_channels_are_forgotten() -> None:
    """A day is two seconds here."""
    with redis_server() as server, hub_process(server.url, "--retain-time", "2s") as hub:
        hub.wait_recording()
        url = f"{hub.url}/message?channel=idle"
        async with open_stream(url) as stream:
            with server.client() as client:
                client.publish("idle", '{"seq": 1}')
                client.publish("idle", '{"seq": 2}')
                first, _ = await stream.take(2)
        with server.client() as client:
            wait_until(lambda: bool(client.exists("sse-hub:log:idle")), "the lines are recorded")
            wait_until(lambda: not client.exists("sse-hub:log:idle"), "the channel has expired")
        with hub_process(server.url, "--retain-time", "2s") as new:
            async with open_stream(f"{new.url}/message?channel=idle", {"Last-Event-ID": first.id}) as resumed:
                [gap] = await resumed.take(1)

    assert (gap.type, gap.json["reason"]) == ("gap", "trimmed")
    assert gap.json["after"] == first.id


def test_a_full_redis_is_not_filled_further_and_gets_the_lines_when_there_is_room() -> None:
    with redis_server() as server, hub_process(server.url) as hub, server.client() as client:
        hub.wait_recording()
        client.publish("log", '{"n": 1}')
        wait_until(lambda: len(recorded(server, "log")) == 1, "a line is recorded")
        client.config_set("maxmemory", "100kb")
        client.publish("log", '{"n": 2}')
        wait_until(lambda: hub.state()["recording_error"] is not None, "the hub says why it records nothing")
        error, lines = hub.state()["recording_error"], len(recorded(server, "log"))
        client.config_set("maxmemory", "0")
        wait_until(lambda: len(recorded(server, "log")) == 2, "it is recorded when there is room")
        wait_until(lambda: hub.state()["recording_error"] is None, "all is well")

    assert lines == 1
    assert "memory" in error
