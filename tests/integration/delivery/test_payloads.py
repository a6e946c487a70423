"""Hostile and odd payloads through a real hub: each becomes one event with the right data, and sets no other field."""

import json
from collections.abc import Sequence

from tests.support.payloads import OBJECTS, TEXTS
from tests.support.servers import HubProcess, RedisServer
from tests.support.sse_client import Event, open_stream


def as_text(payload: bytes) -> str:
    """The payload as the data of an event can carry it."""
    return payload.decode().replace("\r\n", "\n").replace("\r", "\n")


async def events_of(hub: HubProcess, server: RedisServer, channel: str, payloads: Sequence[bytes]) -> list[Event]:
    """The events after publishing `payloads`, up to a final line that shows that all have arrived."""
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        with server.client() as client:
            for payload in payloads:
                client.publish(channel, payload)
            client.publish(channel, '{"last": true}')
        events = await stream.until(lambda event: event.data == '{"last": true}')
        assert stream.decoder.retry_ms == 2000
        assert stream.decoder.comments == []
    assert {event.type for event in events} == {"message"}
    assert [event.id for event in events] == sorted({event.id for event in events}, key=id_numbers)
    return events[:-1]


def id_numbers(id: str) -> tuple[int, ...]:
    return tuple(map(int, id.split("-")))


async def test_a_payload_that_is_no_json_object_arrives_as_text(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    events = await events_of(hub, server, channel, TEXTS)

    assert len(events) == len(TEXTS)
    for payload, event in zip(TEXTS, events, strict=True):
        assert event.json == {"info": payload.decode(errors="replace")}, payload[:80]


async def test_a_json_object_arrives_as_it_was_sent(hub: HubProcess, server: RedisServer, channel: str) -> None:
    events = await events_of(hub, server, channel, OBJECTS)

    assert len(events) == len(OBJECTS)
    for payload, event in zip(OBJECTS, events, strict=True):
        assert event.data == as_text(payload), payload[:80]
        assert isinstance(event.json, dict)


async def test_streams_of_several_channels_and_batches_deliver_the_same_lines(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    payloads = [*TEXTS, *OBJECTS]
    url = f"{hub.url}/message?channel={channel}"
    async with (
        open_stream(url) as single,
        open_stream(f"{url}&channel=quiet") as several,
        open_stream(f"{url}&batch=1") as batched,
    ):
        with server.client() as client:
            for payload in payloads:
                client.publish(channel, payload)

        lines = [event.json for event in await single.take(len(payloads))]
        named = [event.json for event in await several.take(len(payloads))]
        rows: list[str] = []
        while len(rows) < len(payloads):
            rows += [line for _, _, line, _ in (await batched.take(1))[0].json]

    assert named == [{"@channel": channel} | line for line in lines]
    assert [json.loads(line) for line in rows] == lines


async def test_a_line_of_one_mebibyte_arrives_whole_and_one_byte_more_is_truncated(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    limit = 1_048_576
    events = await events_of(hub, server, channel, [b"x" * limit, b"x" * (limit + 1), b"[" * 5 * limit])

    assert events[0].json == {"info": "x" * limit}
    assert events[1].json == {"info": "x" * limit, "truncated": True, "size": limit + 1}
    assert events[2].json == {"info": "[" * limit, "truncated": True, "size": 5 * limit}
