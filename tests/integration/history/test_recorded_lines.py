"""Frames replayed from the log are byte for byte those that live clients received."""

import re
from collections.abc import Iterator

import pytest

from tests.support.payloads import OBJECTS, TEXTS
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.sse_client import Event, open_stream

LIMIT = 1_048_576
LARGE = [
    b"x" * 65_536,
    b'{"text": "' + b"y" * (LIMIT - 12) + b'"}',
    b"z" * LIMIT,
    b"x" * (LIMIT + 1),
    b"[" * 3 * LIMIT,
    b"\x01" * LIMIT,
    b'{"@event": "deploy"}',
    b'{"@event": "gap"}',
]
PAYLOADS = [*TEXTS, *OBJECTS, *LARGE]
LAST = '{"last": true}'
QUERIES = ["channel=a", "channel=a&channel=quiet", "channel=a&batch=1", "channel=a*", "channel=a&channel=quiet&batch=1"]


@pytest.fixture(scope="module")
def recorder(module_server: RedisServer) -> Iterator[HubProcess]:
    with hub_process(module_server.url) as hub:
        hub.wait_recording()
        yield hub


def is_last(event: Event) -> bool:
    return "last" in event.data and re.search(r'"last": true}(",\d+\]\])?$', event.data.replace("\\", "")) is not None


def flat(events: list[Event]) -> list[tuple[object, ...]]:
    """The events, with the rows of `lines` events, which may be batched differently, taken apart."""
    if events[0].type == "lines":
        return [tuple(row) for event in events for row in event.json]
    return [(event.type, event.id, event.data) for event in events]


@pytest.mark.parametrize("query", QUERIES)
async def test_odd_and_large_lines_are_replayed_as_they_were_sent_live(
    module_server: RedisServer, recorder: HubProcess, query: str
) -> None:
    async with open_stream(f"{recorder.url}/message?{query}") as stream:
        cursor = stream.last_event_id
        with module_server.client() as client:
            for payload in [*PAYLOADS, LAST.encode()]:
                client.publish("a", payload)
        live = await stream.until(is_last)

    # A new hub has nothing in memory.
    with hub_process(module_server.url) as fresh:
        async with open_stream(f"{fresh.url}/message?{query}", {"Last-Event-ID": cursor}) as stream:
            replayed = await stream.until(is_last)

    assert len(flat(live)) == len(PAYLOADS) + 1
    assert flat(replayed) == flat(live)


async def test_a_line_over_the_limit_is_truncated_only_once(module_server: RedisServer, recorder: HubProcess) -> None:
    """The line is recorded as delivered; its recorded length is not checked again."""
    async with open_stream(f"{recorder.url}/message?channel=cut") as stream:
        cursor = stream.last_event_id
        with module_server.client() as client:
            client.publish("cut", b"\x01" * (LIMIT + 1))
        await stream.take(1)

    with hub_process(module_server.url, "--line-bytes", "1000") as fresh:
        async with open_stream(f"{fresh.url}/message?channel=cut", {"Last-Event-ID": cursor}) as stream:
            [event] = await stream.take(1)

    assert event.json == {"info": "\x01" * LIMIT, "truncated": True, "size": LIMIT + 1}
