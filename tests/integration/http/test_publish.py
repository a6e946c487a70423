"""`POST /publish`: a 200 means that each line is in the log exactly once; every other outcome is reported as such."""

import asyncio
import gzip
import json
import signal
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sse_hub.broker.scripts import script
from sse_hub.http.content_coding import ALLOWED, DECOMPRESSORS
from tests.support.http_client import Response, fetch, post
from tests.support.load import Id
from tests.support.reconnecting_clients import LARGE_LINES, beside_stuck_client
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import DEADLINE_SECONDS, PATIENCE
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.usefixtures("recording")

MEGABYTE = 1_048_576


def compress(coding: str, body: bytes) -> bytes:
    if coding == "zstd":
        return zstd.compress(body)
    return zlib.compress(body) if coding == "deflate" else gzip.compress(body)


def log_of(server: RedisServer, channel: str) -> list[tuple[str, bytes]]:
    with server.client() as client:
        entries = client.xrange(f"sse-hub:log:{channel}")
    return [(id.decode(), fields[b"l"]) for id, fields in entries]


async def test_published_lines_are_recorded_and_delivered_under_the_id_in_the_response(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        answer = await asyncio.to_thread(post, hub, channel, b'{"n": 1}', b"", b'  {"n": 2}\r', b"")
        events = await stream.take(2)

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json == {"published": 2, "last_id": events[1].id}
    assert [event.data for event in events] == ['{"n": 1}', '{"n": 2}']
    assert log_of(server, channel) == [(event.id, event.data.encode()) for event in events]


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b'{"a": 1}', [b'{"a": 1}']),
        (b'\xef\xbb\xbf{"a": 1}\r\n', [b'{"a": 1}']),
        (b'{\n  "a": 1,\r\n  "b": [\n]}\n', [b'{\n  "a": 1,\r\n  "b": [\n]}']),
        (b"[1]\n2\n", [b'{"info":"1"}', b'{"info":"2"}']),
        (b'[{"a": 1}, {"b": [2]}]', [b'{"a": 1}', b'{"b": [2]}']),
        (b'{"a": "\\ud800"}\n{"a": 1e400}', [b'{"a": "\\ud800"}', b'{"a": 1e400}']),
        ('{"a": "新增"}'.encode(), ['{"a": "新增"}'.encode()]),
        (b"{%b}" % (b"\n" * 10_001), [b"{%b}" % (b" " * 10_001)]),
    ],
)
def test_a_body_is_one_json_value_or_one_on_each_line(
    hub: HubProcess, server: RedisServer, channel: str, body: bytes, lines: list[bytes]
) -> None:
    assert fetch(hub, f"/publish?channel={channel}", body).json["published"] == len(lines)
    assert [line for _, line in log_of(server, channel)] == lines


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 400, "The body has no line"),
        (b" \n\r\n\t\n", 400, "The body has no line"),
        (b'{"a": 1}\n\n{"a": tru}', 400, "line 3 is not JSON: "),
        (b'\n{"a": 1}\nvalue', 400, "line 3 is not JSON: "),
        (b'{"a": NaN}', 400, "line 1 is not JSON: "),
        (b'{"a": 1}\n"\xff"', 400, "line 2 is not JSON: "),
        (b'{\n"a": 1,\n"b": nope\n}', 400, "line 3 is not JSON: "),
        (b"[" * 100_000, 400, "too many brackets"),
        (b'{"a":' * 100_000, 400, "nested too deeply"),
        (b'{"a": 1}\n"%b"' % (b"x" * MEGABYTE), 413, "line 2 has 1048578 bytes; the limit is 1048576"),
        (b"{}\n" * 100_001, 413, "line 100001 is one too many"),
        (b" " * (17 * MEGABYTE), 413, "more than 16777216 bytes"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_invalid_body_is_refused_with_the_reason(
    hub: HubProcess, server: RedisServer, channel: str, body: bytes, status: int, told: str
) -> None:
    answer = fetch(hub, f"/publish?channel={channel}", body)

    assert answer.status == status
    assert told in answer.json["detail"]
    assert log_of(server, channel) == []


@pytest.mark.parametrize(
    ("query", "headers", "status", "told"),
    [
        ("channel=a*", {}, 400, "not a pattern"),
        ("channel=a&channel=b", {}, 400, "exactly one channel"),
        ("channel=sse-hub:fence", {}, 400, "is reserved"),
        ("channel=a%20b", {}, 400, "is not a channel name"),
        ("channel=a", {"Origin": "http://evil.example"}, 403, "may not send this request"),
        ("channel=a", {"Origin": "null"}, 403, "may not send this request"),
        ("channel=a", {"Idempotency-Key": "x" * 129}, 400, "1 to 128 visible ASCII"),
        ("channel=a", {"Idempotency-Key": "a b"}, 400, "1 to 128 visible ASCII"),
    ],
)
def test_an_invalid_publish_request_is_refused_with_the_reason(
    hub: HubProcess, query: str, headers: dict[str, str], status: int, told: str
) -> None:
    answer = fetch(hub, f"/publish?{query}", b"{}", headers)

    assert answer.status == status
    assert told in answer.json["detail"]


def test_with_bad_lines_as_text_every_line_of_a_chunk_is_published(
    hub: HubProcess, server: RedisServer, channel: str
) -> None:
    """I3: a shipper drops a chunk that is refused, so one bad line would cost all of it."""
    body = b'{"a": 1}\nbad \xff\n{"long": "%b"}\n{"b": 2}' % (b"x" * MEGABYTE)

    assert fetch(hub, f"/publish?channel={channel}", body).status == 400
    assert fetch(hub, f"/publish?channel={channel}&on_bad_line=skip", body).json["detail"] == (
        "on_bad_line='skip' must be one of error, text."
    )
    assert fetch(hub, f"/publish?channel={channel}&on_bad_line=text", body).json["published"] == 4
    first, bad, cut, last = [line for _, line in log_of(server, channel)]
    assert (first, bad, last) == (b'{"a": 1}', b'{"info":"bad \xef\xbf\xbd"}', b'{"b": 2}')
    assert json.loads(cut).items() >= {"truncated": True, "size": MEGABYTE + 12}.items()


@pytest.mark.parametrize("coding", DECOMPRESSORS)
def test_a_compressed_body_is_decompressed_within_its_limit(
    hub: HubProcess, server: RedisServer, channel: str, coding: str
) -> None:
    """F14."""
    lines = [b'{"n": %d}' % n for n in range(30_000)]
    body = compress(coding, b"\n".join(lines))

    def sent(body: bytes, **headers: str) -> Response:
        return post(hub, channel, body, Content_Encoding=coding.upper(), **headers)

    first, again = sent(body, Idempotency_Key=channel), sent(body, Idempotency_Key=channel)
    cut, other, bomb = sent(body[:-8]), sent(b"text"), sent(compress(coding, b" " * 17 * MEGABYTE))
    parts = sent(compress(coding, lines[0] + b"\n") + compress(coding, lines[1]))

    assert first.json == again.json
    assert first.json["published"] == len(lines)
    assert cut.status == 400 and "has no end" in cut.json["detail"]
    assert other.status == 400 and f"is not {coding}" in other.json["detail"]
    assert bomb.status == 413 and bomb.json["detail"] == "The decompressed body has more than 16777216 bytes."
    assert coding == "deflate" or parts.json["published"] == 2
    assert [line for _, line in log_of(server, channel)][: len(lines)] == lines


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "snappy", "\u00ff"])
def test_a_body_compressed_in_another_way_is_refused_with_the_ways_allowed(
    hub: HubProcess, channel: str, coding: str
) -> None:
    answer = post(hub, channel, b"{}", Content_Encoding=coding)

    assert answer.status == 415
    assert f"must be one of {ALLOWED}" in answer.json["detail"]
    assert answer.headers["accept-encoding"] == ALLOWED


