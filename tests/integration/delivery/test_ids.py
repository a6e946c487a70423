"""Every hub process gives a line the same id, whoever joins and leaves meanwhile."""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.load import Id, Publisher, publishing
from tests.support.programs import redis_binary, valkey_binary
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.sse_client import Stream, open_stream
from tests.support.waiting import wait_until

CHANNELS = [f"c{number}" for number in range(5)]
ALL = "&".join(f"channel={channel}" for channel in CHANNELS)
PUBLISHERS = ["anna", "ben", "cleo"]
LINES_EACH = at_scale(6_000, 66_667)
LINES_PER_SECOND_EACH = 2_000
SECONDS = DEADLINE_SECONDS + LINES_EACH / 200
VISITORS = 6
END = '{"publisher": "none"}'

Line = tuple[Id, str]
Record = dict[str, list[Line]]
"""By channel, in the order they came."""


async def record_all(stream: Stream) -> Record:
    """What a stream of all channels is told, until it has the END of each."""
    record: Record = {channel: [] for channel in CHANNELS}
    ends = 0
    async for event in stream:
        assert event.type == "lines", event
        for id, channel, line in event.json:
            record[channel].append((Id.parse(id), line))
            ends += line == END
        if ends == len(CHANNELS):
            return record
    raise AssertionError("the stream has ended")


async def visit(hubs: list[HubProcess], visits: list[tuple[str, list[Line]]]) -> None:
    """Be one short-lived subscriber of one channel after the other, until cancelled; keep what they were told."""
    while True:
        channel = random.choice(CHANNELS)
        lines: list[Line] = []
        visits.append((channel, lines))
        async with open_stream(f"{random.choice(hubs).url}/message?channel={channel}") as stream:
            for _ in range(random.randrange(1, 600)):
                event = await anext(stream)
                assert event.type == "message", event
                lines.append((Id.parse(event.id), event.data))


def publish_all(server: RedisServer) -> dict[str, Publisher]:
    """All publishers at once, then an END on each channel."""
    with ExitStack() as stack:
        publishers = {
            name: stack.enter_context(publishing(server, *CHANNELS, lines_per_second=LINES_PER_SECOND_EACH, name=name))
            for name in PUBLISHERS
        }
        wait_until(lambda: min(each.begun for each in publishers.values()) >= LINES_EACH, "all is published", SECONDS)
    with server.client() as client:
        for channel in CHANNELS:
            client.publish(channel, END)
    return publishers


@pytest.mark.parametrize("binary", [redis_binary, valkey_binary], ids=["redis", "valkey"])
async def test_two_hubs_give_every_line_the_same_id(binary: Callable[[], Path]) -> None:
    visits: list[tuple[str, list[Line]]] = []
    with redis_server(binary()) as server, hub_process(server.url) as one, hub_process(server.url) as two:
        async with (
            asyncio.timeout(SECONDS),
            open_stream(f"{one.url}/message?batch=1&{ALL}") as stream_one,
            open_stream(f"{two.url}/message?batch=1&{ALL}") as stream_two,
            asyncio.TaskGroup() as group,
        ):
            records = [group.create_task(record_all(stream)) for stream in (stream_one, stream_two)]
            visitors = [group.create_task(visit([one, two], visits)) for _ in range(VISITORS)]
            publishers = await asyncio.to_thread(publish_all, server)
            record, other_record = [await each for each in records]
            for visitor in visitors:
                visitor.cancel()

    assert record == other_record
    ids = {channel: [id for id, _ in lines] for channel, lines in record.items()}
    assert all(each == sorted(set(each)) for each in ids.values())
    for name, publisher in publishers.items():
        for number, channel in enumerate(CHANNELS):
            seqs = [seq for line in record[channel] for seq in seq_of(line, name)]
            assert seqs == [seq for seq in range(1, publisher.begun + 1) if seq % len(CHANNELS) == number]
    told = [(channel, lines) for channel, lines in visits if lines]
    assert len(told) > VISITORS
    for channel, lines in told:
        first = ids[channel].index(lines[0][0])
        assert lines == record[channel][first : first + len(lines)]


def seq_of(line: Line, publisher: str) -> list[int]:
    record = json.loads(line[1])
    return [record["seq"]] if record["publisher"] == publisher else []
