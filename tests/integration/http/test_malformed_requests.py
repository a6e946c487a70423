"""Requests that are not HTTP/1.1 (R2, R6): one 400 and the end of the connection; the log stays short and readable."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from tests.support.http_client import fetch, post
from tests.support.malformed_requests import WELL_FORMED, malformed
from tests.support.raw_http import raw_connection, send_raw
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import at_scale

INNER = b"POST /publish?channel=inner HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
FORMS = malformed(INNER)
FORGED = b"\n2026-11-30T04:55:00Z\tWARNING\tforged_record\x1b[31m\xc2\x9b\xe2\x80\xae\xff"
HOSTILE = {
    "target": b"GET \\x%b HTTP/1.1\r\nHost: h\r\n\r\n" % FORGED,
    "long target": b"GET \\%b%b HTTP/1.1\r\nHost: h\r\n\r\n" % (b"x" * 4_000, FORGED),
    "target of 64 kB": b"GET /%b%b HTTP/1.1\r\nHost: h\r\n\r\n" % (b"x" * 65_536, FORGED),
    "escaped target": b"GET /%0A2026-11-30%09forged_record%1B%5B31m%C2%9B%E2%80%AE%FF HTTP/1.1\r\nHost: h\r\n\r\n",
    "escaped query": b"GET /message?channel=%0Aforged_record%1B%C2%9B%E2%80%AE%FF HTTP/1.1\r\nHost: h\r\n\r\n",
    "method": b"GET%b / HTTP/1.1\r\nHost: h\r\n\r\n" % FORGED[1:],
    "version": b"GET / HTTP/1.1%b\r\nHost: h\r\n\r\n" % FORGED,
    "header": b"GET / HTTP/1.1\r\nHost: h\r\nX: %b\r\n\r\n" % FORGED,
    "origin": b"POST /publish HTTP/1.1\r\nHost: h\r\nOrigin: http://\xe2\x80\xae\xff[\r\nContent-Length: 2\r\n\r\n{}",
    "expectation": b"POST /publish HTTP/1.1\r\nHost: h\r\nExpect: \xe2\x80\xae\xff\r\nContent-Length: 2\r\n\r\n{}",
    "key": b"POST /publish HTTP/1.1\r\nHost: h\r\nIdempotency-Key: \xc2\x9b\xff\r\nContent-Length: 2\r\n\r\n{}",
    "preflight": b"OPTIONS / HTTP/1.1\r\nHost: h\r\nAccess-Control-Request-Method: GET\r\nContent-Length: 1\r\n\r\nx",
    "upgrade": b"GET /channels HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "body of GET": WELL_FORMED["GET with a body"],
}
FLOOD_SECONDS = at_scale(1, 60)
LOG_BYTES_PER_SECOND = 10_000
RESET = struct.pack("ii", 1, 0)


@pytest.fixture(scope="module", params=["text", "json"])
def logging_hub(request: pytest.FixtureRequest, server: RedisServer) -> Iterator[HubProcess]:
    with hub_process(server.url, "--log-format", request.param, "--log-level", "debug") as hub:
        hub.wait_recording()
        yield hub


async def test_each_form_is_answered_with_one_400_and_nothing_in_its_body_is_a_request(
    hub: HubProcess, server: RedisServer
) -> None:
    answers = await asyncio.gather(*(send_raw(hub, form.request) for form in FORMS.values()))

    for (name, form), answer in zip(FORMS.items(), answers, strict=True):
        told = f"{name}, RFC 9112 section {form.section}: {answer}"
        assert answer.status == 400, told
        assert json.loads(answer.body)["error"] == "Bad Request", told
        assert "connection: close" in answer.head.lower(), told
    with server.client() as client:
        assert not client.exists("sse-hub:log:inner")


async def test_requests_of_real_clients_pass(hub: HubProcess) -> None:
    hub.wait_recording()

    async def statuses(request: bytes) -> list[bytes]:
        last = b"GET /health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        answer = await send_raw(hub, request + last)
        return [each[:4] for each in (answer.head.encode() + answer.body).split(b"HTTP/1.1")[1:]]

    found = dict(zip(WELL_FORMED, await asyncio.gather(*map(statuses, WELL_FORMED.values())), strict=True))

    one = {name for name, request in WELL_FORMED.items() if b"HTTP/1.0" in request}
    # The hub closes a connection on which an upgrade is asked for, since `Connection` is not just keep-alive.
    one |= {name for name, request in WELL_FORMED.items() if b"Upgrade" in request}
    assert found == {name: [b" 200"] if name in one else [b" 200", b" 200"] for name in WELL_FORMED}


async def test_a_request_that_comes_in_pieces_or_never_ends_is_handled_as_one(hub: HubProcess) -> None:
    async with raw_connection(hub) as connection:
        await connection.drip(FORMS["blank before the colon"].request, 0)
        assert (await connection.answer()).status == 400


@pytest.mark.parametrize("name", HOSTILE)
async def test_nothing_of_a_hostile_request_is_in_the_log_as_it_was_sent(logging_hub: HubProcess, name: str) -> None:
    begun = len(logging_hub.output)
    answer = await send_raw(logging_hub, HOSTILE[name] + b"\n")
    fetch(logging_hub, "/health/live")

    assert answer.status < 500, answer
    said = logging_hub.output[begun:]
    assert "Traceback" not in said
    for line in said.splitlines():
        assert line.isprintable(), repr(line)
        assert line.startswith(('{"time"', "20")), line
        assert not line.startswith("2026-11-30T04"), line


def test_a_flood_of_malformed_requests_hardly_grows_the_log(logging_hub: HubProcess) -> None:
    """Also from clients that go away before, or while, they get their answer (R10)."""
    begun, sent = len(logging_hub.output), 0
    end = time.monotonic() + FLOOD_SECONDS
    while time.monotonic() < end:
        for request in HOSTILE.values():
            with socket.create_connection(("127.0.0.1", logging_hub.port)) as connection:
                connection.sendall(request)
                if sent % 3 == 1:
                    connection.shutdown(socket.SHUT_WR)
                if sent % 3:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sent += 1
    assert fetch(logging_hub, "/health/live").status == 200

    assert sent > 50
    assert len(logging_hub.output) - begun < LOG_BYTES_PER_SECOND * FLOOD_SECONDS


@pytest.mark.parametrize(
    "path", ["/history?limit=5000", "/export?since=-1d&until=-1h", "/export?", "/search?text=x", "/stats?by=a"]
)
def test_a_client_that_goes_away_is_no_error(logging_hub: HubProcess, channel: str, path: str) -> None:
    """R10: at whatever moment, with or without a word."""
    assert post(logging_hub, channel, *[b'"%b"' % (b"x" * 20_000)] * 200).status == 200
    begun = len(logging_hub.output)
    for number in range(24):
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", logging_hub.port))
            connection.sendall(b"GET %b&channel=%b HTTP/1.1\r\nHost: h\r\n\r\n" % (path.encode(), channel.encode()))
            if number % 4 == 0:
                connection.shutdown(socket.SHUT_WR)
            # The moment is what is tried here.
            time.sleep(0.005 * (number % 8))
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    assert fetch(logging_hub, "/health/live").status == 200

    assert "ERROR" not in logging_hub.output[begun:].upper()
