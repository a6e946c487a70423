"""Hostile and odd payloads through a real hub: each is one event with the right data, and never another field."""

import json
from collections.abc import Sequence

from tests.support.servers import HubProcess, RedisServer
from tests.support.sse_client import Event, open_stream

PRETTY = '{\n  "a": 1,\n  "b": [\n    "x\u2028y",\n    null\n  ]\n}'

# What is no JSON object arrives as the text that it is, in {"info"}.
TEXTS = [
    b"",
    b" ",
    b"   leading spaces",
    b"\t",
    b"plain",
    b":x",
    b": comment",
    b"data: x",
    b"data",
    b"id: 5",
    b"id",
    b"event: gap\ndata: {}",
    b"retry: 1",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"\n\r",
    b"a\nb",
    b"a\rb",
    b"a\r\nb",
    b"a\n\nid: 6\ndata: b\n\n",
    b"a\r\rid: 6\rdata: b\r\r",
    b"a\r\n\r\nevent: gap\r\ndata: b\r\n\r\n",
    b"\0",
    b"id: 1\x002",
    b"\xff\xfe",
    b"\xc3",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\x80",
    b"\xef\xbb\xbf",
    b"\xef\xbb\xbfbom",
    b'\xef\xbb\xbf{"bom": 1}',
    "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg".encode(),
    "\U0001f600 \u202eltr".encode(),
    b"\x1b[31mred\x1b[0m",
    b"</script><img src=x onerror=alert(1)>",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1",
    b"-0.0",
    b"1e999",
    b"9" * 5000,
    b"true",
    b"null",
    b'"text"',
    b'"\\ud800"',
    b"[]",
    b'[{"a": 1}]',
    b"[" * 1_000_000,
    b"[" * 500_000 + b"]" * 500_000,
    b'{"a":' * 200_000,
    b"{",
    b"{}{}",
    b"{} x",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": NaN}',
    b'{"a": Infinity, "b": "\\ud800"}',
    b'{"a": "\n"}',
    b'{"a": "\xff"}',
    b"x" * 65_536,
]

# A JSON object arrives as it was sent; only its line ends, which SSE can't tell apart, become LF.
OBJECTS = [
    b"{}",
    b" {} ",
    b'{"a" : 1,  "b":2.50}',
    b'{"a": 1, "a": 2}',
    b'{"a": "\\ud800", "b": "\\udc00\\ud800"}',
    b'{"a": "\\u0000\\u2028\\r\\n"}',
    '{"a": "\u2028\u2029\x85"}'.encode(),
    b'{"id": 1, "event": "gap", "data": "x", "retry": 1}',
    b'{"n": 123456789012345678901234567890, "e": 1e308}',
    PRETTY.encode(),
    PRETTY.replace("\n", "\r\n").encode(),
    PRETTY.replace("\n", "\r").encode(),
    b"\n{}\n",
    b"\r{}\r",
    b"\r\n{}\r\n",
    b"\n\n{\r\r}\n\r",
    json.dumps({f"key{number}": number for number in range(10_000)}).encode(),
    json.dumps({"text": "ä" * 32_000}, ensure_ascii=False).encode(),
    b'{"text": "' + b"x" * (65_536 - 12) + b'"}',
    b'{"text": "' + b"x" * (1_048_576 - 12) + b'"}',
]


def as_text(payload: bytes) -> str:
    """The payload as the data of an event can tell it."""
    return payload.decode().replace("\r\n", "\n").replace("\r", "\n")


async def events_of(hub: HubProcess, server: RedisServer, channel: str, payloads: Sequence[bytes]) -> list[Event]:
    """All that comes of publishing `payloads`, up to a last line that shows that nothing more does."""
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


async def test_what_is_no_json_object_arrives_as_text(hub: HubProcess, server: RedisServer, channel: str) -> None:
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


async def test_with_several_channels_and_in_batches_they_are_the_same_lines(
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
            rows += [line for _, _, line in (await batched.take(1))[0].json]

    assert named == [{"@channel": channel} | line for line in lines]
    assert [json.loads(line) for line in rows] == lines


async def test_a_line_of_a_mebibyte_arrives_whole_and_one_byte_more_is_cut(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    limit = 1_048_576
    events = await events_of(hub, server, channel, [b"x" * limit, b"x" * (limit + 1), b"[" * 5 * limit])

    assert events[0].json == {"info": "x" * limit}
    assert events[1].json == {"info": "x" * limit, "truncated": True, "size": limit + 1}
    assert events[2].json == {"info": "[" * limit, "truncated": True, "size": 5 * limit}
