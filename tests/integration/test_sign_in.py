"""Cookies and tickets: how an `EventSource` is let in, and whose page may have it (S8, S11, S12)."""

import socket
from contextlib import closing
from email.message import Message
from hashlib import sha256
from http.client import HTTPConnection

import pytest

from sse_hub.broker.keys import ticket_key
from tests.integration.asking import ask
from tests.integration.people import (
    A,
    B,
    bearer,
    cookie_of,
    message,
    signed_in,
    ticket_for,
    token,
)
from tests.rig import DEADLINE_SECONDS, HubProcess, RedisServer
from tests.sse import open_stream

# Cookies.


async def test_a_cookie_opens_a_stream_that_no_header_can(guarded: HubProcess) -> None:
    answer = signed_in(guarded, token(subscribe=[A]))
    attributes = {part.strip() for part in answer.headers["set-cookie"].split(";")[1:]}

    assert answer.headers["set-cookie"].startswith("__Host-sse-hub=")
    assert attributes >= {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"}
    assert not [part for part in attributes if part.startswith("Domain")]
    [age] = [int(part.removeprefix("Max-Age=")) for part in attributes if part.startswith("Max-Age=")]
    assert 590 <= age <= 600
    assert (answer.json["subject"], answer.json["subscribe"]) == ("alice", [A])
    async with open_stream(message(guarded, f"channel={A}&tail=1"), cookie_of(answer)) as stream:
        assert len(await stream.take(1)) == 1
    assert ask(guarded, f"/message?channel={B}", headers=cookie_of(answer)).status == 403
    assert "Max-Age=0" in ask(guarded, "/logout", b"").headers["set-cookie"]


@pytest.mark.parametrize(
    "text",
    ["", "x.y.z", token(-5, subscribe=["*"]), token(secret=b"another" * 8)],
    ids=["none", "no token", "old", "forged"],
)
def test_no_cookie_is_given_for_a_token_that_is_not_good(guarded: HubProcess, text: str) -> None:
    answer = signed_in(guarded, text)

    assert answer.status == 401
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 1}', b"token=x", b"[" * 10_000])
def test_a_login_that_is_none_is_told(guarded: HubProcess, body: bytes) -> None:
    assert ask(guarded, "/login", body).status == 400


def test_a_token_that_no_browser_would_keep_is_refused(guarded: HubProcess) -> None:
    answer = signed_in(guarded, token(subscribe=[f"channel-{number}" for number in range(250)]))

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
def test_a_cookie_counts_for_the_hubs_own_page_and_those_on_the_list(
    guarded: HubProcess, site: dict[str, str], read: int, wrote: int
) -> None:
    cookie = cookie_of(signed_in(guarded, token(subscribe=[A], publish=[A])))
    headers = cookie | {name: value.format(port=guarded.port) for name, value in site.items()}

    reading = ask(guarded, f"/history?channel={A}", headers=headers)
    writing = ask(guarded, f"/publish?channel={A}", b"{}", headers)

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
def test_a_page_of_the_list_is_told_before_it_asks_what_it_may_send(guarded: HubProcess, path: str) -> None:
    status, headers = preflight(guarded, "https://app.example", path)

    assert (status, headers["vary"]) == (204, "Origin")
    told = {name.removeprefix("access-control-"): headers[name] for name in map(str.lower, headers)}
    assert told["allow-origin"] == "https://app.example"
    assert told["allow-credentials"] == "true"
    assert told["allow-methods"].split(", ") == ["GET", "POST"]
    assert {"Authorization", "Content-Type", "Last-Event-ID"} <= set(told["allow-headers"].split(", "))
    assert "*" not in "".join(told.values())


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.example.evil.example", "null", "*", ""])
def test_a_page_that_is_not_on_the_list_is_told_nothing(guarded: HubProcess, origin: str) -> None:
    status, headers = preflight(guarded, origin)

    assert status == 405
    assert not [name for name in headers if name.lower().startswith("access-control-")]
    assert headers["vary"] == "Origin"


def test_another_sites_page_can_not_sign_its_reader_in_or_out(guarded: HubProcess) -> None:
    good = token(subscribe=[A])

    assert signed_in(guarded, good, Origin="https://evil.example").status == 403
    assert signed_in(guarded, good, Sec_Fetch_Site="cross-site").status == 403
    assert ask(guarded, "/logout", b"", {"Origin": "https://evil.example"}).status == 403


def test_a_cookie_of_a_name_that_others_can_set_is_none(guarded: HubProcess) -> None:
    good = token(subscribe=[A])
    for name in ("sse-hub", "__Secure-sse-hub", "__Secure-__Host-sse-hub"):
        assert ask(guarded, f"/history?channel={A}", headers={"Cookie": f"{name}={good}"}).status == 401


# Tickets.


async def test_a_ticket_works_once_for_its_channels(guarded: HubProcess, guarded_server: RedisServer) -> None:
    mine = bearer(subscribe=["app.*"], publish=["app.*"])
    ticket = ticket_for(guarded, f"channel={A}", mine)
    jwt = mine["Authorization"].partition(" ")[2].encode()
    with guarded_server.client() as client:
        key = ticket_key(sha256(ticket.encode()).hexdigest())
        assert 0 < client.pttl(key) <= 30_000
        kept = client.get(key)
        # Nor with the name it is kept under, which who may read Redis knows.
        assert not [part for part in (ticket.encode(), *jwt.split(b"."), A.encode()) if part in kept]
        assert not client.keys(f"*{ticket}*")
        # The account of the suite may do what `sse-hub redis-acl` gives, and nothing else.
        assert {entry["object"] for entry in client.acl_log()} <= {"client|setinfo", "client"}

    async with open_stream(message(guarded, f"channel={A}&tail=1&ticket={ticket}")) as stream:
        assert len(await stream.take(1)) == 1
    assert ask(guarded, f"/message?channel={A}&ticket={ticket}").status == 403

    for query in (f"channel={B}", f"channel={A}&channel={B}", "channel=*", "channel=app.*"):
        other = ticket_for(guarded, f"channel={A}", mine)
        assert ask(guarded, f"/message?{query}&ticket={other}").status == 403
        assert ask(guarded, f"/message?channel={A}&ticket={other}").status == 403, "it is used up"
    used = ticket_for(guarded, f"channel={A}", mine)
    assert ask(guarded, f"/publish?channel={A}&ticket={used}", b"{}").status == 401
    assert ask(guarded, f"/ticket?channel={A}&ticket={used}", b"").status == 401


@pytest.mark.parametrize("ticket", ["", "x", "x" * 3_000, "%00", "%FF"])
def test_what_is_no_ticket_is_refused(guarded: HubProcess, ticket: str) -> None:
    assert ask(guarded, f"/message?channel={A}&ticket={ticket}").status == 403


def test_of_twenty_who_come_with_one_ticket_one_gets_in(guarded: HubProcess) -> None:
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
