"""Redis loses part or all of the log: the rings restore what they hold, and gaps report the rest."""

import asyncio
import json
import tempfile
from collections.abc import Iterable
from functools import partial

import pytest
import redis

from tests.support.load import Id, Publisher, is_last, publishing, redis_order, verdict, wait_published
from tests.support.recording_hubs import (
    EVERY_LINE,
    current_fence,
    gaps_of,
    last_fence,
    read_after,
    recorded_seqs,
    recording_hubs,
    restarted,
    wait_recorded,
)
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import at_scale
from tests.support.sse_client import Event, open_stream
from tests.support.waiting import wait_until

LINES_PER_SECOND = at_scale(3_000, 5_000)
# More than a ring holds at full scale.
LINES = at_scale(6_000, 60_000)
RING_LINES = 50_000
LINES_AFTER_FLUSH = at_scale(3_000, 10_000)
LINES_WHEN_FILLED = at_scale(1_500, 5_000)


def on_a_new_session(hubs: Iterable[HubProcess], sessions: int) -> bool:
    return all(hub.ready() and hub.output.count("session_started") >= sessions for hub in hubs)


async def test_an_empty_restarted_redis_is_refilled_from_the_rings() -> None:
    with recording_hubs() as (server, hubs, stack), redis_order(server, "a") as published:
        async with open_stream(f"{hubs[0].url}/message?channel=a") as stream:
            reading = asyncio.create_task(stream.until(is_last))
            with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
                await asyncio.to_thread(wait_published, publisher, LINES)
            wait_until(lambda: len(published) == publisher.begun, "the reference is complete")
            last = max(published)
            await asyncio.to_thread(wait_recorded, server, last)
            server.process.kill()
            server.process.wait()
            with restarted(server) as again:
                await asyncio.to_thread(wait_until, lambda: on_a_new_session(hubs, 2), "both have a session")
                await asyncio.to_thread(wait_recorded, again, last)
                begun = publisher.begun
                publisher.publish(1_000)
                publisher.finish()
                events = await reading
                log_last = Id.parse(events[-1].id)
                await asyncio.to_thread(wait_recorded, again, log_last)
                log = recorded_seqs(again, "a")
                hubs.append(stack.enter_context(hub_process(again.url, *EVERY_LINE)))
                inside = sorted(published)[-5_000]
                resumed = [await read_after(hub, "a", str(inside)) for hub in hubs]
                older = [await read_after(hub, "a", f"{min(published).fence - 60_000}-0") for hub in hubs]
                for hub in hubs[::-1]:
                    hub.process.terminate()
                    hub.process.wait()

    held = sorted(published)[-RING_LINES + 500 :]
    assert [id for id in log if id <= last][-len(held) :] == held
    assert list(log) == sorted(log)
    assert sorted(set(log.values()))[-1] == publisher.begun
    assert log_last > last
    live = verdict(events)
    assert [gap["reason"] for gap in live.gaps] == ["recorder-down"]
    for told in map(verdict, resumed):
        assert [gap["reason"] for gap in told.gaps] == ["recorder-down"]
        assert told.seqs == list(range(published[inside] + 1, publisher.begun + 1))
    for told in map(verdict, older):
        assert [gap["reason"] for gap in told.gaps] == ["log-lost", "recorder-down"]
        assert told.seqs[-1] == publisher.begun
        assert told.lines[0][0] <= held[0]
    assert begun < publisher.begun


def is_beyond(last: Id, event: Event) -> bool:
    return event.type == "message" and Id.parse(event.id) >= last


async def keep_resuming(url: str, published: dict[Id, int], stop: asyncio.Event) -> int:
    """Resume repeatedly at older positions, and check that losses are reported. Returns the number of resumes."""
    times = 0
    while not stop.is_set():
        ids = sorted(published)
        since, last = ids[-1_000], ids[-1]
        async with open_stream(f"{url}/message?channel=a", {"Last-Event-ID": str(since)}) as stream:
            events = await stream.until(partial(is_beyond, last))
        verdict(events).agree_with(published, since)
        times += 1
    return times


async def test_a_flushed_redis_is_refilled_while_sessions_stay_up() -> None:
    """The second hub holds only a hundred lines, so its clients read the log, whatever state it is in."""
    with recording_hubs(1) as (server, hubs, stack), redis_order(server, "a") as published:
        hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE, "--ring-lines", "100")))
        old = {"Last-Event-ID": f"{last_fence(server) - 60_000}-0"}
        stop = asyncio.Event()
        with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
            await asyncio.to_thread(wait_published, publisher, 3_000)
            resuming = asyncio.create_task(keep_resuming(hubs[1].url, published, stop))
            await asyncio.to_thread(wait_published, publisher, 500)
            with server.client() as client:
                client.flushall()
            last = max(published)
            await asyncio.to_thread(wait_published, publisher, LINES_AFTER_FLUSH)
            await asyncio.to_thread(wait_recorded, server, last)
            await asyncio.to_thread(wait_published, publisher, LINES_WHEN_FILLED)
            stop.set()
            assert await resuming > 1
        publisher.finish()
        wait_until(lambda: len(published) == publisher.begun, "the reference is complete")
        last = max(published)
        await asyncio.to_thread(wait_recorded, server, last)
        log = recorded_seqs(server, "a")
        first = min(published)
        told = [verdict(await read_after(hub, "a", str(first))) for hub in hubs]
        older = []
        for hub in hubs:
            async with open_stream(f"{hub.url}/message?channel=a", old) as stream:
                older.append(gaps_of(await stream.until(is_last)))

        assert list(log.items()) == sorted(published.items())[-len(log) :]
        assert len(log) >= min(len(published), RING_LINES - 500)
        for each in told:
            assert each.gaps == []
            each.agree_with(published, first)
        for gaps in older:
            assert [gap["reason"] for gap in gaps] == ["log-lost"]


