"""The drain: streams end one by one, each at an exact place, and a fleet is replaced without losing a line."""

import asyncio
import itertools
import signal
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager

import pytest

from tests.integration.clients import Client, beside_one_that_does_not_read, lines_later
from tests.integration.deployment import ask_for_fence
from tests.integration.traffic import Id, Publisher, is_last, publishing, verdict
from tests.rig import (
    DEADLINE_SECONDS,
    PATIENCE,
    HubProcess,
    RedisServer,
    at_scale,
    hub_process,
    hub_processes,
    wait_until,
)
from tests.sse import Event, Stream, open_stream

STREAMS = 100
WINDOW_SECONDS = 2
LINES_PER_SECOND = 500
FEW_LINES_PER_SECOND = 100
NODES = 3
CLIENTS = at_scale(30, 100)


@asynccontextmanager
async def crowd(url: str, count: int) -> AsyncIterator[list[Stream]]:
    """`count` streams."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_stream(url)) for _ in range(count)]


async def rest_and_time(stream: Stream) -> tuple[list[Event], float]:
    """What comes to the end of `stream`, and when that was."""
    events = await stream.rest()
    return events, time.monotonic()


async def gone(hub: HubProcess) -> float:
    """When the process had ended."""
    await asyncio.to_thread(hub.process.wait, DEADLINE_SECONDS)
    return time.monotonic()


async def until_draining(hub: HubProcess) -> None:
    await asyncio.to_thread(wait_until, lambda: hub.status("/health/ready") == 503, "the hub drains")


async def test_ends_are_spread_over_the_window_and_lines_go_on_meanwhile(server: RedisServer, channel: str) -> None:
    with hub_process(server.url, "--drain-seconds", str(WINDOW_SECONDS)) as hub, ExitStack() as stack:
        async with crowd(f"{hub.url}/message?channel={channel}", STREAMS) as streams:
            # Not so many that reading them all keeps this process busy: it is to see when each ends.
            publisher = stack.enter_context(publishing(server, channel, lines_per_second=FEW_LINES_PER_SECOND))
            await asyncio.gather(*(stream.take(1) for stream in streams))
            reading = asyncio.gather(*(rest_and_time(stream) for stream in streams))
            started = time.monotonic()
            hub.process.terminate()
            read = await reading
            ended = await gone(hub) - started
        published = publisher.begun

    times = sorted(at - started for _, at in read)
    assert times[-1] - times[0] >= 0.8 * WINDOW_SECONDS
    # A moment in which the machine is busy elsewhere moves a few ends, a crowd and its hole would move most of them.
    off = [at - times[0] - number * WINDOW_SECONDS / STREAMS for number, at in enumerate(times)]
    assert statistics.median(map(abs, off)) < 0.05 * WINDOW_SECONDS * PATIENCE, "ends keep an even pace"
    assert ended < WINDOW_SECONDS + 1.0 * PATIENCE
    assert all(stream.ended_cleanly for stream in streams)
    counts = sorted(len(verdict(events).lines) for events, _ in read)
    assert counts[-1] - counts[0] > 0.5 * WINDOW_SECONDS * FEW_LINES_PER_SECOND < published


@pytest.mark.parametrize("query", ["channel={0}", "channel={0}&channel=idle", "channel={0}&batch=1"])
async def test_a_stream_that_was_ended_goes_on_elsewhere_where_it_was(
    server: RedisServer, other_hub: HubProcess, channel: str, query: str
) -> None:
    path = f"/message?{query.format(channel)}"
    with hub_process(server.url) as hub, publishing(server, channel, lines_per_second=2_000) as publisher:
        async with crowd(hub.url + path, 20) as streams:
            reading = asyncio.gather(*(stream.rest() for stream in streams))
            await asyncio.to_thread(wait_until, lambda: publisher.begun > 100, "lines come")
            hub.process.terminate()
            before = await reading
    publisher.finish()

    for stream, events in zip(streams, before, strict=True):
        async with open_stream(other_hub.url + path, {"Last-Event-ID": stream.last_event_id}) as resumed:
            told = verdict(one_by_one([*events, *await resumed.until(is_last)]))
        assert told.gaps == []
        assert told.seqs[-1] == publisher.begun


def one_by_one(events: list[Event]) -> list[Event]:
    """The lines of `lines` events as events of their own, ids of several channels as those of the first."""
    single = [event._replace(id=event.id.split(".")[0]) for event in events if event.type != "lines"]
    return single + [
        Event("message", line, id) for event in events if event.type == "lines" for id, _, line in event.json
    ]


async def test_an_idle_stream_ends_with_a_checkpoint_of_now(
    server: RedisServer, other_hub: HubProcess, channel: str
) -> None:
    """Its last id would be one of its beginning else, which another hub's memory may not reach."""
    with hub_process(server.url) as hub:
        async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
            begun_at = Id.parse(stream.last_event_id).fence
            fence = await ask_for_fence(hub)
            hub.process.terminate()
            assert await stream.rest() == []
        with server.client() as client:
            client.publish(channel, "after the end")
        headers = {"Last-Event-ID": stream.last_event_id}
        async with open_stream(f"{other_hub.url}/message?channel={channel}", headers) as resumed:
            [event] = await resumed.take(1)

    assert Id.parse(stream.last_event_id).fence >= fence > begun_at
    assert event.json == {"info": "after the end"}


