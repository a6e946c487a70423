"""
Tokens, cookies and tickets at a real hub: who has a right to one channel gets nothing of another, by no route.

S6 to S9 and S12 of the security checklist.
"""

import asyncio
import os
import re
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import jwt
import pytest

from tests.integration.asking import Answer, ask
from tests.integration.people import (
    HIDDEN,
    MISSING,
    SECRET,
    A,
    B,
    bearer,
    carrying,
    message,
    publish,
    token,
)
from tests.rig import DEADLINE_SECONDS, ROOT, HubProcess, RedisServer
from tests.sse import open_stream
from tests.whole_app import whole_app

# S7: no more than this, however slow the machine is.
APART_SECONDS = 0.005
PAIRS = 300
# Routes that name no channel and hold no line: everybody gets them.
PUBLIC = {"/", "/index", "/health/live", "/health/ready", "/login", "/logout"}
FOR_OPERATORS = {"/metrics", "/docs", "/docs/openapi.json"}
ASKING = {"/message", "/channels", "/history", "/search", "/patterns", "/export", "/publish", "/ticket", "/whoami"}
ASKING |= FOR_OPERATORS


def follows(redis: RedisServer, name: str) -> int:
    with redis.client() as client:
        return int(client.pubsub_numsub(name)[0][1])


def test_each_route_asks_or_is_public_by_name() -> None:
    """A new route must be put into one of the two, and one that asks into the test below."""
    app = whole_app()
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


async def test_a_token_for_a_gives_nothing_of_b_by_any_route(guarded: HubProcess, guarded_server: RedisServer) -> None:
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
    for path in ("/metrics", "/docs", "/docs/openapi.json", "/debug", "/web/"):
        kept(ask(guarded, path, headers=mine))
    found = kept(ask(guarded, "/search?channel=*&text=says", headers=mine))
    assert [channel for _, channel, _ in found.json["lines"]] == [A]
    new = kept(ask(guarded, "/patterns?channel=*", headers=mine))
    assert {each["channel"] for each in new.json["patterns"]} == {A}

    leaked = [text for text in texts if "brav" in text or HIDDEN in text]
    assert leaked == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/message?channel={}", None),
        (f"/message?channel={A}&channel={{}}&tail=5", None),
        ("/history?channel={}", None),
        ("/history?channel={}&before=1-1", None),
        ("/search?channel={}&text=says", None),
        ("/patterns?channel={}", None),
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


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/history?"), ("GET", "/message?"), ("GET", "/search?text=says&"), ("POST", "/ticket?")],
)
def test_nor_does_the_time_tell_them_apart(guarded: HubProcess, method: str, path: str) -> None:
    """In pairs, each as near in time as can be and in turns of order: what else the machine does slows both alike."""
    mine = bearer(subscribe=[A])
    connection = HTTPConnection("127.0.0.1", guarded.port, timeout=DEADLINE_SECONDS)

    def seconds(name: str) -> float:
        begun = time.perf_counter()
        connection.request(method, f"{path}channel={name}", headers=mine)
        answer = connection.getresponse()
        assert answer.status == 403
        answer.read()
        return time.perf_counter() - begun

    with closing(connection):
        apart = []
        for number in range(PAIRS):
            first, second = ((B, MISSING), (MISSING, B))[number % 2]
            took = {first: seconds(first), second: seconds(second)}
            apart.append(took[B] - took[MISSING])

    assert abs(statistics.median(apart)) < APART_SECONDS


def test_redis_is_asked_nothing_for_who_may_not(guarded: HubProcess, guarded_server: RedisServer) -> None:
    """A channel outside the ingest patterns would be subscribed to by name."""
    mine = bearer(subscribe=[A])

    for path in ("/message", "/history", "/export"):
        assert ask(guarded, f"{path}?channel=other.bravo", headers=mine).status == 403

    assert follows(guarded_server, "other.bravo") == 0
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


def test_metrics_and_the_reference_are_for_operators(guarded: HubProcess) -> None:
    for path in sorted(FOR_OPERATORS):
        assert ask(guarded, path, headers=bearer(subscribe=["*"], publish=["*"])).status == 403
        assert ask(guarded, path, headers=bearer(operate=True)).status == 200


def test_refusals_are_counted(guarded: HubProcess) -> None:
    def counted(reason: str) -> int:
        text = ask(guarded, "/metrics", headers=bearer(operate=True)).body.decode()
        found = re.search(rf'sse_hub_refused_total{{reason="{reason}",worker="0"}} (\d+)', text)
        assert found
        return int(found[1])

    before = [counted(reason) for reason in ("not-signed-in", "not-allowed", "foreign-origin")]
    assert ask(guarded, "/channels").status == 401
    assert ask(guarded, f"/history?channel={B}", headers=bearer(subscribe=[A])).status == 403
    assert ask(guarded, "/login", b"{}", {"Origin": "https://evil.example"}).status == 403
    after = [counted(reason) for reason in ("not-signed-in", "not-allowed", "foreign-origin")]

    assert [late - early for early, late in zip(before, after, strict=True)] == [1, 1, 1]


def test_a_retry_key_of_another_is_nobodys_business(guarded: HubProcess) -> None:
    def with_key(subject: str, body: bytes) -> int:
        rights = {"publish": [A]}
        claims = {"sub": subject, "aud": "sse-hub", "exp": time.time() + 60, "sse_hub": rights}
        signed = jwt.encode(claims, SECRET, "HS256", headers={"kid": "test"})
        return ask(guarded, f"/publish?channel={A}", body, carrying(signed) | {"Idempotency-Key": "run-1"}).status

    assert [with_key("alice", b"1"), with_key("bob", b"2"), with_key("alice", b"3")] == [200, 200, 422]


async def test_our_own_programs_bring_a_token_too(guarded: HubProcess) -> None:
    async def started(*words: str, **rights: Any) -> asyncio.subprocess.Process:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SSE_HUB_")}
        environ |= {"SSE_HUB_TOKEN": token(**rights)} if rights else {}
        command = (sys.executable, "-m", "sse_hub.cli", *words)
        return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ, stdout=PIPE, stderr=PIPE)

    to_hub = ("publish", A, "from a shell", "--http", guarded.url)
    watcher, publisher, stranger = await asyncio.gather(
        started("watch", A, "--since", "-1h", "--json", "--url", guarded.url, subscribe=[A]),
        started(*to_hub, publish=[A]),
        started(*to_hub),
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        (_, said), (_, told) = await asyncio.gather(publisher.communicate(), stranger.communicate())
        assert watcher.stdout is not None
        while b"from a shell" not in await watcher.stdout.readline():
            assert not watcher.stdout.at_eof()
        watcher.kill()
        await watcher.communicate()

    assert (publisher.returncode, said) == (0, b"")
    assert (stranger.returncode, b"401" in told) == (1, True)


def test_the_hub_says_how_its_streams_are_asked_for(guarded: HubProcess) -> None:
    assert f"""curl -N -H "Authorization: Bearer $TOKEN" '{guarded.url}/message?channel=log'""" in guarded.output
