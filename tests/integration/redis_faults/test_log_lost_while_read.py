"""The log is lost while a response reads it page by page: missing lines are reported at their place."""

import json
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.support.http_client import fetch, slow_client
from tests.support.load import Id, Publisher, Verdict
from tests.support.recording_hubs import lines_in_log, recorded_seqs, wait_recorded, watermark
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.waiting import wait_until

NAMES = ("app.a", "app.b", "app.c")
LINES = 12_000
LATER_LINES = 300
RING_LINES = 1_000
READ_BYTES = 100_000

Ids = dict[str, dict[int, Id]]
"""The ids of all lines of each channel, by their numbers."""


@contextmanager
def much_recorded(restarted: bool = False) -> Iterator[tuple[RedisServer, HubProcess, Ids]]:
    """A hub whose rings hold only the last lines of the log, or even fewer if it was `restarted`."""
    with redis_server() as server, ExitStack() as stack:
        publisher = Publisher(server, NAMES, 1, "only", "x" * 2_000)
        with ExitStack() as first:
            hub = first.enter_context(hub_process(server.url, "--ring-lines", str(RING_LINES)))
            hub.wait_recording()
            for _ in range(LINES // 100):
                publisher.publish(100)
            wait_lines(server, LINES)
            if not restarted:
                stack.enter_context(first.pop_all())
        if restarted:
            hub = stack.enter_context(hub_process(server.url))
            hub.wait_recording()
        publisher.publish(LATER_LINES)
        wait_lines(server, LINES + LATER_LINES)
        ids = {name: {seq: id for id, seq in recorded_seqs(server, name).items()} for name in NAMES}
        wait_recorded(server, last_of(ids))
        yield server, hub, ids


def wait_lines(server: RedisServer, count: int) -> None:
    wait_until(lambda: sum(lines_in_log(server, name) for name in NAMES) >= count, "all lines are recorded")


def last_of(ids: Ids) -> Id:
    return max(id for each in ids.values() for id in each.values())


def flush(server: RedisServer) -> None:
    with server.client() as client:
        client.flushall()


def wait_filled(server: RedisServer, ids: Ids) -> None:
    """Return when the log has the lines of the rings again."""
    wait_until(lambda: watermark(server) > last_of(ids).fence, "the log is filled")


def told_of(name: str, rows: Iterable[dict[str, Any]], ids: Ids) -> Verdict:
    """The verdict on channel `name` in a file. AssertionError if a line is lost without a gap."""
    told = Verdict([], [])
    for row in rows:
        gap = row.get("@gap")
        if gap and gap["channel"] in (name, "app.*"):
            told.gaps.append(gap)
        elif not gap and row.get("@channel", name) == name:
            told.lines.append((ids[name][row["seq"]], row["seq"]))
    assert told.seqs == sorted(set(told.seqs))
    told.agree_with({id: seq for seq, id in ids[name].items()}, Id(0, 0))
    return told


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("filled", [False, True])
def test_an_export_reports_what_redis_lost_while_it_was_sent(filled: bool, restarted: bool) -> None:
    """The gap goes from the place the export had reached to the start of the new log."""
    with much_recorded(restarted) as (server, hub, ids):
        with slow_client(hub, "/export?channel=app.a") as response:
            head = response.read(READ_BYTES)
            flush(server)
            if filled:
                wait_filled(server, ids)
            rows = [json.loads(line) for line in (head + response.read()).splitlines()]
        told = told_of("app.a", rows, ids)

    [lost] = [gap for gap in told.gaps if gap["reason"] == "log-lost"]
    assert {gap["reason"] for gap in told.gaps} == {"recorder-down", "log-lost"}, (
        "there is also a gap before the start of the log"
    )
    after, places = Id.parse(str(lost["after"])), [id for id, _ in told.lines]
    assert after in places, "the gap begins with the last line before it"
    assert places[places.index(after) + 1] >= Id.parse(str(lost["before"]))
    assert told.seqs[-1] == max(ids["app.a"])


@pytest.mark.parametrize("restarted", [False, True])
def test_an_export_of_several_channels_reports_each_loss_at_its_place(restarted: bool) -> None:
    with much_recorded(restarted) as (server, hub, ids):
        with slow_client(hub, "/export?channel=app.*") as response:
            head = response.read(READ_BYTES)
            flush(server)
            rows = [json.loads(line) for line in (head + response.read()).splitlines()]
        every = [told_of(name, rows, ids) for name in NAMES]

    for name, told in zip(NAMES, every, strict=True):
        assert {gap["reason"] for gap in told.gaps} == {"recorder-down", "log-lost"}
        assert told.seqs[-1] == max(ids[name])


@pytest.mark.parametrize("place", ["after=0-0", "before=9999999999999-0"])
def test_a_history_page_never_mixes_two_logs(place: str) -> None:
    """Requested repeatedly while the log is lost: each time, lines and gaps together cover everything published."""
    with much_recorded() as (server, hub, ids), ThreadPoolExecutor(1) as pool:
        published = {id: seq for seq, id in ids["app.a"].items()}
        statuses: set[int] = set()
        reasons: list[set[str]] = []
        filled = threading.Event()

        def keep_asking() -> None:
            while True:
                last_time = filled.is_set()
                answer = fetch(hub, f"/history?channel=app.a&limit=5000&{place}")
                statuses.add(answer.status)
                page = answer.json
                told = Verdict(
                    [(Id.parse(id), json.loads(line)["seq"]) for id, _, line, _ in page["lines"]], page["gaps"]
                )
                told.agree_with(published, None if page["more"] else Id(0, 0))
                reasons.append({gap["reason"] for gap in page["gaps"]})
                if last_time:
                    return

        asking = pool.submit(keep_asking)
        try:
            wait_until(lambda: bool(reasons) or asking.done(), "it is asked")
            flush(server)
            wait_filled(server, ids)
        finally:
            filled.set()
        asking.result()

    assert statuses == {200}
    assert {"log-lost"} in reasons
