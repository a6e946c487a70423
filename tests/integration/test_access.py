"""
Tokens, cookies and tickets at a real hub: who has a right to one channel gets nothing of another, by no route.

S6 to S9 and S12 of the security checklist.
"""

import asyncio
import json
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import jwt
import pytest

from sse_hub.app import create_app
from sse_hub.config import Config
from tests.integration.asking import Answer, ask
from tests.integration.people import SECRET, bearer, carrying, key_set, token, token_hub
from tests.rig import DEADLINE_SECONDS, PATIENCE, ROOT, HubProcess, RedisServer, redis_server, wait_until
from tests.sse import Stream, open_stream

A, B, MISSING = "app.alpha", "app.bravo", "app.nobody"
HIDDEN = "what bravo says"
TRIES = 1_000
# Routes that name no channel and hold no line: everybody gets them.
PUBLIC = {"/", "/index", "/health/live", "/health/ready", "/login", "/logout"}
ASKING = {"/message", "/channels", "/history", "/export", "/publish", "/ticket", "/whoami"}


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def guarded(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub that asks for tokens, with recorded lines on A and B."""
    folder = tmp_path_factory.mktemp("keys")
    origin = ("--cors-origin", "https://app.example")
    with token_hub(redis.url, folder, "--ingest", "app.*", *origin) as hub:
        operator = bearer(publish=["app.*"], operate=True)
        wait_until(lambda: ask(hub, "/health/ready", headers=operator).json.get("recording"), "it records")
        for channel, text in ((A, "what alpha says"), (B, HIDDEN)):
            assert publish(hub, channel, {"message": text}, operator).status == 200
        yield hub


def publish(hub: HubProcess, channel: str, record: object, headers: dict[str, str]) -> Answer:
    return ask(hub, f"/publish?channel={channel}", json.dumps(record).encode(), headers)


def message(hub: HubProcess, query: str) -> str:
    return f"{hub.url}/message?{query}"


def follows(redis: RedisServer, name: str) -> int:
    with redis.client() as client:
        return int(client.pubsub_numsub(name)[0][1])


def test_each_route_asks_or_is_public_by_name() -> None:
    """A new route must be put into one of the two, and one that asks into the test below."""
    app = create_app(Config(), lambda: None)
    paths = {"/" + route.path for route in app.router.routes}

    assert {path for path in paths if not path.startswith("/web/")} == PUBLIC | ASKING


@pytest.mark.parametrize("path", sorted(ASKING))
def test_nobody_gets_anything_without_a_right(guarded: HubProcess, path: str) -> None:
    posted = b"{}" if path in ("/publish", "/ticket") else None
    for headers in ({}, carrying("x.y.z"), carrying(""), {"Authorization": "Basic YTpi"}, {"Remote-User": "alice"}):
        answers = [ask(guarded, f"{path}?channel={name}", posted, headers) for name in (A, MISSING, "a%20b")]

        assert [each.status for each in answers] == [401] * 3
        assert answers[0].headers["www-authenticate"] == "Bearer"
        assert len({each.body for each in answers}) == 1


async def test_a_token_for_a_gives_nothing_of_b_by_any_route(guarded: HubProcess, redis: RedisServer) -> None:
    mine = bearer(subscribe=[A], publish=[A])
    everything = bearer(subscribe=["*"], publish=["*"])
    texts: list[str] = []

    def kept(answer: Answer) -> Answer:
        texts.append(f"{answer.headers} {answer.body.decode()}")
        return answer

    async with (
        open_stream(message(guarded, f"channel={B}"), everything),
        open_stream(message(guarded, "channel=*&tail=100"), mine) as by_star,
        open_stream(message(guarded, "channel=app.*&since=-1h&batch=1"), mine) as by_time,
        open_stream(message(guarded, f"channel={A}&channel=*b*&tail=100"), mine) as by_both,
    ):
        for name in (B, "app.bravissimo", A):
            answer = await asyncio.to_thread(publish, guarded, name, {"message": f"{name} live"}, everything)
            assert answer.status == 200
        for stream in (by_star, by_time, by_both):
            seen = await stream.until(lambda event: f"{A} live" in event.data)
            texts += [str(event) for event in seen]
            assert "what alpha says" in str(seen)

    for query in (
        "channel=*",
        "channel=app.*&after=-1h",
        "channel=*o&before=2100-01-01",
    ):
        kept(ask(guarded, f"/history?{query}", headers=mine))
    for format in ("ndjson", "txt", "csv"):
        exported = kept(ask(guarded, f"/export?channel=*&format={format}", headers=mine))
        assert b"what alpha says" in exported.body
    listed = kept(ask(guarded, "/channels", headers=mine))
    assert [each["name"] for each in listed.json["channels"]] == [A]
    kept(ask(guarded, "/whoami", headers=mine))
    kept(ask(guarded, "/health/ready", headers=mine))
    for path in ("/metrics", "/docs", "/debug", "/web/"):
        kept(ask(guarded, path, headers=mine))

    leaked = [text for text in texts if "brav" in text or HIDDEN in text]
    assert leaked == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/message?channel={}", None),
        (f"/message?channel={A}&channel={{}}&tail=5", None),
        ("/history?channel={}", None),
        ("/history?channel={}&before=1-1", None),
        ("/export?channel={}", None),
        ("/export?channel={}&format=csv&since=-1h", None),
        ("/publish?channel={}", b"{}"),
        ("/ticket?channel={}", b""),
    ],
)
def test_a_channel_that_may_not_be_seen_is_as_one_that_is_not_there(
    guarded: HubProcess, path: str, body: bytes | None
) -> None:
    mine = bearer(subscribe=[A], publish=[A])
    there, missing = (ask(guarded, path.format(name), body, mine) for name in (B, MISSING))

    assert (there.status, missing.status) == (403, 403)
    assert there.body.decode().replace(B, MISSING) == missing.body.decode()
    names = [set(each.headers.keys()) for each in (there, missing)]
    assert names[0] == names[1]


def test_nor_does_the_time_tell_them_apart(guarded: HubProcess) -> None:
    mine = bearer(subscribe=[A])
    seconds: dict[str, list[float]] = {B: [], MISSING: []}
    connection = HTTPConnection("127.0.0.1", guarded.port, timeout=DEADLINE_SECONDS)
    for number in range(2 * TRIES):
        name = (B, MISSING)[number % 2]
        begun = time.perf_counter()
        connection.request("GET", f"/history?channel={name}", headers=mine)
        connection.getresponse().read()
        seconds[name].append(time.perf_counter() - begun)
    connection.close()

    apart = abs(statistics.mean(seconds[B]) - statistics.mean(seconds[MISSING]))
    assert apart < 0.005 * PATIENCE


def test_redis_is_asked_nothing_for_who_may_not(guarded: HubProcess, redis: RedisServer) -> None:
    """A channel outside the ingest patterns would be subscribed to by name."""
    mine = bearer(subscribe=[A])

    for path in ("/message", "/history", "/export"):
        assert ask(guarded, f"{path}?channel=other.bravo", headers=mine).status == 403

    assert follows(redis, "other.bravo") == 0
    listed = ask(guarded, "/channels", headers=bearer(subscribe=["*"])).json["channels"]
    assert "other.bravo" not in {each["name"] for each in listed}


def test_to_publish_needs_a_right_of_its_own(guarded: HubProcess) -> None:
    reader, writer = bearer(subscribe=["*"]), bearer(publish=[A])

    assert publish(guarded, A, {}, reader).status == 403
    assert publish(guarded, A, {"message": "hello"}, writer).status == 200
    assert publish(guarded, B, {}, writer).status == 403
    assert ask(guarded, f"/history?channel={A}", headers=writer).status == 403


def test_a_large_body_of_who_may_not_is_taken_and_dropped(guarded: HubProcess) -> None:
    assert ask(guarded, f"/publish?channel={A}", b"x" * 500_000).status == 401


def test_only_operators_are_told_how_the_hub_is_doing(guarded: HubProcess) -> None:
    for headers in ({}, bearer(subscribe=["*"]), carrying("nonsense")):
        answer = ask(guarded, "/health/ready", headers=headers)
        assert (answer.status, answer.json) == (200, {"ready": True})
    assert "subscribers" in ask(guarded, "/health/ready", headers=bearer(operate=True)).json


def test_a_retry_key_of_another_is_nobodys_business(guarded: HubProcess) -> None:
    def with_key(subject: str, body: bytes) -> int:
        rights = {"publish": [A]}
        claims = {"sub": subject, "aud": "sse-hub", "exp": time.time() + 60, "sse_hub": rights}
        signed = jwt.encode(claims, SECRET, "HS256", headers={"kid": "test"})
        return ask(guarded, f"/publish?channel={A}", body, carrying(signed) | {"Idempotency-Key": "run-1"}).status

    assert [with_key("alice", b"1"), with_key("bob", b"2"), with_key("alice", b"3")] == [200, 200, 422]


# Cookies.


def signed_in(hub: HubProcess, text: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(hub, "/login", json.dumps({"token": text}).encode(), named)


def cookie_of(answer: Answer) -> dict[str, str]:
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


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


@pytest.mark.parametrize("text", ["", "x.y.z", token(-5, subscribe=["*"]), token(secret=b"another" * 8)])
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


def ticket_for(hub: HubProcess, query: str, headers: dict[str, str]) -> str:
    answer = ask(hub, f"/ticket?{query}", b"", headers)
    assert (answer.status, answer.json["expires_seconds"]) == (200, 30)
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json["ticket"])


async def test_a_ticket_works_once_for_its_channels(guarded: HubProcess, redis: RedisServer) -> None:
    mine = bearer(subscribe=["app.*"], publish=["app.*"])
    ticket = ticket_for(guarded, f"channel={A}", mine)
    with redis.client() as client:
        [key] = client.keys("sse-hub:ticket:*")
        assert 0 < client.pttl(key) <= 30_000
        assert ticket.encode() not in key + client.get(key)

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


# The end.


async def ended(stream: Stream) -> str:
    events = await stream.rest()
    assert stream.ended_cleanly
    return str(events[-1].json["reason"]) if events and events[-1].type == "auth" else str(events)


async def test_a_stream_ends_with_its_token(guarded: HubProcess) -> None:
    ends = time.time() + 2
    short = token(2, subscribe=[A])
    cookie = cookie_of(signed_in(guarded, short))
    ticket = ticket_for(guarded, f"channel={A}", carrying(short))
    async with (
        open_stream(message(guarded, f"channel={A}"), carrying(short)) as by_token,
        open_stream(message(guarded, "channel=*"), cookie) as by_cookie,
        open_stream(message(guarded, f"channel={A}&ticket={ticket}")) as by_ticket,
        open_stream(message(guarded, f"channel={A}"), bearer(subscribe=[A])) as longer,
    ):
        assert [await ended(stream) for stream in (by_token, by_cookie, by_ticket)] == ["expired"] * 3
        late = time.time() - ends
        assert by_token.last_event_id
        publish(guarded, A, {"message": "on"}, bearer(publish=[A]))
        assert len(await longer.take(1)) == 1

    assert -0.1 < late < 5
    answer = ask(guarded, f"/message?channel={A}", headers=carrying(short))
    assert (answer.status, answer.json["detail"]) == (401, "The token has expired.")


async def test_a_client_that_does_not_read_its_end_is_cut(guarded: HubProcess) -> None:
    short = token(3, subscribe=["app.flood"])
    writer, operator = bearer(publish=["app.flood"]), bearer(operate=True)

    def subscribers() -> int:
        return int(ask(guarded, "/health/ready", headers=operator).json["subscribers"])

    before = subscribers()
    async with open_stream(message(guarded, "channel=app.flood"), carrying(short), receive_buffer_bytes=4096):
        for _ in range(8):
            await asyncio.to_thread(publish, guarded, "app.flood", {"message": "x" * 500_000}, writer)
        assert subscribers() == before + 1
        begun = time.monotonic()
        await asyncio.to_thread(wait_until, lambda: subscribers() == before, "it is cut")

    assert time.monotonic() - begun < 8 * PATIENCE


async def test_a_revoked_token_ends_its_streams_and_opens_none(guarded: HubProcess, redis: RedisServer) -> None:
    revoked, other = token(subscribe=[A]), token(subscribe=[A])
    async with (
        open_stream(message(guarded, f"channel={A}"), carrying(revoked)) as stream,
        open_stream(message(guarded, f"channel={A}"), carrying(other)) as lasting,
    ):
        begun = time.monotonic()
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sse_hub.cli", "token", "revoke", revoked, "--redis-url", redis.url), cwd=ROOT
        )
        assert await command.wait() == 0
        assert await ended(stream) == "revoked"
        assert time.monotonic() - begun < 10 * PATIENCE
        publish(guarded, A, {"message": "on"}, bearer(publish=[A]))
        assert len(await lasting.take(1)) == 1

    answer = ask(guarded, "/whoami", headers=carrying(revoked))
    assert (answer.status, answer.json["detail"]) == (401, "The token has been revoked.")


async def test_a_key_that_is_taken_out_takes_its_streams_along(redis: RedisServer, tmp_path: Path) -> None:
    new = b"another secret of thirty-two bytes and more"
    sets = [json.loads(key_set(SECRET)), json.loads(key_set(new, "new"))]
    both = {"keys": [key for each in sets for key in each["keys"]]}
    with token_hub(redis.url, tmp_path, "--ingest", "app.*") as hub:
        async with open_stream(message(hub, f"channel={A}"), bearer(subscribe=[A])) as stream:
            (tmp_path / "keys.json").write_text(json.dumps(both))
            assert await ended(stream) == "changed"
            assert ask(hub, "/whoami", headers=bearer(subscribe=[A])).status == 200
        (tmp_path / "keys.json").write_text("broken")
        wait_until(lambda: "file_not_read" in hub.output, "it says that the file is broken")
        assert ask(hub, "/whoami", headers=bearer(subscribe=[A])).status == 200
        (tmp_path / "keys.json").write_text(key_set(new, "new"))
        wait_until(lambda: ask(hub, "/whoami", headers=bearer()).status == 401, "the old key is believed no more")
        assert ask(hub, "/whoami", headers=carrying(token(secret=new, kid="new"))).status == 200


async def test_without_redis_a_ticket_is_told_to_come_back(own_server: RedisServer, tmp_path: Path) -> None:
    with token_hub(own_server.url, tmp_path) as hub:
        own_server.freeze()
        async with asyncio.timeout(DEADLINE_SECONDS):
            answer = await asyncio.to_thread(ask, hub, "/message?channel=log&ticket=x")
            issued = await asyncio.to_thread(ask, hub, "/ticket?channel=log", b"", bearer(subscribe=["log"]))
        own_server.thaw()

    assert (answer.status, issued.status) == (200, 503)
    assert b"retry: " in answer.body


def test_no_secret_gets_into_the_hubs_log(guarded: HubProcess) -> None:
    """Last of this file: what all the tests above have made the hub log."""
    secret = token(subscribe=[A])
    ticket = ticket_for(guarded, f"channel={A}", carrying(secret))
    ask(guarded, f"/message?channel={B}&ticket={ticket}")
    signed_in(guarded, secret + "x")

    assert "grant_ended" in guarded.output
    for text in (secret, ticket, "ticket=", "Bearer", "eyJ", SECRET.hex()):
        assert text not in guarded.output
