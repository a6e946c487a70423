"""A hub whose session is cut while another one records: a backfill from the log hides it from subscribers."""

import asyncio
from contextlib import AsyncExitStack, ExitStack

import psutil
import pytest

from tests.support.load import Publisher, running, wait_published
from tests.support.oracle import CHANNELS, SHAPES, RepeatingPublisher, assert_received, follow, reference_of
from tests.support.recording_hubs import wait_recorder
from tests.support.servers import HubProcess, RedisServer, hub_processes, redis_server
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

LINES_PER_SECOND = 2_000
CUTS = at_scale(6, 20)


def cut_session(server: RedisServer, hub: HubProcess, **lines: str) -> None:
    """CLIENT KILL the connection on which `hub` receives lines. It misses `lines`, given by channel."""
    ports = {each.laddr.port for each in psutil.Process(hub.process.pid).net_connections("tcp")}
    with server.client() as client:
        [session] = [
            each
            for each in client.client_list()
            if each["name"] == "sse-hub:session" and int(each["addr"].rpartition(":")[2]) in ports
        ]
        with client.pipeline(transaction=True) as both:
            both.client_kill_filter(_id=session["id"])
            for channel, line in lines.items():
                both.publish(channel, line)
            both.execute()


def cut_often(server: RedisServer, hub: HubProcess, publisher: Publisher) -> None:
    for number in range(1, CUTS + 1):
        cut_session(server, hub)
        wait_until(lambda n=number: hub.output.count("session_started") > n, "there is another session")  # type: ignore[misc]
        wait_published(publisher, LINES_PER_SECOND // 3)


@pytest.mark.parametrize("cut", ["one that does not record", "the recorder"])
async def test_subscribers_of_a_hub_with_a_cut_session_lose_and_repeat_nothing(cut: str) -> None:
    """Clients that keep up, and clients that pause meanwhile and read the time of the cuts from the log."""
    with redis_server() as server, ExitStack() as servers:
        hubs = servers.enter_context(hub_processes(2, server.url, "--ring-lines", "3000"))
        account = servers.enter_context(reference_of(server, *CHANNELS))
        recorder = wait_recorder(hubs)
        hub = recorder if cut == "the recorder" else next(each for each in hubs if each is not recorder)
        async with AsyncExitStack() as stack:
            live = [await stack.enter_async_context(open_stream(f"{hub.url}/message?{each.query}")) for each in SHAPES]
            paused = [
                await stack.enter_async_context(
                    open_stream(f"{hub.url}/message?{each.query}", receive_buffer_bytes=4096)
                )
                for each in SHAPES
            ]
            with running(RepeatingPublisher(server, CHANNELS, LINES_PER_SECOND, "only", "")) as publisher:
                following = asyncio.gather(*map(follow, live, SHAPES))
                await asyncio.to_thread(cut_often, server, hub, publisher)
            publisher.finish()
            async with asyncio.timeout(DEADLINE_SECONDS):
                assert hub.output.count("session_started") == CUTS + 1
                told = [*await following, *await asyncio.gather(*map(follow, paused, SHAPES))]

    for shape, (received, start) in zip(SHAPES * 2, told, strict=True):
        assert_received(account, received, shape, start)
        for name in shape.channels:
            assert received.lines[name][-1] == account.lines[name][-1]


async def test_a_backfill_reports_lines_that_are_missing_in_the_log_as_a_gap() -> None:
    """One channel is not recorded; the other is, but by hubs with another ingest, whose log this hub does not read."""
    with redis_server() as server, ExitStack() as servers:
        hubs = servers.enter_context(hub_processes(2, server.url, "--ingest", "log"))
        [stranger] = servers.enter_context(hub_processes(1, server.url, "--ingest", "strange"))
        stranger.wait_recording()
        hub = next(each for each in hubs if each is not wait_recorder(hubs))
        async with (
            open_stream(f"{hub.url}/message?channel=log") as mended,
            open_stream(f"{hub.url}/message?channel=outside") as outside,
            open_stream(f"{hub.url}/message?channel=log&channel=*") as several,
        ):
            cut_session(server, hub, log="1", outside="1", strange="1")
            wait_until(lambda: hub.output.count("session_started") == 2, "there is another session")
            assert [event.json for event in await mended.take(1)] == [{"info": "1"}]
            # A client that joins now finds nothing of it in this hub's memory.
            async with open_stream(f"{hub.url}/message?channel=strange&tail=10") as strange:
                with server.client() as client:
                    client.publish("outside", "2")
                    client.publish("strange", "2")

                gap, line = await outside.take(2)
                told = await several.until(lambda event: event.json.get("info") == "2")
                assert [event.json for event in await strange.take(1)] == [{"info": "2"}]

    assert (gap.type, gap.json["channel"], gap.json["reason"]) == ("gap", "outside", "recorder-down")
    assert line.json == {"info": "2"}
    channels = [event.json.get("@channel", event.json.get("channel")) for event in told]
    assert channels == ["log", "outside", "outside"]