async def test_a_redis_restarted_from_an_old_snapshot_gets_the_missing_lines() -> None:
    with tempfile.TemporaryDirectory(prefix="sse-hub-snapshot-") as folder:
        options = ("--dir", folder)
        with recording_hubs(redis_options=options) as (server, hubs, stack):
            with redis_order(server, "a") as published:
                publisher = Publisher(server, ["a"], 1, "only", "")
                publisher.publish(1_000)
                wait_until(lambda: len(recorded_seqs(server, "a")) == 1_000, "these are in the snapshot")
                with server.client() as client:
                    client.save()
                publisher.publish(1_000)
                last = await asyncio.to_thread(reference_end, published, publisher)
                await asyncio.to_thread(wait_recorded, server, last)
                server.process.kill()
                server.process.wait()
            first = min(published)
            with restarted(server, options) as again:
                await asyncio.to_thread(wait_until, lambda: on_a_new_session(hubs, 2), "both have a session")
                await asyncio.to_thread(wait_recorded, again, last)
                log = recorded_seqs(again, "a")
                publisher.publish(100)
                publisher.finish()
                hubs.append(stack.enter_context(hub_process(again.url, *EVERY_LINE)))
                told = [verdict(await read_after(hub, "a", str(first))) for hub in hubs]

                assert log == published
                for each in told:
                    assert [gap["reason"] for gap in each.gaps] == ["recorder-down"]
                    assert each.seqs == list(range(2, publisher.begun + 1))
                for hub in hubs[::-1]:
                    hub.process.terminate()
                    hub.process.wait()


def cut_and_publish(client: redis.Redis, publisher: Publisher) -> None:
    """Cut all sessions and publish lines that no session receives, in one transaction."""
    pipeline = client.pipeline(transaction=True)
    pipeline.client_kill_filter(_type="pubsub")
    for _ in range(100):
        publisher.begun += 1
        pipeline.publish("a", json.dumps({"publisher": "only", "seq": publisher.begun}))
    pipeline.execute()


def reference_end(published: dict[Id, int], publisher: Publisher) -> Id:
    """The last id, once the reference has all published lines."""
    wait_until(lambda: len(published) == publisher.begun, "the reference is complete")
    return max(published)


async def record_all(server: RedisServer, hub: HubProcess, published: dict[Id, int], publisher: Publisher) -> None:
    """Return when the log is complete up to the last published line."""
    last = await asyncio.to_thread(reference_end, published, publisher)
    await current_fence(hub)
    await asyncio.to_thread(wait_recorded, server, last)


@pytest.mark.parametrize("key", ["log:a", "channels", "breaks", "watermark", "log:a channels"])
async def test_no_line_is_lost_silently_when_a_key_is_evicted(key: str) -> None:
    """Evicted by a server short of memory, or deleted by hand: any key of the hub."""
    with recording_hubs(1) as (server, hubs, stack), redis_order(server, "a") as published:
        publisher = Publisher(server, ["a"], 1, "only", "")
        publisher.publish(100)
        with server.client() as client:
            cut_and_publish(client, publisher)
            await asyncio.to_thread(wait_until, lambda: on_a_new_session(hubs, 2), "a new session")
            publisher.publish(100)
            await record_all(server, hubs[0], published, publisher)
            client.delete(*(f"sse-hub:{name}" for name in key.split()))
        publisher.publish(100)
        await record_all(server, hubs[0], published, publisher)
        publisher.finish()
        hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE)))
        since = min(published)
        last = await asyncio.to_thread(reference_end, published, publisher)
        for hub in hubs:
            told = verdict(await read_after(hub, "a", str(since)))
            told.agree_with(published, since)
            assert told.lines[-1][0] == last
            assert {gap["reason"] for gap in told.gaps} <= {"recorder-down", "log-lost"}
            async with open_stream(f"{hub.url}/message?channel=a*&since={since}") as stream:
                of_pattern = await stream.until(lambda event: '"last": true' in event.data)
            seqs = {event.json["seq"] for event in of_pattern if event.type == "message"}
            bounds = [(Id.parse(str(gap["after"])), Id.parse(gap["before"])) for gap in gaps_of(of_pattern)]
            for id, seq in published.items():
                assert seq in seqs or id <= since or any(after < id < before for after, before in bounds), id
