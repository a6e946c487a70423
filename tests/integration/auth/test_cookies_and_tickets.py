"""Cookies and tickets: how an `EventSource` authenticates, and which sites may use them (S8, S11, S12)."""

import socket
from contextlib import closing
from email.message import Message
from hashlib import sha256
from http.client import HTTPConnection

import pytest

from sse_hub.broker.keys import Partition
from tests.support.http_client import fetch
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import DEADLINE_SECONDS
from tests.support.sse_client import open_stream
from tests.support.tokens import (
    A,
    B,
    bearer,
    cookie_of,
    sign_in,
    stream_url,
    ticket_for,
    token,
)

# Cookies.


async def test_a_sign_in_cookie_opens_a_stream(guarded: HubProcess) -> None:
    answer = sign_in(guarded, token(subscribe=[A]))
    attributes = {part.strip() for part in answer.headers["set-cookie"].split(";")[1:]}

    assert answer.headers["set-cookie"].startswith("__Host-sse-hub=")
    assert attributes >= {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"}
    assert not [part for part in attributes if part.startswith("Domain")]
    [age] = [int(part.removeprefix("Max-Age=")) for part in attributes if part.startswith("Max-Age=")]
    assert 590 <= age <= 600
    assert (answer.json["subject"], answer.json["subscribe"]) == ("alice", [A])
    async with open_stream(stream_url(guarded, f"channel={A}&tail=1"), cookie_of(answer)) as stream:
        assert len(await stream.take(1)) == 1
    assert fetch(guarded, f"/message?channel={B}", headers=cookie_of(answer)).status == 403
    assert "Max-Age=0" in fetch(guarded, "/logout", b"").headers["set-cookie"]


@pytest.mark.parametrize(
    "text",
    ["", "x.y.z", token(-5, subscribe=["*"]), token(secret=b"another" * 8)],
    ids=["none", "no token", "old", "forged"],
)
def test_a_sign_in_with_an_invalid_token_sets_no_cookie(guarded: HubProcess, text: str) -> None:
    answer = sign_in(guarded, text)

    assert answer.status == 401
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 1}', b"token=x", b"[" * 10_000])
def test_a_malformed_sign_in_answers_400(guarded: HubProcess, body: bytes) -> None:
    assert fetch(guarded, "/login", body).status == 400


def test_a_sign_in_with_a_token_too_long_for_a_cookie_is_refused(guarded: HubProcess) -> None:
    answer = sign_in(guarded, token(subscribe=[f"channel-{number}" for number in range(250)]))

    assert (answer.status, "3900" in answer.json["detail"]) == (400, True)


