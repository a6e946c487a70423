"""HEAD, HTTP/1.0 and blanks around header values: rules of HTTP that clients other than browsers rely on."""

import json
import re

import pytest

from sse_hub.protocol.sse import checkpoint_frame, event_frame
from tests.support.http_client import fetch, post
from tests.support.raw_http import RawResponse, raw_connection, request_head
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.sse_client import Decoder, open_stream

RULES = "cache-control", "content-type", "x-accel-buffering", "x-content-type-options"


async def answered(hub: HubProcess, method: str, path: str, version: str = "1.1", *headers: str) -> RawResponse:
    """Everything received for one request until the connection ends."""
    async with raw_connection(hub) as connection:
        lines = [f"{method} {path} HTTP/{version}", "Host: hub", "Connection: close", *headers]
        connection.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        return await connection.answer()


def headers_of(reply: RawResponse) -> dict[str, str]:
    pairs = (line.partition(":") for line in reply.head.split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index",
        "/message?channel=a",
        "/history",
        "/channels",
        "/export",
        "/health/live",
        "/health/ready",
        "/metrics",
    ]
    + [
        "/docs",
        "/whoami",
        "/patterns",
        "/search?text=a",
        "/stats?step=x",
        "/message?tail=x",
        "/export?format=x",
        "/web/none",
    ],
)
async def test_head_gets_the_headers_of_get_without_a_body(hub: HubProcess, path: str) -> None:
    hub.wait_recording()
    reply = await answered(hub, "HEAD", path)
    older = await answered(hub, "HEAD", path, "1.0")

    assert (reply.body, older.body) == (b"", b"")
    if not path.startswith("/message?channel"):
        whole = await answered(hub, "GET", path)
        assert whole.status == reply.status == older.status
        assert [headers_of(whole).get(name) for name in RULES] == [headers_of(reply).get(name) for name in RULES]


async def test_head_of_a_stream_has_the_headers_of_the_stream(hub: HubProcess) -> None:
    reply = await answered(hub, "HEAD", "/message")
    async with open_stream(f"{hub.url}/message") as stream:
        assert {name: headers_of(reply)[name] for name in RULES} == {name: stream.headers[name] for name in RULES}

    assert reply.status == 200
    assert hub.state()["subscribers"] == 0


async def test_a_connection_stays_usable_after_head_of_a_file(hub: HubProcess) -> None:
    async with raw_connection(hub) as connection:
        connection.send(b"HEAD /export HTTP/1.1\r\nHost: hub\r\n\r\n")
        assert b"200 OK" in await connection.read_until(b"\r\n\r\n")
        connection.send(b"GET /health/live HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")

        assert (await connection.answer()).body == b'{"live":true}'


async def test_over_http_1_0_a_stream_is_not_chunked(hub: HubProcess, channel: str) -> None:
    first = post(hub, channel, b'{"n": 1}').json["last_id"]
    async with raw_connection(hub) as connection:
        connection.send(f"GET /message?channel={channel}&tail=1 HTTP/1.0\r\n\r\n".encode())
        head = await connection.read_until(b"\r\n\r\n")
        begun = await connection.read_until(b'{"n": 1}\n\n')
        caught_up = await connection.read_until(b"data: {}\n\n")
        last = post(hub, channel, b'{"n": 2}').json["last_id"]
        live = await connection.read_until(b'{"n": 2}\n\n')

    assert b"chunked" not in head
    assert b"connection: close\r\n" in head
    assert begun == checkpoint_frame(first.replace("-1", "-0").encode(), 2000) + event_frame(
        first.encode(), b"message", b'{"n": 1}'
    )
    assert re.fullmatch(rb"id: \d+-0\nretry: 2000\nevent: checkpoint\ndata: {}\n\n", caught_up)
    assert live == b'id: %b\nevent: message\ndata: {"n": 2}\n\n' % last.encode()


