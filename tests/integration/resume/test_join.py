"""Every line published after a client got its headers reaches it, however it joined."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests.support.load import Id, is_last, publishing, verdict
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import at_scale
from tests.support.sse_client import Stream, open_stream

SUBSCRIBERS = 50
LINES_PER_SECOND = at_scale(1_000, 2_000)
JOINING_SECONDS = at_scale(2, 10)


@pytest.fixture(scope="module")
def narrow_hub(server: RedisServer) -> Iterator[HubProcess]:
    """A hub that ingests only `other.*`, and follows other channels only while they have subscribers."""
    with hub_process(server.url, "--ingest", "other.*") as hub:
        yield hub


async def open_together(stack: AsyncExitStack, count: int, url: str) -> list[Stream]:
    """Streams requested at the same moment."""
    return await asyncio.gather(*(stack.enter_async_context(open_stream(url)) for _ in range(count)))


async def take_rows(stream: Stream, count: int) -> list[list[str]]:
    """The next rows of a `batch=1` stream, however they are batched."""
    rows: list[list[str]] = []
    while len(rows) < count:
        rows += (await stream.take(1))[0].json
    return rows


async def join_under_load(server: RedisServer, hub: HubProcess, channel: str) -> None:
    """Subscribers join one after another under load. AssertionError if one misses a line."""
    joined = asyncio.Semaphore(0)

    async def subscribe(number: int) -> None:
        # Not waiting for a condition: each subscriber should join at another moment of the load.
        await asyncio.sleep(number * JOINING_SECONDS / SUBSCRIBERS)
        async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
            begun = publisher.begun
            joined.release()
            told = verdict(await stream.until(is_last))
        assert told.gaps == []
        assert told.seqs[0] <= begun + 1, f"line {begun + 1} was published after the headers arrived, but not received"

    async with asyncio.TaskGroup() as group:
        with publishing(server, channel, lines_per_second=LINES_PER_SECOND) as publisher:
            subscribers = [group.create_task(subscribe(number)) for number in range(SUBSCRIBERS)]
            for _ in subscribers:
                await joined.acquire()
        publisher.finish()
    assert len(subscribers) == SUBSCRIBERS
    assert publisher.begun > LINES_PER_SECOND * JOINING_SECONDS * 0.9


async def test_subscribers_that_join_under_load_get_every_later_line(
    server: RedisServer, hub: HubProcess, channel: str
) -> None:
    await join_under_load(server, hub, channel)


async def test_subscribers_of_a_channel_outside_ingest_get_every_later_line(
    server: RedisServer, narrow_hub: HubProcess, channel: str
) -> None:
    await join_under_load(server, narrow_hub, channel)


@pytest.mark.parametrize("count", [2, 10])
async def test_clients_that_join_a_new_channel_at_the_same_moment_all_get_its_lines(
    server: RedisServer, hub: HubProcess, narrow_hub: HubProcess, channel: str, count: int
) -> None:
    for each in (hub, narrow_hub):
        async with AsyncExitStack() as stack:
            streams = await open_together(stack, count, f"{each.url}/message?channel={channel}")
            with server.client() as client:
                client.publish(channel, "first")

            first = [(await stream.take(1))[0] for stream in streams]

        assert [event.json for event in first] == [{"info": "first"}] * count
        assert len({event.id for event in first}) == 1


async def test_a_channel_outside_ingest_has_the_same_ids_on_every_hub(
    server: RedisServer, hub: HubProcess, narrow_hub: HubProcess, channel: str
) -> None:
    """The client joins in the middle of a fence's lines, the first of which this hub has not received."""
    channels = [f"{channel}.{number}" for number in range(10)]
    with publishing(server, *channels, lines_per_second=LINES_PER_SECOND):
        for each in channels:
            async with AsyncExitStack() as stack:
                [reference] = await open_together(stack, 1, f"{hub.url}/message?channel={each}")
                streams = await open_together(stack, 2, f"{narrow_hub.url}/message?channel={each}")
                events = [await stream.take(5) for stream in streams]
                last = max((each[-1] for each in events), key=lambda event: Id.parse(event.id))
                same = await reference.until(last.__eq__)
                for told in events:
                    at = same.index(told[0])
                    assert told == same[at : at + 5]


async def test_a_client_resumes_a_channel_outside_ingest_exactly_where_it_was(
    server: RedisServer, narrow_hub: HubProcess, channel: str
) -> None:
    url = f"{narrow_hub.url}/message?channel={channel}"
    with server.client() as client:
        async with open_stream(url) as stream:
            client.publish(channel, "1")
            await stream.take(1)
        client.publish(channel, "2")

        async with open_stream(url, {"Last-Event-ID": stream.last_event_id}) as stream:
            assert [event.json for event in await stream.take(1)] == [{"info": "2"}]


async def test_a_pattern_subscriber_gets_the_first_line_of_a_new_channel(
    server: RedisServer, hub: HubProcess, channel: str
) -> None:
    async with (
        open_stream(f"{hub.url}/message?channel={channel}.*") as single,
        open_stream(f"{hub.url}/message?channel={channel}.*&batch=1") as batched,
    ):
        with server.client() as client:
            client.publish(f"{channel}.new", '{"n": 1}')
            client.publish(f"{channel}-other", '{"n": 2}')
            client.publish(f"{channel}.newer", '{"n": 3}')

        events = await single.take(2)
        rows = await take_rows(batched, 2)

    assert [event.json for event in events] == [
        {"@channel": f"{channel}.new", "n": 1},
        {"@channel": f"{channel}.newer", "n": 3},
    ]
    assert [(name, json.loads(line)) for _, name, line, _ in rows] == [
        (f"{channel}.new", {"n": 1}),
        (f"{channel}.newer", {"n": 3}),
    ]
