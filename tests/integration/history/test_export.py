"""`GET /export`: a file is complete, or its client can tell that it is not. It uses little memory of the hub."""

import csv
import http.client
import io
import json
import re
import time

import pytest

from tests.support.http_client import fetch, post, slow_client
from tests.support.load import Publisher
from tests.support.recording_hubs import lines_in_log
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import PATIENCE, at_scale
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("recording")

LINES = at_scale(100_000, 1_000_000)
MEMORY_BYTES = 25_000_000
STALL_SECONDS = 5
MOMENT = re.compile(r'"@moment":\d{13},')


def recorded(server: RedisServer, channel: str, count: int) -> Publisher:
    """Publish `count` lines of about 2 kB, and wait until they are in the log."""
    publisher = Publisher(server, [channel], 1, "only", "x" * 2_000)
    for _ in range(count // 100):
        publisher.publish(100)
    wait_until(lambda: lines_in_log(server, channel) == count, "all lines are recorded")
    return publisher


def test_an_export_has_the_published_lines_in_each_format(hub: HubProcess, channel: str) -> None:
    answer = post(hub, channel, b'{"n": 1}', b'"=cmd()"', '{"text": "新增"}'.encode())
    fetch(hub, f"/publish?channel={channel}", b'{\n"n": 2}')
    first = str(answer.json["last_id"]).replace("-3", "-1")

    after = first.replace("-1", "-0")
    ndjson = fetch(hub, f"/export?channel={channel}&since={after}")
    text = fetch(hub, f"/export?channel={channel}&since={after}&format=txt")
    sheet = fetch(hub, f"/export?channel={channel}&since={after}&format=csv")

    assert ndjson.headers["content-type"] == "application/x-ndjson"
    assert ndjson.headers["content-disposition"].startswith(f'attachment; filename="{channel}-2')
    assert ndjson.headers["x-content-type-options"] == "nosniff"
    published = ['{"n": 1}', '{"info":"\\"=cmd()\\""}', '{"text": "新增"}', '{ "n": 2}']
    assert MOMENT.sub("", ndjson.body.decode()) == "".join(f"{line}\n" for line in published)
    assert len(MOMENT.findall(ndjson.body.decode())) == len(published)
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert [line.split(" ", 2)[1:] for line in text.body.decode().splitlines()] == [
        [channel, '{"n": 1}'],
        [channel, '"=cmd()"'],
        [channel, '{"text": "新增"}'],
        [channel, '{ "n": 2}'],
    ]
    assert sheet.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.body.decode(), newline="")))
    assert [row["line"] for row in rows] == published
    assert (rows[0]["id"], rows[0]["channel"]) == (first, channel)


def test_an_export_of_several_channels_names_each_and_reports_gaps(hub: HubProcess, channel: str) -> None:
    for n in range(3):
        for name in "ab":
            post(hub, f"{channel}.{name}", b'{"n": %d}' % n)
    path = f"/export?channel={channel}.*&channel={channel}.a"

    rows = [json.loads(line) for line in fetch(hub, path).body.splitlines()]

    # Other tests may have cut the sessions of all hubs.
    gaps = [row["@gap"] for row in rows if "@gap" in row and row["@gap"]["after"] == "0-0"]
    assert [(gap["channel"], gap["reason"]) for gap in gaps] == [
        (f"{channel}.a", "recorder-down"),
        (f"{channel}.*", "recorder-down"),
    ], "nothing was recorded before the log began"
    assert [(row["@channel"], row["n"]) for row in rows if "@gap" not in row] == [
        (f"{channel}.{name}", n) for n in range(3) for name in "ab"
    ]
    assert fetch(hub, f"{path}&format=txt").body.startswith(f"# gap channel={channel}.a after=0-0 ".encode())
    assert f",gap channel={channel}.a after=0-0 ".encode() in fetch(hub, f"{path}&format=csv").body


def test_an_export_has_just_the_requested_range_of_the_log(hub: HubProcess, channel: str) -> None:
    answers = [post(hub, channel, b'{"n": %d}' % n) for n in range(5)]
    ids = [answer.json["last_id"] for answer in answers]

    between = fetch(hub, f"/export?channel={channel}&since={ids[0]}&until={ids[3]}").body
    assert [json.loads(line)["n"] for line in between.splitlines()] == [1, 2]
    assert fetch(hub, f"/export?channel={channel}&since={ids[-1]}").body == b""
    assert fetch(hub, f"/export?channel={channel}&since=-1m").body.count(b'"n":') == 5


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("format=xml", "format='xml' must be one of ndjson, txt, csv"),
        ("channel=a%20b", "is not a channel name"),
        ("since=yesterday", "since='yesterday'"),
        ("until=", "until=''"),
        ("channel=a&until=1-2.3", "does not fit"),
    ],
)
def test_an_invalid_request_gets_a_json_error(hub: HubProcess, query: str, told: str) -> None:
    answer = fetch(hub, f"/export?{query}")

    assert answer.status == 400
    assert told in answer.json["detail"]


def test_a_long_export_is_complete_and_uses_little_memory() -> None:
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


def test_an_export_client_that_stops_reading_is_disconnected(server: RedisServer, channel: str) -> None:
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
def test_a_client_can_tell_that_an_export_was_cut_short(fault: str) -> None:
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


def test_an_export_without_redis_answers_503(hub: HubProcess) -> None:
    with redis_server() as server, hub_process(server.url) as hub:
        hub.wait_recording()
        server.freeze()
        answer = fetch(hub, "/export?until=2-0")
        server.thaw()

    assert answer.status == 503
    assert answer.json["error"] == "Service Unavailable"
