"""`GET /patterns`, `GET /search`, and the errors and gaps in `/channels`."""

import json

from tests.support.http_client import fetch, post
from tests.support.servers import HubProcess, RedisServer
from tests.support.waiting import wait_until


def test_the_directory_counts_errors_and_lists_new_patterns_of_a_channel(server: RedisServer, hub: HubProcess) -> None:
    hub.wait_recording()
    with server.client() as client:
        for n in range(5):
            client.publish("asked.api", json.dumps({"level": "error" if n % 2 else "info", "message": f"order {n}"}))

    def entry() -> dict[str, object]:
        found = [each for each in fetch(hub, "/channels").json["channels"] if each["name"] == "asked.api"]
        return found[0] if found else {}

    wait_until(lambda: entry().get("errors_last_minute") == 2, "two errors are counted")
    answer = fetch(hub, "/patterns?channel=asked.*").json

    assert answer["since"].endswith("Z")
    assert [(each["channel"], each["pattern"], each["count"]) for each in answer["patterns"]] == [
        ("asked.api", "order #", 5)
    ]
    assert fetch(hub, "/patterns?channel=asked.other").json["patterns"] == []


def test_a_search_finds_a_text_in_all_channels_in_time_order(server: RedisServer, hub: HubProcess) -> None:
    hub.wait_recording()
    with server.client() as client:
        for n in range(30):
            line = {"n": n, "trace_id": "trace-7" if n % 3 == 0 else "other", "note": "é新" if n == 3 else ""}
            client.publish(f"found.{n % 2}", json.dumps(line, ensure_ascii=False))
    assert post(hub, "found.2", b"{}").status == 200

    answer = fetch(hub, "/search?channel=found.*&text=trace-7").json

    assert [json.loads(line)["n"] for _, _, line, _ in answer["lines"]] == sorted(range(0, 30, 3), key=lambda n: n)
    assert {channel for _, channel, _, _ in answer["lines"]} == {"found.0", "found.1"}
    assert (answer["looked_at"], answer["more"]) == (31, False)
    assert [
        json.loads(line)["n"] for _, _, line, _ in fetch(hub, "/search?channel=found.1&text=%E6%96%B0").json["lines"]
    ] == [3]
    assert fetch(hub, "/search?channel=found.*&text=trace-7&before=1-0").json["lines"] == []


def test_a_long_search_stops_at_its_limit_and_continues_from_there(server: RedisServer, hub: HubProcess) -> None:
    hub.wait_recording()
    lines = [b'{"n": %d, "id": "%b"}' % (n, b"needle" if n % 5_000 == 0 else b"hay") for n in range(45_000)]
    for start in range(0, 45_000, 9_000):
        assert post(hub, "haystack", b"\n".join(lines[start : start + 9_000])).status == 200
    found: list[int] = []
    before = ""
    looked_at: list[int] = []
    more = True
    while more:
        answer = fetch(hub, f"/search?channel=haystack&text=needle{before}").json
        found = [json.loads(line)["n"] for _, _, line, _ in answer["lines"]] + found
        before, more = f"&before={answer['reached']}", answer["more"]
        looked_at.append(answer["looked_at"])

    assert found == list(range(0, 45_000, 5_000))
    assert sum(looked_at) == 45_000
    assert max(looked_at) <= 20_000


def test_a_search_without_a_text_is_refused(hub: HubProcess) -> None:
    assert fetch(hub, "/search?channel=log").status == 400
    assert fetch(hub, "/search?channel=log&text=" + "x" * 257).status == 400
    assert fetch(hub, "/patterns?channel=log&limit=0").status == 400
