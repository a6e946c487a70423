"""Redis is full or refuses writes: live lines continue, the failure shows, and lines are recorded later if possible."""

import asyncio
import itertools
from pathlib import Path

import pytest

from sse_hub.broker.limits import redis_limits
from tests.support.http_client import post
from tests.support.load import Publisher, is_last, verdict
from tests.support.recording_hubs import entries, recorded_seqs
from tests.support.redis_rights import LIVE_RIGHTS, LOG_RIGHTS
from tests.support.servers import RedisServer, hub_process, redis_server
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until


def set_limit(server: RedisServer, share: float) -> None:
    """Limit Redis to this factor of its current memory; 0.0 means no limit."""
    with server.client() as client:
        used: dict[str, int] = client.info("memory")
        client.config_set("maxmemory", int(used["used_memory"] * share))


async def test_lines_refused_by_a_full_redis_are_recorded_when_it_has_room_again() -> None:
    with redis_server(options=("--maxmemory-policy", "noeviction")) as server, hub_process(server.url) as hub:
        hub.wait_recording()
        publisher = Publisher(server, ["a"], 1, "only", "")
        async with open_stream(f"{hub.url}/message?channel=a") as stream:
            publisher.publish(100)
            events = await stream.take(100)
            await asyncio.to_thread(wait_until, lambda: len(entries(server, "a")) == 100, "these are recorded")
            set_limit(server, 0.5)
            publisher.publish(100)
            events += await stream.take(100)
            await asyncio.to_thread(
                wait_until, lambda: not hub.state()["recording"], "it is said that nothing is recorded"
            )
            state = hub.state()
            was_ready, recorded_then = hub.ready(), len(recorded_seqs(server, "a"))
            set_limit(server, 0.0)
            await asyncio.to_thread(hub.wait_recording)
            publisher.finish()
            events += await stream.until(is_last)
        await asyncio.to_thread(
            wait_until, lambda: len(entries(server, "a")) == publisher.begun, "the log is filled again"
        )
        log = list(recorded_seqs(server, "a").values())
        again, output = hub.state(), hub.output

    assert was_ready
    assert "maxmemory" in str(state["recording_error"])
    assert "recording_failed" in output
    assert recorded_then == 100
    assert log == list(range(1, publisher.begun + 1))
    assert verdict(events).seqs == log
    assert again["recording_error"] is None


