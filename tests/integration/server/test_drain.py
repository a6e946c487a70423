"""The drain: streams end one by one, each at an exact position, and all hubs are replaced without a lost line."""

import asyncio
import itertools
import signal
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager

import pytest

from tests.support.load import Id, Publisher, is_last, publishing, verdict, wait_published
from tests.support.reconnecting_clients import ReconnectingClient, beside_stuck_client
from tests.support.recording_hubs import current_fence
from tests.support.servers import HubProcess, RedisServer, hub_process, hub_processes
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, at_scale
from tests.support.sse_client import Event, Stream, open_stream
from tests.support.waiting import wait_until

STREAMS = 100
WINDOW_SECONDS = 2
LINES_PER_SECOND = 500
FEW_LINES_PER_SECOND = 100
NODES = 3
CLIENTS = at_scale(30, 100)


@asynccontextmanager
async def crowd(url: str, count: int) -> AsyncIterator[list[Stream]]:
    """`count` open streams."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_stream(url)) for _ in range(count)]


async def rest_and_time(stream: Stream) -> tuple[list[Event], float]:
    """The events until the end of `stream`, and the time of the end."""
    events = await stream.rest()
    return events, time.monotonic()


async def gone(hub: HubProcess) -> float:
    """The time at which the process had ended."""
    await asyncio.to_thread(hub.process.wait, DEADLINE_SECONDS)
    return time.monotonic()


async def until_draining(hub: HubProcess) -> None:
    await asyncio.to_thread(wait_until, lambda: hub.status("/health/ready") == 503, "the hub drains")


async def test_a_drain_ends_streams_evenly_over_its_window_while_lines_continue(
    server: RedisServer, channel: str
) -> None:
    with hub_process(server.url, "--drain-seconds", str(WINDOW_SECONDS)) as hub, ExitStack() as stack:
        async with crowd(f"{hub.url}/message?channel={channel}", STREAMS) as streams:
            # Few enough that this process can read them all and see when each ends.
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
    # A busy moment of the machine moves a few ends; a drain in bursts would move most of them.
    off = [at - times[0] - number * WINDOW_SECONDS / STREAMS for number, at in enumerate(times)]
    assert statistics.median(map(abs, off)) < 0.05 * WINDOW_SECONDS * PATIENCE, "streams end at an even pace"
    assert ended < WINDOW_SECONDS + 1.0 * PATIENCE
    assert all(stream.ended_cleanly for stream in streams)
    counts = sorted(len(verdict(events).lines) for events, _ in read)
    assert counts[-1] - counts[0] > 0.5 * WINDOW_SECONDS * FEW_LINES_PER_SECOND < published


@pytest.mark.parametrize("query", ["channel={0}", "channel={0}&channel=idle", "channel={0}&batch=1"])
async def test_a_stream_ended_by_a_drain_resumes_on_another_hub_without_loss(
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
    """The lines of `lines` events as single events; for several channels with the ids of the first."""
    single = [event._replace(id=event.id.split(".")[0]) for event in events if event.type != "lines"]
    return single + [
        Event("message", line, id) for event in events if event.type == "lines" for id, _, line, _ in event.json
    ]


async def test_an_idle_stream_ends_with_a_current_checkpoint(
    server: RedisServer, other_hub: HubProcess, channel: str
) -> None:
    """Otherwise its last id would be from its beginning, which another hub's memory may not reach."""
    with hub_process(server.url) as hub:
        async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
            begun_at = Id.parse(stream.last_event_id).fence
            fence = await current_fence(hub)
            hub.process.terminate()
            assert await stream.rest() == []
        with server.client() as client:
            client.publish(channel, "after the end")
        headers = {"Last-Event-ID": stream.last_event_id}
        async with open_stream(f"{other_hub.url}/message?channel={channel}", headers) as resumed:
            [event] = await resumed.take(1)

    assert Id.parse(stream.last_event_id).fence >= fence > begun_at
    assert event.json == {"info": "after the end"}


async def test_a_drain_without_open_streams_ends_at_once(server: RedisServer) -> None:
    with hub_process(server.url, "--drain-seconds", "600") as hub:
        started = time.monotonic()
        hub.process.terminate()
        seconds = await gone(hub) - started

    assert seconds < 1.0 * PATIENCE


async def test_a_drain_ends_as_soon_as_its_last_client_has_left(server: RedisServer, channel: str) -> None:
    with hub_process(server.url, "--drain-seconds", "600") as hub:
        async with crowd(f"{hub.url}/message?channel={channel}", 5):
            hub.process.terminate()
            await until_draining(hub)
        started = time.monotonic()
        seconds = await gone(hub) - started

    assert seconds < 1.0 * PATIENCE


async def test_a_client_that_reads_nothing_cannot_prolong_a_drain(server: RedisServer, channel: str) -> None:
    with hub_process(server.url, "--drain-seconds", str(WINDOW_SECONDS)) as hub:
        async with beside_stuck_client(server, hub, channel) as reader:
            started = time.monotonic()
            hub.process.terminate()
            seconds = await gone(hub) - started
            assert await reader.rest() == []
        assert "drain_timed_out subscribers=1" in hub.output

    assert reader.ended_cleanly
    assert seconds < WINDOW_SECONDS + 1.0 * PATIENCE


async def test_a_second_sigterm_ends_the_remaining_streams_at_once(server: RedisServer, channel: str) -> None:
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
    """Hubs by port, a load balancer that takes the ready ones in turn, and clients."""

    def __init__(self, hubs: list[HubProcess], channel: str) -> None:
        self.hubs = {hub.port: hub for hub in hubs}
        self.clients = [ReconnectingClient(self.pick, channel) for _ in range(CLIENTS)]
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
        """All clients are connected when the block is entered, and have read the last line at its end."""
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


async def test_a_rolling_deploy_loses_nothing_and_moves_each_client_at_most_once_per_hub(
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


async def test_a_hub_killed_during_its_drain_loses_no_line(server: RedisServer, channel: str) -> None:
    with hub_processes(2, server.url, "--drain-seconds", "600") as hubs:
        fleet = Fleet(hubs, channel)
        async with fleet.read():
            with publishing(server, channel, lines_per_second=LINES_PER_SECOND) as publisher:
                await asyncio.to_thread(wait_published, publisher, 100)
                hubs[0].process.terminate()
                await until_draining(hubs[0])
                await asyncio.to_thread(wait_published, publisher, 100)
                hubs[0].process.send_signal(signal.SIGKILL)
                await gone(hubs[0])
                await asyncio.to_thread(wait_published, publisher, 200)
            publisher.finish()

    fleet.hold_to(publisher)
    assert max(client.connects for client in fleet.clients) <= 2
