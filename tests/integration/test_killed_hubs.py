"""Hubs are killed with their clients: these go on elsewhere, or are told once what nobody recorded."""

import asyncio
import time
from contextlib import ExitStack

from tests.integration.deployment import go_on, kill
from tests.integration.reference import RepeatingPublisher, Shape, come_back, hold_to, hold_to_gaps, reference
from tests.integration.traffic import Id, Publisher, running
from tests.rig import DEADLINE_SECONDS, HubProcess, RedisServer, at_scale, hub_process, redis_server, wait_until

LINES_PER_SECOND = at_scale(1_500, 6_000)
KILLS = at_scale(2, 60)
CLIENTS_OF_EACH_SHAPE = 3
DOWN_SECONDS = 3.0
CHANNELS = ["a", "b", "c"]
SHAPES = [
    Shape(["a"]),
    Shape(["b"], batch=True),
    Shape(CHANNELS),
    Shape(CHANNELS, batch=True),
    Shape(CHANNELS, pattern="*", batch=True),
]


def recording_hub(servers: ExitStack, server: RedisServer, port: int | None = None) -> HubProcess:
    hub = servers.enter_context(hub_process(server.url, "--retain-lines", "10000000", port=port))
    hub.wait_recording()
    return hub


async def test_clients_of_a_hub_that_is_killed_go_on_at_another_and_miss_nothing() -> None:
    def kill_in_turn(server: RedisServer, hubs: list[HubProcess], servers: ExitStack, publisher: Publisher) -> None:
        for number in range(KILLS):
            at = number % len(hubs)
            kill(hubs[at])
            go_on(publisher, LINES_PER_SECOND)
            hubs[at] = recording_hub(servers, server, hubs[at].port)
            go_on(publisher, LINES_PER_SECOND // 2)

    with redis_server() as server, ExitStack() as servers:
        hubs = [recording_hub(servers, server) for _ in range(2)]
        with reference(server, *CHANNELS) as account:
            with running(RepeatingPublisher(server, CHANNELS, LINES_PER_SECOND, "only", "")) as publisher:
                shapes = SHAPES * CLIENTS_OF_EACH_SHAPE
                clients = asyncio.gather(*(come_back(hubs, each, "", lambda each: each.finished) for each in shapes))
                await asyncio.sleep(0.5)
                await asyncio.to_thread(kill_in_turn, server, hubs, servers, publisher)
            publisher.finish()
            async with asyncio.timeout(DEADLINE_SECONDS):
                told = await clients

    assert sum(each.reconnects for each in told) >= KILLS
    for shape, received in zip(shapes, told, strict=True):
        hold_to(account, received, shape, {name: Id(received.fence, 0) for name in shape.channels})


async def test_when_all_hubs_are_killed_for_seconds_each_client_is_told_by_one_gap_for_each_channel() -> None:
    def kill_all(server: RedisServer, hubs: list[HubProcess], servers: ExitStack, publisher: Publisher) -> None:
        go_on(publisher, LINES_PER_SECOND)
        for hub in hubs:
            kill(hub)
        killed = time.monotonic()
        wait_until(lambda: time.monotonic() - killed > DOWN_SECONDS, "they were away for a while")
        hubs[:] = [servers.enter_context(hub_process(server.url, port=hub.port)) for hub in hubs]
        hubs[0].wait_recording()
        go_on(publisher, LINES_PER_SECOND)

    with redis_server() as server, ExitStack() as servers:
        hubs = [recording_hub(servers, server) for _ in range(2)]
        with reference(server, *CHANNELS) as account:
            with running(RepeatingPublisher(server, CHANNELS, LINES_PER_SECOND, "only", "")) as publisher:
                shapes = SHAPES * CLIENTS_OF_EACH_SHAPE
                clients = asyncio.gather(*(come_back(hubs, each, "", lambda each: each.finished) for each in shapes))
                await asyncio.to_thread(kill_all, server, hubs, servers, publisher)
            publisher.finish()
            async with asyncio.timeout(DEADLINE_SECONDS):
                told = await clients

    for shape, received in zip(shapes, told, strict=True):
        gaps = sorted(gap.json["channel"] for gap in received.gaps)
        assert gaps == ([shape.pattern] if shape.pattern else sorted(shape.channels)), [g.data for g in received.gaps]
        assert {gap.json["reason"] for gap in received.gaps} == {"recorder-down"}
        hold_to_gaps(account, received, shape)