async def test_lines_are_served_while_redis_cannot_save_and_recorded_when_it_accepts_writes_again(
    tmp_path: Path,
) -> None:
    """The disk is full: a Redis that saves snapshots, as it does by default, then refuses every write."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with (
        redis_server(options=("--dir", str(folder))) as server,
        hub_process(server.url) as hub,
        server.client() as client,
    ):
        hub.wait_recording()
        publisher = Publisher(server, ["a"], 1, "only", "")
        async with open_stream(f"{hub.url}/message?channel=a") as stream:
            # To Redis, a folder that is gone is a disk that takes nothing more.
            folder.rmdir()
            client.config_set("save", "1 1")
            publisher.publish(100)
            await asyncio.to_thread(
                wait_until, lambda: "MISCONF" in str(hub.state()["recording_error"]), "a snapshot has failed"
            )
            publisher.publish(100)
            events = await stream.take(200)
            was_ready = hub.ready()
            client.config_set("stop-writes-on-bgsave-error", "no")
            await asyncio.to_thread(
                wait_until, lambda: hub.state()["recording_error"] is None, "the lines are recorded again"
            )
            publisher.finish()
            events += await stream.until(is_last)
        await asyncio.to_thread(wait_until, lambda: len(entries(server, "a")) == publisher.begun, "the log is complete")
        log = list(recorded_seqs(server, "a").values())

    assert was_ready
    assert log == list(range(1, publisher.begun + 1))
    assert verdict(events).seqs == log


async def test_publishers_that_fill_redis_stop_the_recording_and_nothing_else() -> None:
    """R5: an embedded Redis has a bound on its memory, and evicts nothing. A flood of names, and of lines, fills it."""
    bounds = redis_limits(1_048_576, 1_048_576) | {"maxmemory": "8mb"}
    options = tuple(word for name, value in bounds.items() for word in (f"--{name}", *value.split()))
    with redis_server(options=options) as server, hub_process(server.url) as hub, server.publisher() as client:
        hub.wait_recording()
        numbers = itertools.count()

        def fill() -> bool:
            with client.pipeline(transaction=False) as pipeline:
                for number in itertools.islice(numbers, 200):
                    pipeline.publish(f"name.{number}", "x" * 1_000)
                pipeline.execute()
            return not hub.state()["recording"]

        await asyncio.to_thread(wait_until, fill, "it is said that nothing is recorded")
        state, ready = hub.state(), hub.ready()
        publisher = Publisher(server, ["calm"], 1, "only", "")
        async with open_stream(f"{hub.url}/message?channel=calm") as stream:
            publisher.publish(100)
            publisher.finish()
            events = await stream.until(is_last)
        refused = post(hub, "calm", b'{"message": "recorded or refused"}').status
        output = hub.output

    assert ready
    assert "maxmemory" in str(state["recording_error"])
    assert "recording_failed" in output
    assert "session_ended" not in output
    assert verdict(events).seqs == list(range(1, publisher.begun + 1))
    assert verdict(events).gaps == []
    assert refused == 503


@pytest.mark.parametrize(
    "rights",
    [
        # First the right to run the scripts but not to write lines, then the right to write everything but lines.
        LIVE_RIGHTS + " " + LOG_RIGHTS.replace("+xadd ", ""),
        LIVE_RIGHTS.replace("~sse-hub:*", "~sse-hub:[a-km-z]* ~sse-hub:lease*") + " " + LOG_RIGHTS,
    ],
)
async def test_live_lines_continue_without_the_right_to_write_the_log(rights: str) -> None:
    with redis_server() as server:
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "hub", "on", ">secret", *rights.split())
        with hub_process(f"redis://hub:secret@127.0.0.1:{server.port}/0", "--ingest", "app.*") as hub:
            publisher = Publisher(server, ["app.log"], 1, "only", "")
            async with open_stream(f"{hub.url}/message?channel=app.log") as stream:
                publisher.publish(10)
                events = await stream.take(10)
                await asyncio.to_thread(
                    wait_until,
                    lambda: hub.state()["recording_error"] is not None,
                    "it is said that nothing is recorded",
                )
                publisher.publish(10)
                events += await stream.take(10)
            async with open_stream(f"{hub.url}/message?channel=app.log", {"Last-Event-ID": events[4].id}) as stream:
                resumed = await stream.take(15)
            ready = hub.ready()

    assert ready
    assert verdict(events).seqs == list(range(1, 21))
    assert resumed == events[5:]


async def test_lines_evicted_by_redis_are_reported_as_gaps_or_recorded_again() -> None:
    """Redis is also used as a cache: it evicts what is not used for a while, such as the log of a quiet channel."""
    options = ("--maxmemory", "8mb", "--maxmemory-policy", "allkeys-lru")
    with redis_server(options=options) as server, hub_process(server.url, "--ring-lines", "1000") as hub:
        hub.wait_recording()
        publisher = Publisher(server, ["quiet"], 1, "only", "")
        async with open_stream(f"{hub.url}/message?channel=quiet") as stream:
            begin = stream.last_event_id
            for _ in range(15):
                publisher.publish(100)
                await stream.take(100)
        await asyncio.to_thread(wait_until, lambda: len(entries(server, "quiet")) == 1_500, "all is recorded")
        await asyncio.to_thread(evict, server)
        publisher.finish()
        told = []
        with hub_process(server.url) as newcomer:
            for each in (hub, newcomer):
                async with open_stream(f"{each.url}/message?channel=quiet&since={begin}") as stream:
                    told.append(verdict(await stream.until(is_last)))

    for each_told in told:
        assert len(each_told.gaps) == 1
        assert each_told.gaps[0]["reason"] in ("log-lost", "late")
        assert each_told.seqs == list(range(each_told.seqs[0], publisher.begun + 1))


def evict(server: RedisServer) -> None:
    """Fill the cache until the log of the quiet channel is evicted."""
    with server.client() as client:
        numbers = itertools.count()

        def gone() -> bool:
            client.set(f"cache:{next(numbers)}", "x" * 20_000)
            return not client.exists("sse-hub:log:quiet")

        wait_until(gone, "it is evicted")
