"""Streams with a filter: what they get, what they share, and what is told when a filter is too dear."""

import json
import random
import tracemalloc

import pytest

from sse_hub.errors import LimitExceeded
from sse_hub.filters.compile import MAX_WORK, compile_filter
from sse_hub.hub import hub as hub_module
from sse_hub.hub.filter_budget import FilterBudget
from sse_hub.hub.hub import Hub
from sse_hub.hub.ring import Batch, RingGap
from sse_hub.hub.sieve import Sieve
from sse_hub.hub.start_position import After, Now, Tail
from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.selection import Selection
from tests.support.in_memory import Client, MemoryLog, MemorySource, line, new_hub, numbers, publish

HOSTILE = "/(a|b)*a(a|b){490}c/"


def gaps(events: list[object]) -> list[tuple[str, str, str]]:
    found = [event.json for event in events if event.type == "gap"]  # type: ignore[attr-defined]
    return [(gap["after"], gap["before"], gap["reason"]) for gap in found]


def batch(*lines: str) -> Batch:
    return Batch("log", 1, 7, 1, [each.encode() for each in lines], 1 << 62, 7)


async def test_a_stream_gets_the_matching_lines_with_their_own_ids() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", filter="n=1,3").open()

    publish(hub, "log", *map(line, range(5)))

    assert [(event.id, event.json["n"]) for event in client.events()] == [("11-2", 1), ("11-4", 3)]


async def test_streams_with_the_same_filter_share_a_feed() -> None:
    hub, _ = new_hub()

    for typed in ("n=1", "n=1", "n=2", ""):
        await Client(hub, "log", filter=typed).open()
    # Relative to different moments.
    for now_ms in (1, 2):
        filter = compile_filter("after:-5m" if now_ms < 0 else "after=-5m", now_ms)
        await hub.prepare_stream(Selection.parse(["log"]), Now(), filter=filter)

    assert sorted(len(feed.subscribers) for feed in hub.feeds) == [0, 0, 1, 1, 2]


async def test_a_heartbeat_moves_the_id_on_while_nothing_matches() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", "other", filter="n=1").open()
    publish(hub, "log", line(1), line(2))
    hub.ingest.fence_received(500)
    publish(hub, "log", line(2))
    [feed] = hub.feeds

    assert b"id: 500-0.0\n" in feed.heartbeat(500)
    assert numbers(client.events()) == [1]


async def test_a_stream_that_is_behind_catches_up_with_the_matching_lines_and_is_told_where_it_is() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", filter="n=1").open(Tail(1))
    client.transport.clog()
    publish(hub, "log", line(1))
    for _ in range(500):
        publish(hub, "log", line(2))
    publish(hub, "log", line(1))
    client.transport.unclog()
    for _ in range(50):
        await client.settle()

    assert [event.id for event in client.events()] == ["11-1", "11-502"]
    [feed] = hub.feeds
    assert feed.delivered == 2


async def test_a_resumed_stream_reads_the_log_through_the_filter() -> None:
    hub, log = new_hub()[0], MemoryLog(random.Random(1), 10)
    hub.connect(MemorySource(hub), log)
    for n in range(200):
        log.add("log", EventId(10, n + 1), line(n % 10).encode())
    log.watermark = 11
    hub.ingest.session_started(12)

    clients = [await Client(hub, "log", filter="n=3").open(After(Cursor(10, (50,)))) for _ in range(2)]
    for client in clients:
        for _ in range(50):
            await client.settle()

    for client in clients:
        assert [event.id for event in client.events() if event.type == "message"] == [
            f"10-{n}" for n in range(54, 201, 10)
        ]
    assert hub.counters.replayed == 2 * 15


def test_what_a_sieve_has_found_in_a_batch_of_the_log_is_kept_with_it() -> None:
    entry = batch(*(line(n % 4) for n in range(100)))
    sieve, other = Sieve(compile_filter("n=1,2", 0), remember=True), Sieve(compile_filter("n=2,1", 0), remember=True)

    parts = [part for start in range(0, 100, 7) for part in sieve.slices(entry, start, min(100, start + 7))]

    assert [offset for _, start, stop in parts for offset in range(start, stop)] == [
        n for n in range(100) if n % 4 in (1, 2)
    ]
    assert list(sieve.slices(entry, 5, 11)) == [(entry, 5, 7), (entry, 9, 11)]
    assert list(sieve.slices(entry, 7, 9)) == []
    assert other.filter.key != sieve.filter.key
    assert list(other.slices(entry, 50, 55)) == [(entry, 50, 51), (entry, 53, 55)]


