"""`/metrics`: true numbers, of all workers whichever is asked, and little work however many channels there are."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import NamedTuple

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sse_hub.hub.counters import MAX_NAMESPACES
from tests.integration.asking import ask, post
from tests.integration.test_workers import WORKERS, worker_hub, workers_of
from tests.rig import PATIENCE, HubProcess, RedisServer, hub_process, redis_server, wait_until
from tests.sse import open_stream

CHANNELS = 10_000
STREAMS = 20
SCRAPES = 15
MOST_BYTES = 200_000
MOST_SECONDS = 0.05
# What docs/operations.md and the dashboard rely on.
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


class Metrics(NamedTuple):
    """One scrape: values by sample name and labels; the names of all metrics."""

    values: dict[tuple[str, frozenset[tuple[str, str]]], float]
    names: set[str]

    def get(self, name: str, **labels: str) -> float:
        """The sum of the samples called `name` that have `labels`."""
        wanted = set(labels.items())
        return sum(value for (each, has), value in self.values.items() if each == name and wanted <= has)


def scrape(hub: HubProcess, headers: Mapping[str, str] | None = None) -> Metrics:
    answer = ask(hub, "/metrics", headers=headers)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    families = list(text_string_to_metric_families(answer.body.decode()))
    samples = [sample for family in families for sample in family.samples]
    values = {(sample.name, frozenset(sample.labels.items())): float(sample.value) for sample in samples}
    assert len(values) == len(samples), "a series is told twice"
    return Metrics(values, {family.name for family in families})


@pytest.fixture(scope="module")
def busy() -> Iterator[tuple[RedisServer, HubProcess]]:
    """A hub that knows 10,000 channels."""
    with redis_server() as server, hub_process(server.url) as hub:
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


def test_all_metrics_that_the_promises_name_are_there(hub: HubProcess, channel: str) -> None:
    hub.wait_recording()
    post(hub, channel, b"{}")

    assert scrape(hub).names >= NAMES


@pytest.fixture
def new_hub() -> Iterator[HubProcess]:
    """A hub that records, and has not yet seen as many namespaces as it tells apart."""
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
    # Also when their streams have gone.
    wait_until(lambda: counted("delivered") == 5, "they are counted once for each subscriber")


async def test_names_that_nobody_publishes_to_take_no_label(new_hub: HubProcess) -> None:
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


def test_ten_thousand_channels_cost_little(busy: tuple[RedisServer, HubProcess]) -> None:
    _, hub = busy
    process = psutil.Process(hub.process.pid)
    begun = sum(process.cpu_times()[:2])
    seconds = []
    largest = 0
    for _ in range(SCRAPES):
        asked = time.perf_counter()
        largest = max(largest, len(ask(hub, "/metrics").body))
        seconds.append(time.perf_counter() - asked)
    cpu_seconds = (sum(process.cpu_times()[:2]) - begun) / SCRAPES

    assert largest < MOST_BYTES
    # What it takes, and not what others on the machine take meanwhile.
    assert min(seconds) < MOST_SECONDS
    assert cpu_seconds < MOST_SECONDS


def test_names_of_channels_never_become_more_labels_than_that(busy: tuple[RedisServer, HubProcess]) -> None:
    _, hub = busy
    labels = {dict(has)["channel_ns"] for name, has in scrape(hub).values if name == "sse_hub_lines_total"}

    assert len(labels) <= 52
    assert scrape(hub).get("sse_hub_lines_total", stage="received") == CHANNELS


def test_what_forgotten_channels_had_stays_counted(busy: tuple[RedisServer, HubProcess]) -> None:
    server, hub = busy
    before = scrape(hub).get("sse_hub_lines_total", stage="received")
    with server.client() as client, client.pipeline(transaction=False) as pipe:
        for number in range(50):
            pipe.publish(f"new-{number}", "{}")
        pipe.execute()

    wait_until(lambda: "channels_forgotten" in hub.output, "some are forgotten")
    wait_until(lambda: scrape(hub).get("sse_hub_lines_total", stage="received") == before + 50, "none is taken back")


async def test_every_worker_tells_of_all(crowd: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(STREAMS):
            await stack.enter_async_context(open_stream(f"{crowd.url}/message"))
        metrics = scrape(crowd)

        assert [metrics.get("sse_hub_worker_up", worker=str(number)) for number in range(WORKERS)] == [1, 1]
        # The same whichever is asked, and not what only that one has.
        assert {scrape(crowd).get("sse_hub_clients") for _ in range(20)} == {STREAMS}
        assert metrics.get("sse_hub_recorder_leader") == 1
        assert {dict(has).get("worker") for name, has in metrics.values if name == "sse_hub_lines_total"} <= {"0", "1"}


def test_a_worker_that_stands_still_is_told_to_be_away(crowd: HubProcess) -> None:
    victim = workers_of(crowd)[0]
    victim.suspend()
    try:
        begun = time.monotonic()
        metrics = scrape(crowd)

        assert time.monotonic() - begun < 2.0 * PATIENCE
        assert metrics.get("sse_hub_worker_up") == WORKERS - 1
    finally:
        victim.resume()


def test_the_worker_in_the_place_of_a_killed_one_counts_from_0_and_the_others_go_on(crowd: HubProcess) -> None:
    wait_until(lambda: scrape(crowd).get("sse_hub_worker_up") == WORKERS, "all answer")
    before = scrape(crowd)
    workers_of(crowd)[0].kill()

    wait_until(lambda: scrape(crowd).get("sse_hub_worker_up") == WORKERS, "the new one answers")

    began = [
        scrape(crowd).get("sse_hub_process_start_time_seconds", worker=str(number))
        > before.get("sse_hub_process_start_time_seconds", worker=str(number))
        for number in range(WORKERS)
    ]
    assert sorted(began) == [False, True], "it has the number of the one before"
