"""`GET /export`: a file is whole, or its client sees that it is not; and it costs the hub no memory."""

import csv
import http.client
import io
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.asking import ask, post
from tests.integration.traffic import Publisher
from tests.rig import (
    DEADLINE_SECONDS,
    PATIENCE,
    HubProcess,
    RedisServer,
    at_scale,
    hub_process,
    redis_server,
    wait_until,
)

LINES = at_scale(100_000, 1_000_000)
MEMORY_BYTES = 25_000_000
STALL_SECONDS = 5


@pytest.fixture(autouse=True)
def recording(hub: HubProcess) -> None:
    hub.wait_recording()


@contextmanager
def slow_client(hub: HubProcess, path: str) -> Iterator[http.client.HTTPResponse]:
    """A GET whose body is read only as the test reads it."""
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=DEADLINE_SECONDS)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(DEADLINE_SECONDS)
        plain.connect(("127.0.0.1", hub.port))
        connection.sock = plain
        connection.request("GET", path)
        with connection.getresponse() as response:
            yield response


def recorded(server: RedisServer, channel: str, count: int) -> Publisher:
    """`count` lines of about 2 kB that are in the log."""
    publisher = Publisher(server, [channel], 1, "only", "x" * 2_000)
    for _ in range(count // 100):
        publisher.publish(100)
    wait_until(lambda: lines_in_log(server, channel) == count, "all lines are recorded")
    return publisher


def lines_in_log(server: RedisServer, channel: str) -> int:
    with server.client() as client:
        return int(client.xlen(f"sse-hub:log:{channel}"))


def test_a_file_has_what_was_published_in_each_format(hub: HubProcess, channel: str) -> None:
    answer = post(hub, channel, b'{"n": 1}', b'"=cmd()"', '{"text": "新增"}'.encode())
    ask(hub, f"/publish?channel={channel}", b'{\n"n": 2}')
    first = str(answer.json["last_id"]).replace("-3", "-1")

    after = first.replace("-1", "-0")
    ndjson = ask(hub, f"/export?channel={channel}&since={after}")
    text = ask(hub, f"/export?channel={channel}&since={after}&format=txt")
    sheet = ask(hub, f"/export?channel={channel}&since={after}&format=csv")

    assert ndjson.headers["content-type"] == "application/x-ndjson"
    assert ndjson.headers["content-disposition"].startswith(f'attachment; filename="{channel}-2')
    assert ndjson.headers["x-content-type-options"] == "nosniff"
    assert ndjson.body.decode() == '{"n": 1}\n{"info":"\\"=cmd()\\""}\n{"text": "新增"}\n{ "n": 2}\n'
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert [line.split(" ", 2)[1:] for line in text.body.decode().splitlines()] == [
        [channel, '{"n": 1}'],
        [channel, '"=cmd()"'],
        [channel, '{"text": "新增"}'],
        [channel, '{ "n": 2}'],
    ]
    assert sheet.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.body.decode(), newline="")))
    assert [row["line"] for row in rows] == ndjson.body.decode().splitlines()
    assert (rows[0]["id"], rows[0]["channel"]) == (first, channel)


def test_lines_of_several_channels_name_theirs_and_what_is_missing_is_told(hub: HubProcess, channel: str) -> None:
    for n in range(3):
        for name in "ab":
            post(hub, f"{channel}.{name}", b'{"n": %d}' % n)
    path = f"/export?channel={channel}.*&channel={channel}.a"

    rows = [json.loads(line) for line in ask(hub, path).body.splitlines()]

    # Other tests may have cut the session of all hubs.
    gaps = [row["@gap"] for row in rows if "@gap" in row and row["@gap"]["after"] == "0-0"]
    assert [(gap["channel"], gap["reason"]) for gap in gaps] == [
        (f"{channel}.a", "recorder-down"),
        (f"{channel}.*", "recorder-down"),
    ], "nothing was recorded before the log began"
    assert [row for row in rows if "@gap" not in row] == [
        {"@channel": f"{channel}.{name}", "n": n} for n in range(3) for name in "ab"
    ]
    assert ask(hub, f"{path}&format=txt").body.startswith(f"# gap channel={channel}.a after=0-0 ".encode())
    assert f",gap channel={channel}.a after=0-0 ".encode() in ask(hub, f"{path}&format=csv").body


def test_a_stretch_of_the_log(hub: HubProcess, channel: str) -> None:
    answers = [post(hub, channel, b'{"n": %d}' % n) for n in range(5)]
    ids = [answer.json["last_id"] for answer in answers]

    assert ask(hub, f"/export?channel={channel}&since={ids[0]}&until={ids[3]}").body == b'{"n": 1}\n{"n": 2}\n'
    assert ask(hub, f"/export?channel={channel}&since={ids[-1]}").body == b""
    assert ask(hub, f"/export?channel={channel}&since=-1m").body.count(b'{"n":') == 5


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("format=xml", "format='xml' is none of ndjson, txt, csv"),
        ("channel=a%20b", "is not a channel name"),
        ("since=yesterday", "since='yesterday'"),
        ("until=", "until=''"),
        ("channel=a&until=1-2.3", "does not fit"),
    ],
)
def test_what_cant_be_served_is_told_in_json(hub: HubProcess, query: str, told: str) -> None:
    answer = ask(hub, f"/export?{query}")

    assert answer.status == 400
    assert told in answer.json["detail"]


def test_a_long_file_is_whole_and_costs_no_memory() -> None:
    with redis_server() as server, hub_process(server.url, "--retain-lines", "10000000") as hub:
        hub.wait_recording()
        publisher = Publisher(server, ["long"], 1, "only", "x" * 100)
        for _ in range(LINES // 1000):
            publisher.publish(1000)
        wait_until(lambda: lines_in_log(server, "long") == LINES, "all lines are recorded")
        before = most = hub.resident_bytes()
        with slow_client(hub, "/export?channel=long&since=1-0") as response:
            seqs = []
            for line in response:
                seqs.append(json.loads(line).get("seq"))
                if len(seqs) % 1000 == 0:
                    most = max(most, hub.resident_bytes())

    assert [seq for seq in seqs if seq] == list(range(1, LINES + 1))
    assert most - before < MEMORY_BYTES


def test_a_client_that_stops_reading_is_cut(server: RedisServer, channel: str) -> None:
    with hub_process(server.url, "--stall-seconds", str(STALL_SECONDS)) as hub:
        recorded(server, channel, 5_000)
        started = time.monotonic()
        with slow_client(hub, f"/export?channel={channel}") as response:
            wait_until(lambda: "download_aborted" in hub.output, "the hub cuts the client")
            seconds = time.monotonic() - started
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                response.read()
            assert hub.status("/health/live") == 200

    assert STALL_SECONDS - 1 < seconds < 3 * STALL_SECONDS * PATIENCE


@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_a_file_that_cant_be_finished_is_seen_to_be_cut(fault: str) -> None:
    with redis_server() as server, hub_process(server.url) as hub:
        hub.wait_recording()
        recorded(server, "log", 10_000)
        with slow_client(hub, "/export") as response:
            response.read(100_000)
            if fault == "kill":
                server.process.kill()
            else:
                server.freeze()
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                response.read()
        server.thaw()

        assert "download_aborted" in hub.output


def test_a_redis_that_is_away_is_503(hub: HubProcess) -> None:
    with redis_server() as server, hub_process(server.url) as hub:
        hub.wait_recording()
        server.freeze()
        answer = ask(hub, "/export?until=2-0")
        server.thaw()

    assert answer.status == 503
    assert answer.json["error"] == "Service Unavailable"
