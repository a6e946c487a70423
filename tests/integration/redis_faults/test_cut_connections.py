"""Redis cuts its subscribers or dies: streams stay open, and every lost line is reported as a gap."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.load import Publisher, is_last, publishing, redis_order, verdict
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import PATIENCE, at_scale
from tests.support.sse_client import Event, open_stream
from tests.support.waiting import wait_until

LINES_PER_SECOND = 2_000
CUTS = at_scale(8, 20)


@contextmanager
def own_redis() -> Iterator[tuple[RedisServer, HubProcess]]:
    """A server that the test may stop or change in any way, and a hub on it."""
    with redis_server() as server, hub_process(server.url, "--heartbeat-seconds", "1") as hub:
        yield server, hub


def cut_sessions(server: RedisServer) -> None:
    with server.client() as client:
        client.client_kill_filter(_type="pubsub")


def cut_and_recover(server: RedisServer, hub: HubProcess, publisher: Publisher) -> float:
    """Cut the session of `hub`, and wait for some lines. Returns the seconds until it was ready with a new session."""
    sessions = hub.output.count("session_started")
    started = time.monotonic()
    cut_sessions(server)
    wait_until(lambda: hub.output.count("session_started") > sessions and hub.ready(), "ready on a new session")
    seconds = time.monotonic() - started
    go_on(publisher)
    return seconds


def go_on(publisher: Publisher) -> None:
    """Return after some more lines."""
    begun = publisher.begun
    wait_until(lambda: publisher.begun > begun + 100, "lines go on")


def gaps_of(events: list[Event]) -> list[str]:
    return [event.json["channel"] for event in events if event.type == "gap"]


async def test_each_cut_connection_under_load_is_reported_by_one_gap() -> None:
    with own_redis() as (server, hub):
        async with (
            open_stream(f"{hub.url}/message?channel=a") as single,
            open_stream(f"{hub.url}/message?channel=a&channel=idle") as several,
            open_stream(f"{hub.url}/message?channel=a*&batch=1") as pattern,
        ):
            reading = asyncio.gather(*(stream.until(is_last) for stream in (single, several, pattern)))
            with redis_order(server, "a") as published:
                with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
                    seconds = [await asyncio.to_thread(cut_and_recover, server, hub, publisher) for _ in range(CUTS)]
                publisher.finish()
                of_single, of_several, of_pattern = await reading

    told = verdict(of_single)
    assert len(told.gaps) == CUTS
    told.agree_with(published)
    assert {gap["reason"] for gap in told.gaps} == {"recorder-down"}
    assert sorted(gaps_of(of_several)) == ["a"] * CUTS + ["idle"] * CUTS
    assert gaps_of(of_pattern) == ["a*"] * CUTS
    assert max(seconds) < 1.0 * PATIENCE


async def test_cuts_in_quick_succession_hide_no_lost_line() -> None:
    """Some cuts hit a session that has not seen its first fence or is not subscribed yet."""

    def cut_often(server: RedisServer) -> None:
        for _ in range(40):
            cut_sessions(server)
            time.sleep(0.01)

    with own_redis() as (server, hub):
        async with open_stream(f"{hub.url}/message?channel=a") as stream:
            reading = asyncio.create_task(stream.until(is_last))
            with redis_order(server, "a") as published:
                with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
                    await asyncio.to_thread(cut_often, server)
                    await asyncio.to_thread(cut_and_recover, server, hub, publisher)
                publisher.finish()
                told = verdict(await reading)

    assert 1 <= len(told.gaps) <= 41
    told.agree_with(published)


async def test_streams_stay_open_while_redis_is_killed_and_restarted() -> None:
    with own_redis() as (server, hub):
        async with open_stream(f"{hub.url}/message?channel=a") as stream:
            publisher = Publisher(server, ["a"], LINES_PER_SECOND, "only", "")
            publisher.publish(100)
            events = await stream.take(100)

            server.process.kill()
            server.process.wait()
            wait_until(lambda: not hub.ready(), "not ready")
            async with open_stream(f"{hub.url}/message?channel=a") as refused:
                assert await refused.rest() == []
            with redis_server(port=server.port) as again:
                publisher.publish(100)
                wait_until(hub.ready, "ready again")
                publisher.publish(100)
                publisher.finish()
                told = verdict(events + await stream.until(is_last))

    assert again.port == server.port
    assert (refused.status, refused.ended_cleanly) == (200, True)
    assert refused.decoder.retry_ms
    assert len(told.gaps) == 1
    assert told.seqs[:100] == list(range(1, 101))
    assert told.seqs[-101:] == list(range(201, 302))
