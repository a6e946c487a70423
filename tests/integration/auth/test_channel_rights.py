"""
Tokens, cookies and tickets at a real hub: a right to one channel reveals nothing of another, by any route.

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

from tests.support.http_client import Response, fetch
from tests.support.hub_app import hub_app
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.sse_client import open_stream
from tests.support.tokens import (
    HIDDEN,
    MISSING,
    SECRET,
    A,
    B,
    bearer,
    publish,
    stream_url,
    token,
    token_header,
)

# S7: at most this much, however slow the machine is.
APART_SECONDS = 0.005
PAIRS = 300
# Routes without channels and lines: everybody may use them.
PUBLIC = {"/", "/index", "/health/live", "/health/ready", "/login", "/logout"}
FOR_OPERATORS = {"/metrics", "/docs", "/docs/openapi.json", "/rules.toml"}
ASKING = {"/message", "/channels", "/history", "/search", "/patterns", "/export", "/publish", "/ticket", "/whoami"}
ASKING |= {"/rules", "/rules/test", "/stats"}
ASKING |= FOR_OPERATORS
# Those that are neither GET nor POST: `alerts/test_rule_routes.py` has tests of their rights.
CHANGING = {"/rules/<id:str>"}


def follows(redis: RedisServer, name: str) -> int:
    with redis.client() as client:
        return int(client.pubsub_numsub(name)[0][1])


def test_every_route_checks_rights_or_is_listed_as_public() -> None:
    """A new route must be added to one of the two sets; one that checks rights is then covered by the test below."""
    app = hub_app()
    paths = {"/" + route.path for route in app.router.routes}

    assert {path for path in paths if not path.startswith("/web/")} == PUBLIC | ASKING | CHANGING


@pytest.mark.parametrize("path", sorted(ASKING))
def test_no_route_serves_a_request_without_a_right(guarded: HubProcess, path: str) -> None:
    posted = b"{}" if path in ("/publish", "/ticket", "/rules/test") else None
    for headers in (
        {},
        token_header("x.y.z"),
        token_header(""),
        {"Authorization": "Basic YTpi"},
        {"Remote-User": "alice"},
    ):
        answers = [fetch(guarded, f"{path}?channel={name}", posted, headers) for name in (A, MISSING, "a%20b")]

        assert [each.status for each in answers] == [401] * 3
        assert answers[0].headers["www-authenticate"] == "Bearer"
        assert len({each.body for each in answers}) == 1


async def test_a_token_for_one_channel_reveals_nothing_of_another_by_any_route(
    guarded: HubProcess, guarded_server: RedisServer
) -> None:
    mine = bearer(subscribe=[A], publish=[A])
    everything = bearer(subscribe=["*"], publish=["*"])
    texts: list[str] = []

    def kept(answer: Response) -> Response:
        texts.append(f"{answer.headers} {answer.body.decode()}")
        return answer

    async with (
        open_stream(stream_url(guarded, f"channel={B}"), everything),
        open_stream(stream_url(guarded, "channel=*&tail=100"), mine) as by_star,
        open_stream(stream_url(guarded, "channel=app.*&since=-1h&batch=1"), mine) as by_time,
        open_stream(stream_url(guarded, f"channel={A}&channel=*b*&tail=100"), mine) as by_both,
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
        kept(fetch(guarded, f"/history?{query}", headers=mine))
    for format in ("ndjson", "txt", "csv"):
        exported = kept(fetch(guarded, f"/export?channel=*&format={format}", headers=mine))
        assert b"what alpha says" in exported.body
    listed = kept(fetch(guarded, "/channels", headers=mine))
    assert [each["name"] for each in listed.json["channels"]] == [A]
    kept(fetch(guarded, "/whoami", headers=mine))
    kept(fetch(guarded, "/health/ready", headers=mine))
    for path in ("/metrics", "/docs", "/docs/openapi.json", "/debug", "/web/"):
        kept(fetch(guarded, path, headers=mine))
    found = kept(fetch(guarded, "/search?channel=*&text=says", headers=mine))
    assert [channel for _, channel, _, _ in found.json["lines"]] == [A]
    counts = kept(fetch(guarded, "/stats?channel=*&by=channel&since=-1h", headers=mine))
    assert [each["value"] for each in counts.json["values"]] == [A]
    new = kept(fetch(guarded, "/patterns?channel=*", headers=mine))
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
        ("/stats?channel={}&by=channel&q=says", None),
        ("/patterns?channel={}", None),
        ("/export?channel={}", None),
        ("/export?channel={}&format=csv&since=-1h", None),
        ("/publish?channel={}", b"{}"),
        ("/ticket?channel={}", b""),
    ],
)
def test_a_forbidden_channel_answers_exactly_as_a_missing_one(
    guarded: HubProcess, path: str, body: bytes | None
) -> None:
    mine = bearer(subscribe=[A], publish=[A])
    there, missing = (fetch(guarded, path.format(name), body, mine) for name in (B, MISSING))

    assert (there.status, missing.status) == (403, 403)
    assert there.body.decode().replace(B, MISSING) == missing.body.decode()
    names = [set(each.headers.keys()) for each in (there, missing)]
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/history?"), ("GET", "/message?"), ("GET", "/search?text=says&"), ("POST", "/ticket?")],
)
def test_a_forbidden_channel_answers_as_fast_as_a_missing_one(guarded: HubProcess, method: str, path: str) -> None:
    """Measured in pairs close in time and in alternating order, so that other load slows both alike."""
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


def test_a_forbidden_request_causes_no_subscription_in_redis(guarded: HubProcess, guarded_server: RedisServer) -> None:
    """For a channel outside the ingest patterns, the hub would subscribe by name."""
    mine = bearer(subscribe=[A])

    for path in ("/message", "/history", "/export"):
        assert fetch(guarded, f"{path}?channel=other.bravo", headers=mine).status == 403

    assert follows(guarded_server, "other.bravo") == 0
    listed = fetch(guarded, "/channels", headers=bearer(subscribe=["*"])).json["channels"]
    assert "other.bravo" not in {each["name"] for each in listed}


def test_publishing_needs_its_own_right(guarded: HubProcess) -> None:
    reader, writer = bearer(subscribe=["*"]), bearer(publish=[A])

    assert publish(guarded, A, {}, reader).status == 403
    assert publish(guarded, A, {"message": "hello"}, writer).status == 200
    assert publish(guarded, B, {}, writer).status == 403
    assert fetch(guarded, f"/history?channel={A}", headers=writer).status == 403


def test_an_unauthorized_large_body_is_read_and_answered_401(guarded: HubProcess) -> None:
    assert fetch(guarded, f"/publish?channel={A}", b"x" * 500_000).status == 401


def test_only_operators_see_the_hubs_health_in_detail(guarded: HubProcess) -> None:
    for headers in ({}, bearer(subscribe=["*"]), token_header("nonsense")):
        answer = fetch(guarded, "/health/ready", headers=headers)
        assert (answer.status, answer.json) == (200, {"ready": True})
    assert "subscribers" in fetch(guarded, "/health/ready", headers=bearer(operate=True)).json


def test_only_operators_may_read_metrics_and_api_docs(guarded: HubProcess) -> None:
    for path in sorted(FOR_OPERATORS):
        assert fetch(guarded, path, headers=bearer(subscribe=["*"], publish=["*"])).status == 403
        assert fetch(guarded, path, headers=bearer(operate=True)).status == 200


def test_authorization_refusals_are_counted_by_reason(guarded: HubProcess) -> None:
    def counted(reason: str) -> int:
        text = fetch(guarded, "/metrics", headers=bearer(operate=True)).body.decode()
        found = re.search(rf'sse_hub_refused_total{{reason="{reason}",worker="0"}} (\d+)', text)
        assert found
        return int(found[1])

    before = [counted(reason) for reason in ("not-signed-in", "not-allowed", "foreign-origin")]
    assert fetch(guarded, "/channels").status == 401
    assert fetch(guarded, f"/history?channel={B}", headers=bearer(subscribe=[A])).status == 403
    assert fetch(guarded, "/login", b"{}", {"Origin": "https://evil.example"}).status == 403
    after = [counted(reason) for reason in ("not-signed-in", "not-allowed", "foreign-origin")]

    assert [late - early for early, late in zip(before, after, strict=True)] == [1, 1, 1]


def test_idempotency_keys_of_different_subjects_are_independent(guarded: HubProcess) -> None:
    def with_key(subject: str, body: bytes) -> int:
        rights = {"publish": [A]}
        claims = {"sub": subject, "aud": "sse-hub", "exp": time.time() + 60, "sse_hub": rights}
        signed = jwt.encode(claims, SECRET, "HS256", headers={"kid": "test"})
        return fetch(guarded, f"/publish?channel={A}", body, token_header(signed) | {"Idempotency-Key": "run-1"}).status

    assert [with_key("alice", b"1"), with_key("bob", b"2"), with_key("alice", b"3")] == [200, 200, 422]


async def test_watch_and_publish_commands_send_a_token(guarded: HubProcess) -> None:
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


def test_a_hub_with_tokens_prints_a_curl_command_with_the_token(guarded: HubProcess) -> None:
    assert f"""curl -N -H "Authorization: Bearer $TOKEN" '{guarded.url}/message?channel=log'""" in guarded.output