def test_the_hubs_own_page_and_curl_may_publish(hub: HubProcess, channel: str) -> None:
    assert post(hub, channel, b"{}", Origin=hub.url).status == 200
    assert post(hub, channel, b"{}", Content_Type="application/x-www-form-urlencoded").status == 200


def test_a_retry_with_the_same_idempotency_key_publishes_nothing_again(
    hub: HubProcess, other_hub: HubProcess, server: RedisServer, channel: str
) -> None:
    first, again = (post(each, channel, b'{"n": 1}', b'{"n": 2}', Idempotency_Key=channel) for each in (hub, other_hub))
    other_body = post(hub, channel, b'{"n": 3}', Idempotency_Key=channel)
    other_channel = post(hub, f"{channel}.x", b'{"n": 1}', b'{"n": 2}', Idempotency_Key=channel)
    post(hub, channel, b'{"n": 4}')

    assert (first.status, again.status) == (200, 200)
    assert first.json == again.json
    assert [each.status for each in (other_body, other_channel)] == [422, 422]
    assert [json.loads(line)["n"] for _, line in log_of(server, channel)] == [1, 2, 4]


def test_r5_of_one_subject_only_the_newest_idempotency_keys_are_kept(server: RedisServer, channel: str) -> None:
    with server.client() as client:
        publish = client.register_script(script("clock", "publish"))
        names = [f"{channel}:key:{n}" for n in range(10)]
        for name in names:
            names_of_keys = [*(f"{channel}:{each}" for each in ("clock", "fences", "left")), name, f"{channel}:keys"]
            publish(names_of_keys, [0, f"{channel}:fence", channel, "0a", 60_000, 4, 1, "x"])

        kept = [name for name in names if client.exists(name)]

        assert kept == names[-4:]
        assert [each.decode() for each in client.zrange(f"{channel}:keys", 0, -1)] == kept
        assert 0 < client.pttl(f"{channel}:keys") <= 60_000


