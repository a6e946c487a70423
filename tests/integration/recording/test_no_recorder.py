"""All hub processes die together: one gap covers the ids of that time, for current and later clients."""

import asyncio
import time
from contextlib import ExitStack

from tests.support.load import Publisher, publishing, redis_order, verdict, wait_published
from tests.support.recording_hubs import EVERY_LINE, follow, gaps_of, read_after, recorded, recording_hubs
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import PATIENCE, at_scale
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

LINES_PER_SECOND = at_scale(2_000, 5_000)
DEAD_SECONDS = 3.0
QUERIES = ("channel=a", "channel=a&channel=idle", "channel=a*&batch=1")


def kill_all_and_restart(server: RedisServer, hubs: list[HubProcess], stack: ExitStack, publisher: Publisher) -> float:
    """Kill `hubs` and start others on their ports. Returns the monotonic time at which one was ready."""
    for hub in hubs:
        hub.process.kill()
    for hub in hubs:
        hub.process.wait()
    # The time without any hub, as in docs/reliability.md.
    time.sleep(DEAD_SECONDS)
    recovered = 0.0
    for at, hub in enumerate(hubs):
        hubs[at] = stack.enter_context(hub_process(server.url, *EVERY_LINE, port=hub.port))
        recovered = recovered or time.monotonic()
    for hub in hubs:
        hub.wait_recording()
    wait_published(publisher, LINES_PER_SECOND)
    return recovered


async def first_gap(hub: HubProcess, position: str) -> float:
    """When a client that resumes at `position` got its gap. The first process may not listen yet."""
    while True:
        try:
            async with open_stream(f"{hub.url}/message?channel=a", {"Last-Event-ID": position}) as stream:
                await stream.until(lambda event: event.type == "gap")
                return time.monotonic()
        except (OSError, EOFError, AssertionError):
            await asyncio.sleep(0.05)


async def test_a_time_without_any_hub_is_one_gap_for_every_client() -> None:
    with recording_hubs() as (server, hubs, stack), redis_order(server, "a") as published:
        urls = [hub.url for hub in hubs]
        begun = [asyncio.Event() for _ in QUERIES * 2]
        asked = zip([*QUERIES, *QUERIES], [urls] * 3 + [urls[::-1]] * 3, begun, strict=True)
        readers = [asyncio.create_task(follow(turn, query, event)) for query, turn, event in asked]
        await asyncio.gather(*(event.wait() for event in begun))
        with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
            await asyncio.to_thread(wait_published, publisher, LINES_PER_SECOND)
            position = str(max(published))
            waiting = asyncio.create_task(first_gap(hubs[0], position))
            recovered = await asyncio.to_thread(kill_all_and_restart, server, hubs, stack, publisher)
            told_at = await waiting
        publisher.finish()
        wait_until(lambda: len(published) == publisher.begun, "the reference is complete")
        last = max(published)
        await asyncio.to_thread(wait_until, lambda: last in recorded(server, "a"), "the last line is recorded")
        singles, severals, patterns = [[await readers[at], await readers[at + 3]] for at in range(3)]
        hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE)))
        first, *_ = sorted(published)
        later = [await read_after(hub, "a", str(id)) for hub in hubs for id in (first, position)]
        async with open_stream(f"{hubs[-1].url}/message?channel=a*&since={position}") as stream:
            of_pattern = await stream.until(lambda event: '"last": true' in event.data)

        told = [verdict(events) for events in (*singles, *later)]
        for each in told:
            assert [gap["reason"] for gap in each.gaps] == ["recorder-down"]
            each.agree_with(published)
            assert each.lines[-1] == (last, publisher.begun)
        assert len({str(gap["before"]) for each in told for gap in each.gaps}) == 1
        assert [len(each.lines) > LINES_PER_SECOND for each in told[:2]] == [True, True]
        for events in severals:
            assert sorted(gap["channel"] for gap in gaps_of(events)) == ["a", "idle"]
        for events in (*patterns, of_pattern):
            assert [gap["channel"] for gap in gaps_of(events)] == ["a*"]
        assert told_at - recovered < 3.0 * PATIENCE