OWN = "http://127.0.0.1:{port}"
SITES: list[tuple[dict[str, str], int, int]] = [
    ({}, 200, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 200, 200),
    ({"Sec-Fetch-Site": "none"}, 200, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403, 403),
    ({"Origin": OWN}, 200, 200),
    ({"Origin": "null"}, 403, 403),
    ({"Origin": "https://evil.example"}, 403, 403),
    ({"Origin": "https://app.example.evil.example"}, 403, 403),
    ({"Origin": "https://evil-app.example"}, 403, 403),
    ({"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}, 200, 200),
]


@pytest.mark.parametrize(("site", "read", "wrote"), SITES, ids=lambda value: str(value)[:60])
def test_a_cookie_is_accepted_only_from_the_hubs_own_page_and_allowed_origins(
    guarded: HubProcess, site: dict[str, str], read: int, wrote: int
) -> None:
    cookie = cookie_of(sign_in(guarded, token(subscribe=[A], publish=[A])))
    headers = cookie | {name: value.format(port=guarded.port) for name, value in site.items()}

    reading = fetch(guarded, f"/history?channel={A}", headers=headers)
    writing = fetch(guarded, f"/publish?channel={A}", b"{}", headers)

    assert (reading.status, writing.status) == (read, wrote)
    allowed = site.get("Origin") == "https://app.example"
    for answer in (reading, writing):
        assert answer.headers.get_all("access-control-allow-origin") == (["https://app.example"] if allowed else None)
        assert answer.headers["vary"] == "Origin"


def preflight(hub: HubProcess, origin: str, path: str = "/publish?channel=log") -> tuple[int, Message]:
    connection = HTTPConnection("127.0.0.1", hub.port, timeout=DEADLINE_SECONDS)
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with closing(connection):
        connection.request("OPTIONS", path, headers=asked | {"Origin": origin})
        answer = connection.getresponse()
        return answer.status, answer.headers


@pytest.mark.parametrize("path", ["/publish?channel=log", "/ticket?channel=log", "/history?channel=log"])
def test_a_preflight_from_an_allowed_origin_is_answered_with_its_permissions(guarded: HubProcess, path: str) -> None:
    status, headers = preflight(guarded, "https://app.example", path)

    assert (status, headers["vary"]) == (204, "Origin")
    told = {name.removeprefix("access-control-"): headers[name] for name in map(str.lower, headers)}
    assert told["allow-origin"] == "https://app.example"
    assert told["allow-credentials"] == "true"
    assert told["allow-methods"].split(", ") == ["GET", "POST", "PUT", "DELETE"]
    assert {"Authorization", "Content-Type", "Last-Event-ID"} <= set(told["allow-headers"].split(", "))
    assert "*" not in "".join(told.values())


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.example.evil.example", "null", "*", ""])
def test_a_preflight_from_another_origin_gets_no_cors_headers(guarded: HubProcess, origin: str) -> None:
    status, headers = preflight(guarded, origin)

    assert status == 405
    assert not [name for name in headers if name.lower().startswith("access-control-")]
    assert headers["vary"] == "Origin"


def test_another_site_can_neither_sign_a_reader_in_nor_out(guarded: HubProcess) -> None:
    good = token(subscribe=[A])

    assert sign_in(guarded, good, Origin="https://evil.example").status == 403
    assert sign_in(guarded, good, Sec_Fetch_Site="cross-site").status == 403
    assert fetch(guarded, "/logout", b"", {"Origin": "https://evil.example"}).status == 403


def test_a_cookie_without_the_host_prefix_is_ignored(guarded: HubProcess) -> None:
    good = token(subscribe=[A])
    for name in ("sse-hub", "__Secure-sse-hub", "__Secure-__Host-sse-hub"):
        assert fetch(guarded, f"/history?channel={A}", headers={"Cookie": f"{name}={good}"}).status == 401


# Tickets.


async def test_a_ticket_works_once_and_only_for_its_channels(guarded: HubProcess, guarded_server: RedisServer) -> None:
    mine = bearer(subscribe=["app.*"], publish=["app.*"])
    ticket = ticket_for(guarded, f"channel={A}", mine)
    jwt = mine["Authorization"].partition(" ")[2].encode()
    with guarded_server.client() as client:
        key = Partition().ticket(sha256(ticket.encode()).hexdigest())
        assert 0 < client.pttl(key) <= 30_000
        kept = client.get(key)
        # A reader of Redis sees the key of the ticket, but can use neither it nor the value.
        assert not [part for part in (ticket.encode(), *jwt.split(b"."), A.encode()) if part in kept]
        assert not client.keys(f"*{ticket}*")
        # The account of the suite has only the rights that `sse-hub redis-acl` gives.
        assert {entry["object"] for entry in client.acl_log()} <= {"client|setinfo", "client"}

    async with open_stream(stream_url(guarded, f"channel={A}&tail=1&ticket={ticket}")) as stream:
        assert len(await stream.take(1)) == 1
    assert fetch(guarded, f"/message?channel={A}&ticket={ticket}").status == 403

    for query in (f"channel={B}", f"channel={A}&channel={B}", "channel=*", "channel=app.*"):
        other = ticket_for(guarded, f"channel={A}", mine)
        assert fetch(guarded, f"/message?{query}&ticket={other}").status == 403
        assert fetch(guarded, f"/message?channel={A}&ticket={other}").status == 403, "a ticket works only once"
    used = ticket_for(guarded, f"channel={A}", mine)
    assert fetch(guarded, f"/publish?channel={A}&ticket={used}", b"{}").status == 401
    assert fetch(guarded, f"/ticket?channel={A}&ticket={used}", b"").status == 401


@pytest.mark.parametrize("ticket", ["", "x", "x" * 3_000, "%00", "%FF"])
def test_an_invalid_ticket_is_refused(guarded: HubProcess, ticket: str) -> None:
    assert fetch(guarded, f"/message?channel={A}&ticket={ticket}").status == 403


def test_of_twenty_simultaneous_uses_of_one_ticket_only_one_succeeds(guarded: HubProcess) -> None:
    ticket = ticket_for(guarded, f"channel={A}", bearer(subscribe=[A]))
    request = f"GET /export?channel={A}&ticket={ticket} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()
    connections = [socket.create_connection(("127.0.0.1", guarded.port)) for _ in range(20)]
    for connection in connections:
        connection.sendall(request)
    statuses = []
    for connection in connections:
        with connection, connection.makefile("rb") as reader:
            statuses.append(int(reader.readline().split()[1]))

    assert sorted(statuses) == [200] + [403] * 19
