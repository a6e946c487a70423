"""A client that resumes at a position older than the rings continues from the log, even while recorders are killed."""

import asyncio
import logging
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

import pytest

from tests.support.load import running
from tests.support.oracle import (
    CHANNELS,
    SHAPES,
    Place,
    Received,
    Reference,
    RepeatingPublisher,
    assert_received,
    come_back,
    reference_of,
)
from tests.support.recording_hubs import kill, wait_recorder
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, at_scale
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

LINES_PER_SECOND = at_scale(2_000, 6_000)
RESUMES = at_scale(150, 10_000)
RESUMES_AMID_KILLS = at_scale(60, 500)
OLDEST_SECONDS = at_scale(4, 60)
KILL_EVERY_SECONDS = at_scale(1, 2)
KILLS = at_scale(3, 20)
# One in this many clients reads on until it is live.
CATCH_UP = at_scale(5, 100)
LARGE = 50_000


def start_hub(server: RedisServer, ring_lines: int, port: int | None = None) -> AbstractContextManager[HubProcess]:
    return hub_process(
        server.url, "--ring-lines", str(ring_lines), "--retain-lines", str(LINES_PER_SECOND * 1_000), port=port
    )


class Scene(NamedTuple):
    """
    Two hubs that record and two with so little memory that most positions are older than it, under load; and the
    reference of what they must deliver, for at least the last OLDEST_SECONDS.
    """

    server: RedisServer
    hubs: list[HubProcess]
    servers: ExitStack
    account: Reference


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Shared by all tests of this file, which restart the hubs that they kill."""
    with redis_server() as server, ExitStack() as servers:
        hubs = [servers.enter_context(start_hub(server, lines)) for lines in (LARGE, LARGE, 200, 2_000)]
        for hub in hubs:
            hub.wait_recording()
        with (
            reference_of(server, *CHANNELS) as account,
            running(RepeatingPublisher(server, CHANNELS, LINES_PER_SECOND, "only", "")),
        ):
            become_old()
            yield Scene(server, hubs, servers, account)


def has(count: int, beyond: Place, received: Received) -> bool:
    return received.count >= count and received.reaches(beyond)


async def resume_often(scene: Scene, done: Callable[[int], bool]) -> list[Received]:
    """Resume one client after another, each at a random place, and check what it receives, until `done(number)`."""
    all_received: list[Received] = []
    account = scene.account
    while not done(number := len(all_received)):
        shape = random.choice(SHAPES)
        place = shape.start(account.place(OLDEST_SECONDS))
        beyond: Place = {name: account.now()[name] for name in shape.channels} if number % CATCH_UP == 0 else {}
        count = random.randint(1, 1_000)
        async with asyncio.timeout(DEADLINE_SECONDS + OLDEST_SECONDS):
            received = await come_back(scene.hubs, shape, shape.cursor(place), partial(has, count, beyond))
        await asyncio.to_thread(assert_received, account, received, shape, place)
        all_received.append(Received({}, [], received.waited_seconds, received.reconnects))
    return all_received


def become_old() -> None:
    """Return when there are lines from OLDEST_SECONDS ago."""
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > OLDEST_SECONDS, "lines have become old", 2 * OLDEST_SECONDS)


def report(received: list[Received]) -> float:
    """Log how long clients waited. Returns the median in seconds."""
    waits = sorted(each.waited_seconds for each in received)
    median = statistics.median(waits)
    p99 = waits[len(waits) * 99 // 100]
    reconnects = sum(each.reconnects for each in received)
    logger.warning(
        "waited median=%.1f ms p99=%.1f ms max=%.1f ms reconnects=%d",
        median * 1e3,
        p99 * 1e3,
        waits[-1] * 1e3,
        reconnects,
    )
    return median


async def test_clients_that_resume_from_before_the_rings_lose_and_repeat_nothing_and_wait_little(
    scene: Scene,
) -> None:
    received = await resume_often(scene, lambda number: number >= RESUMES)

    assert report(received) < 0.02 * PATIENCE


@contextmanager
def killing_recorders(scene: Scene) -> Iterator[list[int]]:
    """SIGKILL the recorder every few seconds, and restart it. Yields the ports of the killed ones."""
    killed: list[int] = []
    stopping = threading.Event()

    def kill_often() -> None:
        while not stopping.wait(KILL_EVERY_SECONDS):
            victim = wait_recorder(scene.hubs)
            at = scene.hubs.index(victim)
            kill(victim)
            killed.append(victim.port)
            # Only a process that holds the unrecorded lines takes over.
            scene.hubs[at] = scene.servers.enter_context(start_hub(scene.server, LARGE, victim.port))

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_often)
        try:
            yield killed
        finally:
            stopping.set()
            killing.result()


async def test_clients_that_resume_while_recorders_are_killed_lose_and_repeat_nothing(scene: Scene) -> None:
    with killing_recorders(scene) as killed:
        received = await resume_often(scene, lambda number: number >= RESUMES_AMID_KILLS and len(killed) >= KILLS)

    report(received)