async def test_a_line_that_is_too_long_for_the_filter_is_a_gap_live_and_behind() -> None:
    hub, _ = new_hub()
    live = await Client(hub, "log", filter=HOSTILE).open()
    behind = await Client(hub, "log", filter=HOSTILE).open()
    behind.transport.clog()
    long = json.dumps({"message": "ab" * (MAX_WORK // 1_900)})

    publish(hub, "log", line(1))
    publish(hub, "log", long)
    publish(hub, "log", json.dumps({"message": "a" * 500 + "c"}))
    behind.transport.unclog()
    for _ in range(50):
        await behind.settle()

    for client in (live, behind):
        events = client.events()
        assert gaps(events) == [("12-1", "12-3", "filter")]  # type: ignore[arg-type]
        assert [event.id for event in events if event.type == "message"] == ["12-3"]


async def test_without_time_for_filters_their_lines_are_one_growing_gap_and_then_it_goes_on() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", filter="n=1").open()
    plain = await Client(hub, "log").open()
    filtered = hub.ingest.registry.get(b"log").filtered  # type: ignore[union-attr]
    assert filtered
    filtered._budget, allowing = FilterBudget(0), filtered._budget

    publish(hub, "log", line(1), line(2))
    publish(hub, "log", line(1))
    filtered._budget = allowing
    assert client.events() == []
    publish(hub, "log", line(1))

    events = client.events()
    assert gaps(events) == [("12-0", "12-4", "filter")]  # type: ignore[arg-type]
    assert events[-1].id == "12-4"
    assert hub.counters.gaps["filter"] == 1
    assert numbers(plain.events()) == [1, 2, 1, 1]


async def test_a_gap_of_a_filter_does_not_grow_past_a_gap_of_the_log() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", batch=True, filter="n=1").open()
    publish(hub, "log", line(1))
    filtered = hub.ingest.registry.get(b"log").filtered  # type: ignore[union-attr]
    assert filtered
    filtered._budget = FilterBudget(0)

    publish(hub, "log", line(2))
    hub.ingest.session_started(90)
    publish(hub, "log", line(3))
    [feed] = hub.feeds
    feed.flush()

    events = client.events()
    assert gaps(events) == [  # type: ignore[arg-type]
        ("11-1", "11-3", "filter"),
        ("11-2", "90-0", "recorder-down"),
        ("90-0", "90-2", "filter"),
    ]
    assert events[-1].id == "90-1"


async def test_a_gap_of_a_filter_is_told_in_silence_too() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "log", filter="n=1").open()
    hub.ingest.registry.get(b"log").filtered._budget = FilterBudget(0)  # type: ignore[union-attr]
    publish(hub, "log", line(1))
    [feed] = hub.feeds
    assert feed._gap_timer_set

    feed._send_gaps_later()

    assert gaps(client.events()) == [("11-0", "11-2", "filter")]  # type: ignore[arg-type]


def test_a_dear_filter_takes_nothing_from_the_others() -> None:
    budget = FilterBudget(0.5)
    budget.begin(100.0)
    budget.spend("cheap", 0.001)
    budget.spend("dear", 0.3)

    assert (budget.allows("dear"), budget.allows("cheap"), budget.allows("new")) == (False, True, True)
    budget.spend("another", 0.24)
    assert (budget.allows("another"), budget.allows("cheap"), budget.allows("new")) == (False, True, True)
    budget.begin(100.9)
    assert not budget.allows("dear")
    budget.begin(101.0)
    assert budget.allows("dear")
    assert budget.seconds == pytest.approx(0.541)


async def test_a_hub_takes_a_limited_number_of_different_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_FILTERS", 2)
    hub: Hub = new_hub()[0]
    for typed in ("n=1", "n=2", "n=1"):
        await Client(hub, "log", filter=typed).open()

    with pytest.raises(LimitExceeded, match="2 different filters"):
        await Client(hub, "log", filter="n=3").open()

    await Client(hub, "log", "other", filter="n=2").open()


async def test_a_hub_takes_a_limited_number_of_choices_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_CHOICES", 1_500)
    hub: Hub = new_hub()[0]
    await Client(hub, "log", filter=HOSTILE).open()
    await Client(hub, "log", filter="/order (1|2)/").open()

    with pytest.raises(LimitExceeded, match="2 different filters"):
        await Client(hub, "log", filter=HOSTILE[:-1] + "c/").open()


async def test_a_pattern_gets_matching_lines_of_channels_that_come_later() -> None:
    hub, _ = new_hub()
    client = await Client(hub, "shop.*", filter="n>3").open()

    publish(hub, "shop.a", line(1), line(5))
    publish(hub, "shop.b", line(6), line(2))
    hub.ingest.session_started(90)

    events = client.events()
    lines = [event.json for event in events if event.type == "message"]
    assert [(each["@channel"], each["n"]) for each in lines] == [("shop.a", 5), ("shop.b", 6)]
    assert [event.json["channel"] for event in events if event.type == "gap"] == ["shop.*"], "gaps pass every filter"


def test_a_gap_for_lines_passes_through_what_a_sieve_remembers() -> None:
    entry = batch(line(1), json.dumps({"message": "ab" * (MAX_WORK // 1_900)}), line(2))
    sieve = Sieve(compile_filter(f"{HOSTILE} OR n=1,2", 0), remember=True)

    first, gap, last = sieve.slices(entry, 0, 3)

    assert (first, last) == ((entry, 0, 1), (entry, 2, 3))
    assert isinstance(gap[0], RingGap)
    again, _ = sieve.slices(entry, 1, 3)
    assert isinstance(again[0], RingGap)
    assert again[0].gap == gap[0].gap
    assert list(sieve.slices(entry, 2, 3)) == [last]


def test_what_a_sieve_remembers_takes_a_byte_for_a_line() -> None:
    entry = batch(*map(line, range(1_000)))

    def sift(number: int) -> int:
        sieve = Sieve(compile_filter(f"/[02468]/ -n=x{number}", 0), remember=True)
        return sum(1 for _ in sieve.slices(entry, 0, 1_000))

    assert sift(0) > 50, "the lines of many runs pass"
    tracemalloc.start()
    for number in range(1, 21):
        sift(number)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept / 20 < 4_000