def test_twenty_simultaneous_bodies_each_stay_together_and_in_order(
    hub: HubProcess, other_hub: HubProcess, server: RedisServer, channel: str
) -> None:
    def send(number: int) -> Response:
        lines = [json.dumps({"body": number, "n": n}).encode() for n in range(50)]
        return post((hub, other_hub)[number % 2], channel, *lines)

    started = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    seconds = time.monotonic() - started

    log = log_of(server, channel)
    told = [json.loads(line) for _, line in log]
    bodies = list(dict.fromkeys(each["body"] for each in told))
    assert [each.status for each in answers] == [200] * 20
    assert told == [{"body": body, "n": n} for body in bodies for n in range(50)]
    assert sorted(bodies) == list(range(20))
    assert sorted(each.json["last_id"] for each in answers) == sorted(id for id, _ in log[49::50])
    assert seconds < 5 * PATIENCE, "the requests wait at the same time"


def test_other_requests_are_served_while_a_large_body_is_published(hub: HubProcess, channel: str) -> None:
    line = json.dumps({"numbers": list(range(1_000)), "text": "x" * 6_000}).encode()
    body = b"\n".join([line] * (16 * MEGABYTE // (len(line) + 1)))
    waits: list[float] = []

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(fetch, hub, f"/publish?channel={channel}", body)
        while not sending.done():
            started = time.monotonic()
            assert hub.status("/health/live") == 200
            waits.append(time.monotonic() - started)

    assert sending.result().json["published"] == body.count(b"\n") + 1
    # Most of this is not the hub: Redis, hub, publisher and this test share two cores.
    assert max(waits) < 0.3 * PATIENCE


def test_a_body_right_after_the_start_or_a_takeover_waits_for_the_recorder(own_server: RedisServer) -> None:
    """`/health/ready` has said 200 by then."""
    with hub_process(own_server.url) as first:
        assert post(first, "log", b'{"n": 1}').status == 200
        with hub_process(own_server.url) as second:
            assert post(second, "log", b'{"n": 2}').status == 200
            first.process.kill()
            assert post(second, "log", b'{"n": 3}').status == 200
            second.process.kill()
            first.process.wait()
            second.process.wait()
            with hub_process(own_server.url) as third:
                assert post(third, "log", b'{"n": 4}').status == 200

    assert [json.loads(line)["n"] for _, line in log_of(own_server, "log") if b"@gap" not in line] == [1, 2, 3, 4]


def test_publishing_to_a_frozen_redis_answers_503_in_time(own_server: RedisServer) -> None:
    with hub_process(own_server.url) as hub:
        hub.wait_recording()
        own_server.freeze()
        started = time.monotonic()
        answer = post(hub, "log", b"{}")
        seconds = time.monotonic() - started
        own_server.thaw()
        wait_until(lambda: post(hub, "log", b'{"again": 1}').status == 200, "it goes on")

    assert answer.status == 503
    assert answer.json == {**answer.json, "error": "Service Unavailable", "published": 0, "recorded": False}
    assert "does not answer" in answer.json["detail"]
    assert seconds < 6 * PATIENCE
    assert log_of(own_server, "log")[0][1] == b'{"again": 1}'


def test_a_publish_with_an_unknown_outcome_says_so(own_server: RedisServer) -> None:
    """Redis is up, but does not answer the script, which may have run or may still run. The key tells on a retry."""
    with hub_process(own_server.url) as hub:
        hub.wait_recording()
        with own_server.client() as client:
            client.execute_command("CLIENT", "PAUSE", "60000", "WRITE")
            answer = post(hub, "log", b"{}", Idempotency_Key="k")
            client.execute_command("CLIENT", "UNPAUSE")
        wait_until(lambda: post(hub, "log", b"{}", Idempotency_Key="k").status == 200, "it goes on")
        wait_until(lambda: len(log_of(own_server, "log")) == 1, "it was published once")

    assert answer.status == 503
    assert answer.json == {**answer.json, "published": None, "recorded": None}
    assert "unknown" in answer.json["detail"]


def test_a_killed_recorder_loses_no_acknowledged_line(own_server: RedisServer) -> None:
    with hub_process(own_server.url) as first, hub_process(own_server.url) as second:
        hubs = [first, second]
        for hub in hubs:
            hub.wait_recording()
        [recorder] = [hub for hub in hubs if hub.state()["recorder"]]
        [other] = [hub for hub in hubs if hub is not recorder]
        answers: dict[int, Any] = {}

        def publish() -> None:
            for n in range(200):
                answers[n] = post(other, "log", json.dumps({"n": n}).encode(), Idempotency_Key=f"k{n}")

        with ThreadPoolExecutor(1) as pool:
            publishing = pool.submit(publish)
            wait_until(lambda: len(answers) > 50, "some are published")
            recorder.process.send_signal(signal.SIGKILL)
            recorder.process.wait()
            publishing.result()

        log = log_of(own_server, "log")
        numbers = [json.loads(line)["n"] for _, line in log]
        assert len(set(numbers)) == len(numbers)
        assert {n for n, answer in answers.items() if answer.status == 200} <= set(numbers)
        assert {answer.status for answer in answers.values()} <= {200, 503}
        assert [Id.parse(id) for id, _ in log] == sorted(Id.parse(id) for id, _ in log)
        assert [answer.status for answer in answers.values()].count(200) >= 190
        # The fixture would report a hub that does not stop.
        recorder.process.returncode = None


def test_publishing_to_an_unrecorded_channel_is_refused(own_server: RedisServer) -> None:
    with hub_process(own_server.url, "--ingest", "app.*", "--line-bytes", "1000") as hub:
        hub.wait_recording()
        answer, long = post(hub, "log", b"{}"), post(hub, "app.log", b'"%b"' % (b"x" * 999))

    assert answer.status == 400
    assert "not covered by --ingest" in answer.json["detail"]
    assert long.status == 413


async def test_a_stopping_hub_answers_publish_with_retry_after(server: RedisServer, channel: str) -> None:
    """While the hub waits for a client that does not read."""
    with hub_process(server.url) as hub:
        async with beside_stuck_client(server, hub, channel):
            hub.process.terminate()
            await asyncio.to_thread(wait_until, lambda: hub.status("/health/ready") == 503, "the hub drains")

            answer = await asyncio.to_thread(post, hub, channel, b"{}")
            await asyncio.to_thread(hub.process.wait, DEADLINE_SECONDS)

    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert answer.json["detail"] == "The hub is stopping."
    assert len(log_of(server, channel)) == LARGE_LINES
