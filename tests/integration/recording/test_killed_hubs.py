"""Hubs are killed under their clients, which resume elsewhere, or get one gap for the time without any hub."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from tests.support.load import Id, Publisher, running, wait_published
from tests.support.oracle import (
    CHANNELS,
    SHAPES,
    Received,
    Reference,
    RepeatingPublisher,
    Shape,
    assert_gaps,
    assert_received,
    come_back,
    reference_of,
)
from tests.support.recording_hubs import EVERY_LINE, kill, recording_hubs
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.waiting import wait_until

LINES_PER_SECOND = at_scale(1_500, 3_000)
KILLS = at_scale(2, 30)
CLIENTS_OF_EACH_SHAPE = 3
DOWN_SECONDS = 3.0


@dataclass
class Scene:
    """Two hubs under load with all kinds of clients, which reconnect wherever they can."""

    server: RedisServer
    hubs: list[HubProcess]
    servers: ExitStack
    publisher: Publisher

    def start(self, port: int) -> HubProcess:
        """Start a hub on the port of one that has gone."""
        return self.servers.enter_context(hub_process(self.server.url, *EVERY_LINE, port=port))


async def clients_through(fault: Callable[[Scene], None]) -> tuple[Reference, list[tuple[Shape, Received]]]:
    """The events of clients that connected before `fault` and read to the end, with their reference."""
    with recording_hubs() as (server, hubs, servers), reference_of(server, *CHANNELS) as account:
        with running(RepeatingPublisher(server, CHANNELS, LINES_PER_SECOND, "only", "")) as publisher:
            shapes = SHAPES * CLIENTS_OF_EACH_SHAPE
            clients = asyncio.gather(*(come_back(hubs, each, "", lambda each: each.finished) for each in shapes))
            await asyncio.to_thread(
                wait_until,
                lambda: sum(hub.state()["subscribers"] for hub in hubs) == len(shapes),
                "all clients have their places",
            )
            await asyncio.to_thread(fault, Scene(server, hubs, servers, publisher))
        publisher.finish()
        async with asyncio.timeout(DEADLINE_SECONDS):
            told = await clients
    return account, list(zip(shapes, told, strict=True))


async def test_clients_of_a_killed_hub_resume_on_another_and_lose_nothing() -> None:
    def kill_in_turn(scene: Scene) -> None:
        for number in range(KILLS):
            at = number % len(scene.hubs)
            kill(scene.hubs[at])
            wait_published(scene.publisher, LINES_PER_SECOND)
            scene.hubs[at] = scene.start(scene.hubs[at].port)
            scene.hubs[at].wait_recording()
            wait_published(scene.publisher, LINES_PER_SECOND // 2)

    account, told = await clients_through(kill_in_turn)

    assert sum(received.reconnects for _, received in told) >= KILLS
    for shape, received in told:
        assert_received(account, received, shape, {name: Id(received.fence, 0) for name in shape.channels})


async def test_when_all_hubs_are_killed_each_client_gets_one_gap_for_each_channel() -> None:
    def kill_all(scene: Scene) -> None:
        wait_published(scene.publisher, LINES_PER_SECOND)
        for hub in scene.hubs:
            kill(hub)
        killed = time.monotonic()
        wait_until(lambda: time.monotonic() - killed > DOWN_SECONDS, "they were away for a while")
        scene.hubs[:] = [scene.start(hub.port) for hub in scene.hubs]
        scene.hubs[0].wait_recording()
        wait_published(scene.publisher, LINES_PER_SECOND)

    account, told = await clients_through(kill_all)

    for shape, received in told:
        gaps = sorted(gap.json["channel"] for gap in received.gaps)
        assert gaps == ([shape.pattern] if shape.pattern else sorted(shape.channels)), [g.data for g in received.gaps]
        assert {gap.json["reason"] for gap in received.gaps} == {"recorder-down"}
        assert_gaps(account, received, shape)
