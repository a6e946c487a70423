"""
Client libraries of others, from their registries, through one sequence of faults (I1, I2, I7): a hub killed while the
channel is quiet, a cut session, a drain, and a hub that refuses them. Each gets every line once, in order.

Each runs the program that docs/clients.md shows. It parses the data of every event, so an event without data ends it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.client_programs import CLIENTS, Program, build_clients, running_clients
from tests.support.http_client import fetch
from tests.support.recording_hubs import cut_sessions, kill
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import PATIENCE
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

CHANNEL = "app"
REFUSED_SECONDS = 12.0
# The hub asks for 5 to 15 s between two requests.
MAX_REQUESTS_WHILE_REFUSED = 4
# Some double the wait that the hub asks for, which is up to 15 s after a refusal.
COME_BACK_SECONDS = 60


def publish(server: RedisServer, numbers: Sequence[int]) -> None:
    """PUBLISH the lines with these numbers."""
    with server.publisher() as client:
        for number in numbers:
            client.publish(CHANNEL, f'{{"n": {number}}}')


async def wait_for(programs: list[Program], condition: Callable[[Program], bool], what: str) -> None:
    """Return when `condition` is true of each program. AssertionError names those of which it is not."""
    deadline = time.monotonic() + COME_BACK_SECONDS * PATIENCE
    while missing := [program for program in programs if not condition(program)]:
        late = time.monotonic() > deadline
        assert not late, "\n".join(
            f"{each.client.name}: {what}; {each.numbers()[-3:]}, {each.errors.read_text()[-500:]}" for each in missing
        )
        await asyncio.sleep(0.1)


async def serve(programs: list[Program], hub: HubProcess) -> float:
    """Have the relays lead to `hub` from now on. Returns the time.monotonic() of it."""
    for program in programs:
        await program.relay.open(hub.port)
    return time.monotonic()


def close_relays(programs: list[Program]) -> None:
    for program in programs:
        program.relay.close()


def subscribers(hub: HubProcess) -> int:
    """The streams that `hub` has open."""
    return next(
        (int(each["subscribers"]) for each in fetch(hub, "/channels").json["channels"] if each["name"] == CHANNEL), 0
    )


async def test_client_libraries_get_every_line_once_through_kill_cut_drain_and_refusal(tmp_path: Path) -> None:
    build_clients()
    with redis_server() as server, hub_process(server.url) as other:
        other.wait_recording()
        with hub_process(server.url) as first:
            async with running_clients(first.port, f"channel={CHANNEL}", tmp_path) as programs:
                await wait_for(programs, lambda each: bool(each.relay.requests), "it connects")
                await asyncio.to_thread(wait_until, lambda: subscribers(first) == len(CLIENTS), "all have a stream")

                # Quiet until now, so all that a client has is the id of the first block.
                close_relays(programs)
                kill(first)
                publish(server, range(100))
                with hub_process(server.url, "--drain-seconds", "1") as second:
                    await serve(programs, second)
                    await wait_for(programs, lambda each: len(each.numbers()) >= 100, "it gets the lines it missed")
                    assert cut_sessions(server, [second])
                    publish(server, range(100, 150))
                    await wait_for(programs, lambda each: len(each.numbers()) >= 150, "it gets lines after a cut")
                    close_relays(programs)
                    second.process.terminate()
                    publish(server, range(150, 200))
                    await asyncio.to_thread(second.process.wait)
                with hub_process(server.url, "--streams-total", "1") as full:
                    async with open_stream(f"{full.url}/message?channel=another"):
                        began = await serve(programs, full)
                        publish(server, range(200, 250))
                        await wait_for(programs, lambda each: each.relay.requests[-1][0] > began, "it is refused")
                        await asyncio.sleep(began + REFUSED_SECONDS - time.monotonic())
                        ended = time.monotonic()
                    close_relays(programs)
                    kill(full)
                with hub_process(server.url) as last:
                    await serve(programs, last)
                    publish(server, range(250, 260))
                    await wait_for(programs, lambda each: len(each.numbers()) >= 260, "it is served again")

                for program in programs:
                    asked = [at for at, _ in program.relay.requests if began <= at <= ended]
                    assert program.numbers() == list(range(260)), program.client.name
                    assert {"message", "checkpoint", "refused"} == set(program.events()), program.client.name
                    assert all(id for _, id in program.relay.requests[1:]), (
                        program.client.name,
                        program.relay.requests,
                    )
                    assert len(asked) <= MAX_REQUESTS_WHILE_REFUSED or not program.client.follows_retry
                    assert program.process.returncode is None
