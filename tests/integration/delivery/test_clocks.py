"""Clocks that are wrong, or are set back: ids rise, lines keep their order, and what was recorded can be read."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cluster import EVERY_LINE, ask_for_fence, deployment, read_since, recorded, wait_recorder
from tests.support.http_client import post
from tests.support.load import Id, Publisher, is_last, verdict
from tests.support.programs import clock_set, valkey_binary
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.sse_client import Event, open_stream
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000


async def lines_around(
    server: RedisServer, hubs: list[HubProcess], change: Callable[[], object]
) -> tuple[list[Event], list[Event]]:
    """What clients of two hubs got: some lines, then `change()`, then more over some fences, and the last."""
    async with (
        open_stream(f"{hubs[0].url}/message?channel=a") as one,
        open_stream(f"{hubs[1].url}/message?channel=a") as other,
    ):
        publisher = Publisher(server, ["a"], 1, "only", "")
        publisher.publish(50)
        change()
        for hub in hubs:
            publisher.publish(50)
            await ask_for_fence(hub)
        publisher.publish(50)
        # One that nobody has asked for.
        await asyncio.to_thread(wait_fence, server)
        publisher.finish()
        return await one.until(is_last), await other.until(is_last)


def wait_fence(server: RedisServer) -> None:
    before = fence_of(server)
    wait_until(lambda: fence_of(server) != before, "a fence")


def fence_of(server: RedisServer) -> int:
    with server.client() as client:
        return int(client.get("sse-hub:clock") or 0)


async def same_later(server: RedisServer, hubs: list[HubProcess], events: list[Event]) -> None:
    """The log has the lines, and a client that comes back is told the rest, of each of `hubs`."""
    last = Id.parse(events[-1].id)
    await asyncio.to_thread(wait_until, lambda: last in recorded(server, "a"), "all is recorded")
    assert list(recorded(server, "a")) == [Id.parse(event.id) for event in events]
    for hub in hubs:
        assert await read_since(hub, "a", events[70].id) == events[71:]


@pytest.mark.parametrize("off", ["+1h", "-1h"])
async def test_the_clock_of_a_hub_does_not_matter(off: str) -> None:
    with (
        redis_server() as server,
        hub_process(server.url) as right,
        hub_process(server.url, more_environ=clock_set(off)) as wrong,
    ):
        wrong.wait_recording()
        events, others = await lines_around(server, [right, wrong], lambda: None)
        await same_later(server, [right, wrong], events)

    assert events == others
    assert verdict(events).gaps == []


async def test_ids_rise_from_a_clock_that_was_ahead() -> None:
    """As after Redis's own clock was set back: the last fence lies an hour ahead of it."""

    def set_ahead() -> None:
        with server.client() as client:
            client.set("sse-hub:clock", int(time.time() * 1000) + HOUR_MS)
            client.publish("sse-hub:fence", int(time.time() * 1000) + HOUR_MS)

    with deployment() as (server, hubs, stack):
        events, others = await lines_around(server, hubs, set_ahead)
        hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE)))
        await same_later(server, hubs, events)

    assert events == others
    assert verdict(events).gaps == []
    assert Id.parse(events[-1].id).fence > Id.parse(events[0].id).fence + HOUR_MS - 60_000


async def test_a_fence_that_could_be_true_moves_ids_ahead_and_costs_no_line() -> None:
    """Forged on the channel alone: Redis's clock learns of it from the hubs."""

    def forge() -> None:
        with server.client() as client:
            client.publish("sse-hub:fence", int(time.time() * 1000) + 20 * HOUR_MS)

    with deployment() as (server, hubs, stack):
        events, others = await lines_around(server, hubs, forge)
        hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE)))
        await same_later(server, hubs, events)
        answers = [post(hub, "a", b"{}") for hub in hubs]

    assert events == others
    assert verdict(events).gaps == []
    assert Id.parse(events[-1].id).fence > Id.parse(events[0].id).fence + 20 * HOUR_MS - 60_000
    assert [answer.status for answer in answers] == [200] * len(hubs)


async def test_a_redis_whose_clock_is_set_back_keeps_the_order_and_the_lease_runs_out(tmp_path: Path) -> None:
    """Valkey, because libfaketime does not go with Debian's Redis."""
    clock = tmp_path / "clock"
    environ = clock_set("+0", clock)
    with (
        redis_server(valkey_binary(), more_environ=environ) as server,
        hub_process(server.url) as one,
        hub_process(server.url) as other,
    ):
        hubs = [one, other]
        for hub in hubs:
            hub.wait_recording()
        events, others = await lines_around(server, hubs, lambda: clock.write_text("-1h"))
        await same_later(server, hubs, events)
        recorder = wait_recorder(hubs)
        hubs.remove(recorder)
        # The lease, renewed until now, would be good for an hour and a second.
        with server.client() as client:
            recorder.process.kill()
            clock.write_text("-2h")
            recorder.process.wait()
            assert client.pttl("sse-hub:lease") != -1
        await asyncio.to_thread(wait_recorder, hubs)

    assert events == others
    assert verdict(events).gaps == []