async def test_with_no_stream_open_it_ends_at_once(server: RedisServer) -> None:
    with hub_process(server.url, "--drain-seconds", "600") as hub:
        started = time.monotonic()
        hub.process.terminate()
        seconds = await gone(hub) - started

    assert seconds < 1.0 * PATIENCE


async def test_when_its_clients_have_gone_it_waits_no_longer(server: RedisServer, channel: str) -> None:
    with hub_process(server.url, "--drain-seconds", "600") as hub:
        async with crowd(f"{hub.url}/message?channel={channel}", 5):
            hub.process.terminate()
            await until_draining(hub)
        started = time.monotonic()
        seconds = await gone(hub) - started

    assert seconds < 1.0 * PATIENCE


async def test_a_client_that_does_not_read_holds_it_no_longer_than_the_window(
    server: RedisServer, channel: str
) -> None:
    with hub_process(server.url, "--drain-seconds", str(WINDOW_SECONDS)) as hub:
        async with beside_one_that_does_not_read(server, hub, channel) as reader:
            started = time.monotonic()
            hub.process.terminate()
            seconds = await gone(hub) - started
            assert await reader.rest() == []
        assert "drain_timed_out subscribers=1" in hub.output

    assert reader.ended_cleanly
    assert seconds < WINDOW_SECONDS + 1.0 * PATIENCE


async def test_a_second_sigterm_ends_what_is_left_at_once(server: RedisServer, channel: str) -> None:
    with hub_process(server.url, "--drain-seconds", "600") as hub:
        async with crowd(f"{hub.url}/message?channel={channel}", STREAMS) as streams:
            hub.process.terminate()
            await until_draining(hub)
            started = time.monotonic()
            hub.process.terminate()
            await asyncio.gather(*(stream.rest() for stream in streams))
            seconds = await gone(hub) - started

    assert hub.process.returncode == 0
    assert seconds < 1.0 * PATIENCE
    assert all(stream.ended_cleanly for stream in streams)
    assert len({stream.decoder.retry_ms for stream in streams}) > STREAMS / 4


class Fleet:
    """Hubs, by port, behind a load balancer that takes those that are ready in turn; and clients of them."""

    def __init__(self, hubs: list[HubProcess], channel: str) -> None:
        self.hubs = {hub.port: hub for hub in hubs}
        self.clients = [Client(self.pick, channel) for _ in range(CLIENTS)]
        self._turn = itertools.cycle(sorted(self.hubs))

    async def pick(self) -> str:
        """The address of the next hub that is ready."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                hub = self.hubs.get(next(self._turn))
                if hub is None:
                    continue
                if await asyncio.to_thread(hub.ready):
                    return hub.url

    @asynccontextmanager
    async def read(self) -> AsyncIterator[None]:
        """All clients have their places when the block is entered, and have read to the last line at its end."""
        reading = asyncio.gather(*(client.read() for client in self.clients))
        await asyncio.gather(*(client.opened.wait() for client in self.clients))
        yield
        await reading

    def hold_to(self, publisher: Publisher) -> None:
        """AssertionError unless each client has every line of `publisher` once and in order."""
        for client in self.clients:
            told = verdict(client.events)
            assert told.gaps == []
            assert told.seqs == list(range(1, publisher.begun + 1))


async def test_a_rolling_deploy_loses_nothing_and_moves_each_client_once_a_node(
    server: RedisServer, channel: str
) -> None:
    with ExitStack() as stack:
        fleet = Fleet(stack.enter_context(hub_processes(NODES, server.url)), channel)
        async with fleet.read():
            with publishing(server, channel, lines_per_second=LINES_PER_SECOND) as publisher:
                for moves, port in enumerate(sorted(fleet.hubs), 1):
                    fleet.hubs[port].process.terminate()
                    await gone(fleet.hubs.pop(port))
                    assert max(client.connects for client in fleet.clients) <= moves + 1
                    again = hub_process(server.url, port=port)
                    fleet.hubs[port] = await asyncio.to_thread(stack.enter_context, again)
            publisher.finish()

    fleet.hold_to(publisher)
    for client in fleet.clients:
        assert client.statuses == {200}
        assert all(client.ends)
        assert client.connects <= NODES + 1
    assert sum(client.connects for client in fleet.clients) > CLIENTS * 2


async def test_a_hub_that_is_killed_in_its_drain_loses_nothing(server: RedisServer, channel: str) -> None:
    with hub_processes(2, server.url, "--drain-seconds", "600") as hubs:
        fleet = Fleet(hubs, channel)
        async with fleet.read():
            with publishing(server, channel, lines_per_second=LINES_PER_SECOND) as publisher:
                await asyncio.to_thread(lines_later, publisher, 100)
                hubs[0].process.terminate()
                await until_draining(hubs[0])
                await asyncio.to_thread(lines_later, publisher, 100)
                hubs[0].process.send_signal(signal.SIGKILL)
                await gone(hubs[0])
                await asyncio.to_thread(lines_later, publisher, 200)
            publisher.finish()

    fleet.hold_to(publisher)
    assert max(client.connects for client in fleet.clients) <= 2
