"""`/metrics`: correct values of all workers from any of them, at little cost even with many channels."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import psutil
import pytest

from sse_hub.hub.counters import MAX_NAMESPACES
from tests.support.http_client import fetch, post
from tests.support.metrics import scrape
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import PATIENCE
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until
from tests.support.workers import WORKERS, worker_hub, workers_of

CHANNELS = 10_000
STREAMS = 20
SCRAPES = 15
MOST_BYTES = 200_000
MOST_SECONDS = 0.05
# Metrics that docs/operations.md and the dashboard rely on.
NAMES = {
    "sse_hub_lines",
    "sse_hub_gap",
    "sse_hub_fence_rtt_seconds",
    "sse_hub_redis_sessions",
    "sse_hub_recorder_lag_seconds",
    "sse_hub_recorder_leader",
    "sse_hub_takeovers",
    "sse_hub_clients",
    "sse_hub_client_lag_bytes",
    "sse_hub_slow_closed",
    "sse_hub_resume",
    "sse_hub_replay_lines",
    "sse_hub_write_stall_seconds",
    "sse_hub_heartbeats",
    "sse_hub_redis_errors",
    "sse_hub_drain_remaining",
}  # fmt: skip


@pytest.fixture(scope="module")
def busy() -> Iterator[tuple[RedisServer, HubProcess]]:
    """A hub with 10,000 channels."""
    with redis_server() as server, hub_process(server.url, "--new-channels-per-second", "0") as hub:
        with server.client() as client, client.pipeline(transaction=False) as pipe:
            for number in range(CHANNELS):
                pipe.publish(f"app-{number}.log", "{}")
            pipe.execute()
        wait_until(lambda: scrape(hub).get("sse_hub_channels") == CHANNELS, "all channels are known")
        yield server, hub


@pytest.fixture(scope="module")
def crowd() -> Iterator[HubProcess]:
    """A hub of several workers."""
    with redis_server() as server, worker_hub(server.url) as hub:
        hub.wait_recording()
        yield hub


def test_all_metrics_that_the_documents_rely_on_exist(hub: HubProcess, channel: str) -> None:
    hub.wait_recording()
    post(hub, channel, b"{}")

    assert scrape(hub).names >= NAMES


@pytest.fixture
def new_hub() -> Iterator[HubProcess]:
    """A hub that records, and has seen few namespaces yet."""
    with redis_server() as server, hub_process(server.url) as hub:
        yield hub


async def test_lines_are_counted_by_stage_and_namespace(new_hub: HubProcess, channel: str) -> None:
    hub, namespace = new_hub, f"counted-{channel}"
    hub.wait_recording()
    async with (
        open_stream(f"{hub.url}/message?channel={namespace}.a") as first,
        open_stream(f"{hub.url}/message?channel={namespace}.a&channel={namespace}/b") as second,
    ):
        await asyncio.to_thread(post, hub, f"{namespace}.a", b'{"n": 1}', b'{"n": 2}')
        await asyncio.to_thread(post, hub, f"{namespace}/b", b'{"n": 3}')
        assert len(await first.take(2)) + len(await second.take(3)) == 5
        metrics = scrape(hub)

        assert metrics.get("sse_hub_clients") >= 2

    def counted(stage: str) -> float:
        return scrape(hub).get("sse_hub_lines_total", stage=stage, channel_ns=namespace)

    assert counted("received") == 3
    wait_until(lambda: counted("recorded") == 3, "they are recorded")
    # Also after their streams have ended.
    wait_until(lambda: counted("delivered") == 5, "they are counted once for each subscriber")


async def test_channels_without_published_lines_take_no_label(new_hub: HubProcess) -> None:
    for number in range(2 * MAX_NAMESPACES):
        names = "&".join(f"channel={name}" for name in (f"asked{number}", f"asked{number}*"))
        async with open_stream(f"{new_hub.url}/message?{names}"):
            pass
    new_hub.wait_recording()
    post(new_hub, "published.a", b"{}")

    metrics = scrape(new_hub)
    assert metrics.get("sse_hub_lines_total", stage="received", channel_ns="published") == 1
    assert not [each for each in metrics.values if "asked" in str(each)]


async def test_resumes_replays_and_gaps_are_counted(other_hub: HubProcess, server: RedisServer, channel: str) -> None:
    other_hub.wait_recording()
    last_id = post(other_hub, channel, b'{"n": 1}', b'{"n": 2}').json["last_id"]
    before = scrape(other_hub)

    for id in (last_id, "12-1"):
        async with open_stream(f"{other_hub.url}/message?channel={channel}", {"Last-Event-ID": id}):
            pass
    async with open_stream(f"{other_hub.url}/message?channel={channel}", {"Last-Event-ID": "nonsense"}) as stream:
        [gap] = await stream.take(1)
    after = scrape(other_hub)

    assert gap.type == "gap"
    assert after.get("sse_hub_resume_total", result="memory") == before.get("sse_hub_resume_total", result="memory") + 1
    assert (
        after.get("sse_hub_resume_total", result="unknown-id")
        == before.get("sse_hub_resume_total", result="unknown-id") + 1
    )
    assert (
        after.get("sse_hub_gap_total", reason="unknown-id") == before.get("sse_hub_gap_total", reason="unknown-id") + 1
    )
    assert after.get("sse_hub_resume_total") == before.get("sse_hub_resume_total") + 3


def test_f9_lines_of_channels_that_are_not_served_are_counted_and_told_once() -> None:
    with redis_server() as server, hub_process(server.url) as hub:
        hub.wait_recording()
        with server.client() as client:
            for name in ("订单", "my channel", "__keyevent@0__:expired", "app"):
                client.publish(name, "x")
            wait_until(lambda: scrape(hub).get("sse_hub_unserved_lines_total") == 2, "both lines are counted")

        assert hub.output.count("channel_not_served") == 1


def test_sessions_and_forged_fences_are_counted() -> None:
    with redis_server() as server, hub_process(server.url) as hub:
        begun = scrape(hub)
        with server.client() as client:
            client.publish("sse-hub:fence", "1")
            wait_until(lambda: scrape(hub).get("sse_hub_invalid_fences_total") == 1, "the forged fence is counted")
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        wait_until(lambda: scrape(hub).get("sse_hub_redis_sessions_total") == 2, "the next session is counted")
        metrics = scrape(hub)

        assert begun.get("sse_hub_redis_sessions_total") == 1
        assert metrics.get("sse_hub_redis_errors_total", kind="session") == 1
        assert metrics.get("sse_hub_gap_total", reason="recorder-down") >= 1
        assert metrics.get("sse_hub_fence_rtt_seconds_count") >= 1
        assert metrics.get("sse_hub_fence_rtt_seconds_sum") < 60


def test_a_scrape_with_ten_thousand_channels_is_small_and_fast(busy: tuple[RedisServer, HubProcess]) -> None:
    _, hub = busy
    process = psutil.Process(hub.process.pid)
    begun = sum(process.cpu_times()[:2])
    seconds = []
    largest = 0
    for _ in range(SCRAPES):
        asked = time.perf_counter()
        largest = max(largest, len(fetch(hub, "/metrics").body))
        seconds.append(time.perf_counter() - asked)
    cpu_seconds = (sum(process.cpu_times()[:2]) - begun) / SCRAPES

    assert largest < MOST_BYTES
    # The CPU time of the hub, unaffected by other load on the machine.
    assert min(seconds) < MOST_SECONDS
    assert cpu_seconds < MOST_SECONDS


def test_the_number_of_channel_labels_is_bounded(busy: tuple[RedisServer, HubProcess]) -> None:
    _, hub = busy
    labels = {dict(has)["channel_ns"] for name, has in scrape(hub).values if name == "sse_hub_lines_total"}

    assert len(labels) <= 52
    assert scrape(hub).get("sse_hub_lines_total", stage="received") == CHANNELS


def test_counts_of_forgotten_channels_are_kept(busy: tuple[RedisServer, HubProcess]) -> None:
    server, hub = busy
    before = scrape(hub).get("sse_hub_lines_total", stage="received")
    with server.client() as client, client.pipeline(transaction=False) as pipe:
        for number in range(50):
            pipe.publish(f"new-{number}", "{}")
        pipe.execute()

    wait_until(lambda: "channels_forgotten" in hub.output, "some are forgotten")
    wait_until(lambda: scrape(hub).get("sse_hub_lines_total", stage="received") == before + 50, "none is taken back")


async def test_every_worker_reports_the_metrics_of_all_workers(crowd: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(STREAMS):
            await stack.enter_async_context(open_stream(f"{crowd.url}/message"))
        metrics = scrape(crowd)

        assert [metrics.get("sse_hub_worker_up", worker=str(number)) for number in range(WORKERS)] == [1, 1]
        # Every worker returns the totals, not only its own values.
        assert {scrape(crowd).get("sse_hub_clients") for _ in range(20)} == {STREAMS}
        assert metrics.get("sse_hub_recorder_leader") == 1
        assert {dict(has).get("worker") for name, has in metrics.values if name == "sse_hub_lines_total"} <= {"0", "1"}


def test_a_frozen_worker_is_reported_as_down(crowd: HubProcess) -> None:
    victim = workers_of(crowd)[0]
    victim.suspend()
    try:
        begun = time.monotonic()
        metrics = scrape(crowd)

        assert time.monotonic() - begun < 2.0 * PATIENCE
        assert metrics.get("sse_hub_worker_up") == WORKERS - 1
    finally:
        victim.resume()


def test_a_replacement_worker_counts_from_zero_and_the_others_keep_their_counts(crowd: HubProcess) -> None:
    wait_until(lambda: scrape(crowd).get("sse_hub_worker_up") == WORKERS, "all answer")
    before = scrape(crowd)
    workers_of(crowd)[0].kill()

    wait_until(lambda: scrape(crowd).get("sse_hub_worker_up") == WORKERS, "the new one answers")

    began = [
        scrape(crowd).get("sse_hub_process_start_time_seconds", worker=str(number))
        > before.get("sse_hub_process_start_time_seconds", worker=str(number))
        for number in range(WORKERS)
    ]
    assert sorted(began) == [False, True], "the replacement has the same worker number"
