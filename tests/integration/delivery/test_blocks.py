"""
Every block of a stream is an event with an id and an object as its data, on every path by which a stream begins, goes
on and ends (I1, I2, I7). Client libraries lose their place, or hand the app an event without data, at anything else.
"""

import json
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import product

import pytest

from tests.support.http_client import post
from tests.support.load import publish
from tests.support.raw_http import RawConnection, open_streams, raw_connection, request_head, send_raw
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.sse_client import open_stream

STRANGER = "127.0.0.9"
END = b"\r\n0\r\n\r\n"
CHUNK_SIZE = re.compile(rb"(?:^|\r\n)[0-9a-f]+\r\n")


@pytest.fixture(scope="module")
def hub(server: RedisServer) -> Iterator[HubProcess]:
    """A hub with one heartbeat per second and one stream per address."""
    with hub_process(server.url, "--heartbeat-seconds", "1", "--streams-per-address", "1") as hub:
        hub.wait_recording()
        yield hub


def blocks_of(body: bytes) -> list[dict[str, str]]:
    """The blocks of `body`, each as its fields. AssertionError for one that is not complete."""
    text = CHUNK_SIZE.sub(b"", body).decode()
    assert text.endswith("\n\n"), text
    blocks = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            if name:
                fields[name] = fields.get(name, "") + value
        assert fields.keys() - {"retry"} == {"id", "event", "data"}, block
        assert isinstance(json.loads(fields["data"]), dict | list), block
        blocks.append(fields)
    return blocks


async def read_blocks(connection: RawConnection, mark: bytes) -> list[dict[str, str]]:
    """The blocks up to the one that holds `mark`."""
    return blocks_of(await connection.read_until(mark) + await connection.read_until(b"\n\n"))


async def test_all_blocks_of_a_stream_are_complete_from_its_first_to_its_last(
    server: RedisServer, channel: str
) -> None:
    queries = ["", f"&channel={channel}.x", "&batch=1", f"&channel={channel}*", f"&channel={channel}*&batch=1"]
    with hub_process(server.url, "--heartbeat-seconds", "1", "--drain-seconds", "0") as hub:
        hub.wait_recording()
        async with AsyncExitStack() as stack:
            connections = [await stack.enter_async_context(raw_connection(hub)) for _ in range(2 * len(queries))]
            for connection, (query, version) in zip(connections, product(queries, ("1.0", "1.1")), strict=True):
                target = f"/message?channel={channel}{query}"
                connection.send(f"GET {target} HTTP/{version}\r\nHost: hub\r\nLast-Event-ID: x-1\r\n\r\n".encode())
                await connection.read_until(b"\r\n\r\n")
                *gaps, first = await read_blocks(connection, b"event: checkpoint")
                assert {(gap["event"], gap["id"]) for gap in gaps} == {("gap", "x-1")}
                assert first["retry"] == "2000"
            publish(server, channel, '{"n":\r1}', '{"@event": "closed"}', "text")
            for connection in connections:
                lines = await read_blocks(connection, b"text")
                beat = await read_blocks(connection, b": heartbeat")
                assert {block["event"] for block in lines} <= {"message", "closed", "lines", "checkpoint"}
                assert beat[-1]["event"] == "checkpoint"
            hub.process.terminate()
            for connection in connections:
                *_, end = await read_blocks(connection, b"\nretry: ")
                assert end["event"] == "checkpoint"
                assert 1_000 <= int(end["retry"]) <= 3_000


@pytest.mark.parametrize(
    ("query", "header", "id"),
    [
        ("", "1795233018000-7", "1795233018000-7"),
        ("&since=1795233018000-7", None, ""),
        ("&tail=3", "1795233018000-7", "1795233018000-7"),
        ("", "no id of a hub", "unknown"),
        ("", "no-id-of-a-hub", "no-id-of-a-hub"),
        ("", "9" * 600, "unknown"),
        ("&tail=3", None, ""),
    ],
)
async def test_i7_a_refused_client_keeps_the_id_it_came_with(
    hub: HubProcess, channel: str, query: str, header: str | None, id: str
) -> None:
    headers = [] if header is None else [f"Last-Event-ID: {header}"]
    async with open_streams(hub, channel, 1, STRANGER):
        reply = await send_raw(hub, request_head(f"/message?channel={channel}{query}", *headers), STRANGER)

    [block] = blocks_of(reply.body.removesuffix(END))
    assert (block["event"], block["id"]) == ("refused", id)
    assert 5_000 <= int(block["retry"]) <= 15_000


async def test_i7_a_new_client_that_is_refused_gets_what_comes_until_it_is_served(
    hub: HubProcess, channel: str
) -> None:
    """It was answered with 200, after which no line may be missing."""
    async with open_streams(hub, channel, 1, STRANGER):
        reply = await send_raw(hub, request_head(f"/message?channel={channel}"), STRANGER)
        post(hub, channel, b'{"n": 1}')

    [block] = blocks_of(reply.body.removesuffix(END))
    async with open_stream(f"{hub.url}/message?channel={channel}", {"Last-Event-ID": block["id"]}) as stream:
        [event] = await stream.take(1)
    assert event.json == {"n": 1}


async def test_a_publisher_cannot_send_a_checkpoint(hub: HubProcess, server: RedisServer, channel: str) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        publish(server, channel, '{"@event": "checkpoint"}')
        [event] = await stream.take(1)

    assert event.type == "message"
