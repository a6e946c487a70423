"""Hostile clients beside healthy ones: healthy ones are unaffected, and nothing is left afterwards."""

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import IO

import pytest

from tests.support.idle_clients import p99
from tests.support.load import Publisher, is_last, running
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, ROOT, at_scale
from tests.support.sse_client import Stream, open_stream
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.usefixtures("many_files")

HEALTHY = 10
LINES_PER_SECOND = 100
QUIET_SECONDS = at_scale(1, 120) / 2
HOSTILE_SECONDS = at_scale(2, 60)
CONNECTS_PER_SECOND = at_scale(200, 1_000)
SLOW = at_scale(50, 200)
PAUSED = at_scale(20, 100)
HEADER_SECONDS = at_scale(1, 10)
MOVED = 1.2
# Clients in Python share a core with the hostile ones and are slow themselves; at the small scale there are too few
# lines for a meaningful p99.
CHANCE_SECONDS = at_scale(500, 1) / 1000 * PATIENCE
LEFT_BYTES = 8 * 1024 * 1024


class StampedPublisher(Publisher):
    """Each line has its publish time and is one kilobyte long."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server, ["a"], LINES_PER_SECOND, "only", "x" * 900)

    def line(self, seq: int) -> str:
        return f'{super().line(seq)[:-1]}, "at": {time.monotonic():.6f}}}'


@contextmanager
def hostile(hub: HubProcess) -> Iterator[IO[str]]:
    """Run hostile clients against `hub`. Returns their counts."""
    numbers = (hub.port, HOSTILE_SECONDS, CONNECTS_PER_SECOND, SLOW, PAUSED)
    command = [sys.executable, "-m", "tests.support.hostile_clients", *map(str, numbers)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout
        finally:
            process.kill()


async def read(stream: Stream, waited: list[tuple[float, float]]) -> int:
    """Read to the last line, noting when each arrived and its latency. Returns the number of lines."""
    lines = 0
    async for event in stream:
        lines += 1
        if is_last(event):
            return lines
        waited.append((stream.read_at, stream.read_at - event.json["at"]))
    return lines


async def test_hostile_clients_neither_disturb_healthy_ones_nor_leave_anything_behind(own_server: RedisServer) -> None:
    limits = ("--streams-per-address", str(PAUSED), "--header-seconds", str(HEADER_SECONDS))
    # Lines in the rings would count as memory that is not freed.
    with hub_process(own_server.url, *limits, "--ring-lines", "100") as hub:
        hub.wait_recording()
        async with AsyncExitStack() as stack:
            url = f"{hub.url}/message?channel=a"
            streams = [await stack.enter_async_context(open_stream(url)) for _ in range(HEALTHY)]
            waited: list[tuple[float, float]] = []
            reading = asyncio.gather(*(read(stream, waited) for stream in streams))
            with running(StampedPublisher(own_server)) as publisher:
                await asyncio.sleep(QUIET_SECONDS)
                before = hub.resident_bytes()
                with hostile(hub) as said:
                    assert await asyncio.to_thread(said.readline) == "READY\n"
                    attacked_at = time.monotonic()
                    told = json.loads(await asyncio.to_thread(said.readline))
                    over_at, most = time.monotonic(), hub.resident_bytes()
                await asyncio.to_thread(
                    wait_until, lambda: hub.state()["subscribers"] == HEALTHY, "the hostile have gone"
                )
                after = hub.resident_bytes()
                await asyncio.sleep(QUIET_SECONDS)
            publisher.finish()
            async with asyncio.timeout(DEADLINE_SECONDS):
                lines = await reading

    quiet = p99(seconds for at, seconds in waited if not attacked_at < at < over_at)
    attacked = p99(seconds for at, seconds in waited if attacked_at < at < over_at)
    logger.warning(
        "p99 %.2f ms quiet, %.2f ms attacked; %s; %.1f MB more during it, %.1f MB after it",
        *(quiet * 1000, attacked * 1000, told, (most - before) / 2**20, (after - before) / 2**20),
    )
    assert lines == [publisher.begun] * HEALTHY
    assert told["refused"] == told["made"] >= 0.9 * CONNECTS_PER_SECOND * HOSTILE_SECONDS / PATIENCE
    assert (told["held"], told["slow_cut"] >= SLOW) == (PAUSED, True)
    assert attacked < MOVED * quiet + CHANCE_SECONDS
    assert after - before < LEFT_BYTES