async def test_over_http_1_0_a_long_backlog_and_the_end_of_a_stream_are_not_chunked(server: RedisServer) -> None:
    with hub_process(server.url, "--heartbeat-seconds", "1") as hub:
        hub.wait_recording()
        post(hub, "long", *(b'{"n": %d}' % n for n in range(10_000)))
        async with raw_connection(hub) as connection:
            connection.send(b"GET /message?channel=long&tail=10000 HTTP/1.0\r\n\r\n")
            head = await connection.read_until(b"\r\n\r\n")
            body = b"".join([await connection.read_until(b'{"n": %d}\n\n' % n) for n in range(499, 10_000, 500)])
            beat = await connection.read_until(b": heartbeat\n")
            hub.process.terminate()
            end = await connection.read_until(b"\nretry: ") + await connection.read_until(b"\n\n")
            assert (await connection.answer()).body == b""

    events = [event for event in Decoder().feed(body) if event.type != "checkpoint"]
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert re.fullmatch(rb"id: \d+-0\nretry: 2000\nevent: checkpoint\ndata: {}\n\n: heartbeat\n", beat)
    assert [event.data for event in events] == [f'{{"n": {n}}}' for n in range(10_000)]
    assert re.fullmatch(
        rb"id: \d+-0\nretry: \d+\nevent: checkpoint\ndata: {}\n\n", b"id: " + end.rpartition(b"id: ")[2]
    )


async def test_over_http_1_0_a_file_is_not_chunked(hub: HubProcess, channel: str) -> None:
    last = post(hub, channel, b'{"n": 1}', b'{"n": 2}').json["last_id"]

    reply = await answered(hub, "GET", f"/export?channel={channel}&since={last.replace('-2', '-0')}", "1.0")

    assert [json.loads(line)["n"] for line in reply.body.splitlines()] == [1, 2]


async def test_over_http_1_0_a_refused_stream_is_not_chunked(server: RedisServer) -> None:
    with hub_process(server.url, "--streams-per-address", "1") as hub:
        async with open_stream(f"{hub.url}/message"):
            reply = await answered(hub, "GET", "/message", "1.0")

    assert reply.status == 200
    assert re.fullmatch(rb"id: \d+-0\nretry: \d+\nevent: refused\ndata: {.*}\n\n", reply.body)


async def test_blanks_around_a_last_event_id_are_ignored(hub: HubProcess, channel: str) -> None:
    id = post(hub, channel, b"1", b"2").json["last_id"]

    async with raw_connection(hub) as connection:
        connection.send(
            f"GET /message?channel={channel} HTTP/1.1\r\nHost: hub\r\nLast-Event-ID: \t {id} \t\r\n\r\n".encode()
        )
        begun = await connection.read_until(b"\n\n\r\n")

    assert begun.endswith(checkpoint_frame(id.encode(), 2000) + b"\r\n")


@pytest.mark.parametrize("name", ["lastEventId", "Last-Event-ID", "lastEventID"])
async def test_a_last_event_id_in_the_query_counts_as_the_header_which_wins(
    hub: HubProcess, channel: str, name: str
) -> None:
    """M5."""
    hub.wait_recording()
    first, last = (post(hub, channel, line).json["last_id"] for line in (b'{"n":1}', b'{"n":2}'))

    async def lines(query: str, *headers: str) -> bytes:
        async with raw_connection(hub) as connection:
            connection.send(request_head(f"/message?channel={channel}&{query}", *headers))
            await connection.read_until(b"\r\n\r\n")
            return await connection.read_until(b'{"n":2}')

    assert b'{"n":1}' not in await lines(f"{name}={first}&tail=2")
    assert b'{"n":1}' in await lines(f"{name}={last}", "Last-Event-ID: 1-0")
    assert b'{"n":1}' in await lines(f"{name}=&tail=2")


def test_no_response_has_an_empty_header(hub: HubProcess) -> None:
    for path in ("/index", "/channels", "/nothing"):
        assert all(value for _, value in fetch(hub, path).headers.items())
