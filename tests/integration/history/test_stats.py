"""`GET /stats`: counts and percentiles of recorded lines of real formats, with filters, gaps and hostile parameters."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.support.http_client import Response, fetch, post
from tests.support.load import Id
from tests.support.raw_http import raw_connection, request_head
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.waiting import wait_until

LEVELS = ["info", "info", "warn", "error"]


def real_lines(n: int) -> Iterator[tuple[str, str]]:
    """Lines of four formats with the number `n`, each with its channel."""
    level = LEVELS[n % 4]
    record = {"level": level, "service": f"s{n % 3}", "took": f"{n}ms", "user": ["a", f"u{n}"], "msg": "é新 done"}
    yield "count.json", json.dumps(record, ensure_ascii=False)
    yield "count.logfmt", f"level={level} took={n}ms msg=done user=u{n % 2}"
    yield (
        "count.nginx",
        f'1.2.3.4 - - [21/Nov/2026:03:50:18 +0000] "GET /{n} HTTP/1.1" {503 if n % 4 == 3 else 200} {n}',
    )
    yield "count.text", f"2026-11-21 03:50:18,123 {level.upper()} shop.db: done in {n} ms"


@pytest.fixture(scope="module")
def counted(server: RedisServer, hub: HubProcess) -> HubProcess:
    """`hub`, with a hundred lines of each format, the first half of them under an earlier fence."""
    hub.wait_recording()
    with server.client() as client:
        for part in (range(50), range(50, 100)):
            for n in part:
                for channel, line in real_lines(n):
                    client.publish(channel, line)
            assert post(hub, "count.other", b"{}").status == 200
    return hub


def ask(hub: HubProcess, **parameters: object) -> Any:
    answer = fetch(hub, f"/stats?{urlencode(parameters)}")
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    return answer.json


def values(answer: Any) -> dict[str, int]:
    return {row["value"]: row["count"] for row in answer["values"]}


def test_levels_of_every_format_are_counted_per_step(counted: HubProcess) -> None:
    answer = ask(counted, channel="count.*", by="level", q="-channel=count.other")
    rows = [row for name in ("json", "logfmt", "nginx", "text") for row in history(counted, f"count.{name}")]
    expected = Counter(moment // 30_000 * 30_000 for _, _, _, moment in rows)

    # A request that succeeds has no level that the reader would guess.
    assert values(answer) == {"info": 225, "warn": 75, "error": 100}
    assert (answer["count"], answer["looked_at"], answer["step_seconds"]) == (400, 402, 30)
    assert {step["at"]: step["count"] for step in answer["steps"]} == expected
    assert all(sum(step["values"]) == step["count"] for step in answer["steps"])
    assert (answer["more"], answer["others"], answer["without"], answer["distinct"]) == (False, 0, 0, 3)


def history(hub: HubProcess, channel: str) -> list[Any]:
    rows: list[Any] = fetch(hub, f"/history?channel={channel}&limit=5000").json["lines"]
    return rows


def test_a_field_is_counted_by_its_most_frequent_values_and_the_rest(counted: HubProcess) -> None:
    service = ask(counted, channel="count.json", by="service", q="level>=error", top=2)
    user = ask(counted, channel="count.json", by="user", top=1)
    bare = ask(counted, channel="count.*", by="user", q="-channel=count.json")

    assert values(service) == {"s0": 9, "s1": 8}
    assert (service["count"], service["others"], service["distinct"]) == (25, 8, 3)
    assert (values(user), user["others"], user["distinct"]) == ({"a": 100}, 100, 101)
    assert (values(bare), bare["without"]) == ({"u0": 50, "u1": 50}, 202)


@pytest.mark.parametrize(
    ("channel", "field", "kind"),
    [("json", "took", "duration"), ("logfmt", "took", "duration"), ("nginx", "bytes", "size")],
)
def test_percentiles_of_a_number(counted: HubProcess, channel: str, field: str, kind: str) -> None:
    answer = ask(counted, channel=f"count.{channel}", field=field)

    assert answer["kind"] == kind
    assert [answer[name] for name in ("numbers", "min", "p50", "p90", "p99", "max")] == [100, 0, 49, 89, 98, 99]
    assert answer["rounded"] == [[n, 1] for n in range(100)]
    assert sum(step["numbers"] for step in answer["steps"]) == 100


def test_a_range_of_times_is_exact_to_the_millisecond(counted: HubProcess) -> None:
    moments = [moment for _, _, _, moment in history(counted, "count.json")]
    begin, end = sorted(moments)[10], sorted(moments)[60]

    def iso(ms: int) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03d}Z"

    answer = ask(counted, channel="count.json", since=iso(begin), until=iso(end), step="1s")

    assert answer["count"] == sum(begin <= moment < end for moment in moments)
    assert (answer["since"], answer["until"]) == (iso(begin), iso(end))


LONG = 120_000


@pytest.fixture(scope="module")
def long_log(deployed: tuple[RedisServer, HubProcess]) -> tuple[RedisServer, HubProcess]:
    """A hub with many lines on the channel `long`."""
    lines = [b'{"n": %d, "kind": "k%d"}' % (n, n % 7) for n in range(LONG)]
    for start in range(0, LONG, 20_000):
        assert post(deployed[1], "long", *lines[start : start + 20_000]).status == 200
    return deployed


def test_a_long_count_goes_on_where_it_stopped_and_adds_up(long_log: tuple[RedisServer, HubProcess]) -> None:
    asked = {"channel": "long", "since": "-1h", "by": "kind", "step": "5s"}
    answers = [ask(long_log[1], **asked)]
    while answers[-1]["more"]:
        answers.append(ask(long_log[1], **asked, until=answers[-1]["reached"]))
    total: Counter[str] = Counter()
    for each in answers:
        total.update(values(each))

    assert len(answers) >= 3
    assert max(each["looked_at"] for each in answers) <= 50_000
    assert total == Counter(f"k{n % 7}" for n in range(LONG))
    assert sum(step["count"] for each in answers for step in each["steps"]) == LONG


async def test_a_count_ends_when_its_client_leaves(long_log: tuple[RedisServer, HubProcess]) -> None:
    """Two counts at a time take turns: if the first went on, it would read as much as the second one."""
    server, hub = long_log
    query = "/stats?channel=long&by=kind"

    def reads() -> int:
        with server.client() as client:
            stats: Any = client.info("commandstats")
            return int(stats["cmdstat_evalsha"]["calls"])

    begun = reads()
    assert fetch(hub, query).json["more"]
    whole = reads() - begun
    async with raw_connection(hub) as connection:
        connection.send(request_head(query))
        await asyncio.to_thread(wait_until, lambda: reads() > begun + whole + 5, "it reads the log")
    assert (await asyncio.to_thread(fetch, hub, query)).json["more"]

    assert reads() - begun < 2.5 * whole


def test_missing_lines_are_told_so_that_a_low_count_is_no_calm() -> None:
    with redis_server() as server:
        with hub_process(server.url) as hub:
            hub.wait_recording()
            assert post(hub, "gap.a", b"{}").status == 200
        with server.client() as client:
            client.publish("gap.a", "nobody listens")
        with hub_process(server.url, "--ingest", "gap.*") as hub:
            hub.wait_recording()
            assert post(hub, "gap.a", b"{}").status == 200
            answer = ask(hub, channel="gap.a")
            wide = fetch(hub, "/stats?channel=gap.*&channel=unrecorded").json
            page = fetch(hub, "/history?channel=gap.a").json

    [told], [shown] = answer["gaps"], page["gaps"]
    assert answer["count"] == 2
    assert told == shown | {"after": told["after"]}, "as in the history"
    assert Id.parse(told["after"]) > Id.parse(shown["after"]), "but cut where the range begins"
    assert {gap["channel"] for gap in wide["gaps"]} == {"gap.*", "unrecorded"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("by=level&field=took", "one of them"),
        ("by=level&by=user", "one field"),
        ("by=", "by= has 0 characters; it must be a field of 1 to 128."),
        ("field=" + "x" * 129, "129 characters"),
        ("step=0s", "step='0s' must be a duration such as 90s"),
        ("step=1.5s", "must be a duration"),
        ("step=" + "9" * 40 + "d", "must be a duration"),
        ("top=0", "from 1 to 100"),
        ("top=101", "from 1 to 100"),
        ("since=soon", "since='soon' is not understood"),
        ("until=", "until='' is not understood"),
        ("channel=a%20b", "is not a channel name"),
        ("q=" + quote("(" * 60 + "a" + ")" * 60), "Brackets go too deep here."),
        ("q=" + "a+" * 300, "200"),
        ("q=" + "a" * 1_001, "1001 characters"),
        ("zone=Mars", "zone='Mars' must be a time zone"),
    ],
)
def test_hostile_parameters_are_refused_in_words(hub: HubProcess, query: str, told: str) -> None:
    answer = fetch(hub, f"/stats?{query}")

    assert answer.status == 400
    assert told in answer.json["detail"].replace(",", "")


def test_a_mistake_in_a_filter_is_told_with_its_place(hub: HubProcess) -> None:
    answer = fetch(hub, f"/stats?q={quote('level>=warn (user=u7')}")

    assert answer.status == 400
    assert (answer.json["start"], answer.json["end"]) == (12, 13)


@pytest.mark.parametrize(
    "query",
    [
        "by=%00%ff%f0&top=100",
        "by=" + quote("__class__.__init__"),
        "by=" + quote("(a+)+$") + "&q=" + quote("/(a+)+$/"),
        "field=" + quote("0." * 60),
        "since=0-0&step=1s",
        "since=99999999999999999999-5&until=1-0",
        "since=0001-01-01&until=9999-12-31",
        "since=-999999999d&step=999999999d",
    ],
)
def test_odd_parameters_are_harmless(counted: HubProcess, query: str) -> None:
    answer: Response = fetch(counted, f"/stats?channel=count.*&{query}")

    assert answer.status == 200
    assert answer.json["more"] is False
