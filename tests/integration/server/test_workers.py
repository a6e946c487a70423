"""`--workers N`: N processes on one socket, whatever happens to them, and none left when the hub has ended."""

import asyncio
import http.client
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from sse_hub.broker.keys import LogKeys, Partition
from tests.support.http_client import fetch
from tests.support.load import publishing, verdict, wait_published
from tests.support.processes import connections, has_ended
from tests.support.reconnecting_clients import ReconnectingClient
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, at_scale
from tests.support.sse_client import Stream, open_stream
from tests.support.waiting import wait_until
from tests.support.workers import WORKERS, connections_of, worker_hub, workers_of

KILLS = at_scale(3, 60)
CLIENTS = 10
TOGETHER = 4
BACK_SECONDS = 5.0
LINES_PER_SECOND = 500


def who_answers(hub: HubProcess) -> int | None:
    """The process id of the worker that answered a readiness check with 200, else None."""
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=DEADLINE_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        port = connection.sock.getsockname()[1]
        if connection.getresponse().status != 200:
            return None
        for worker in workers_of(hub):
            if any(each.raddr and each.raddr.port == port for each in connections(worker)):
                return worker.pid
        return None
    finally:
        connection.close()


def kill_and_time(hub: HubProcess, pid: int) -> float:
    """SIGKILL a worker. Returns the seconds until its replacement has answered."""
    others = {worker.pid for worker in workers_of(hub)}
    started = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: who_answers(hub) not in {None, *others}, "a new worker answers")
    return time.monotonic() - started


@asynccontextmanager
async def streams_on_all(hub: HubProcess, channel: str) -> AsyncIterator[list[Stream]]:
    """At least ten streams, with some on each worker."""
    async with AsyncExitStack() as stack:
        streams: list[Stream] = []
        while len(streams) < 10 or 0 in connections_of(hub).values():
            url = f"{hub.url}/message?channel={channel}"
            streams.append(await stack.enter_async_context(open_stream(url)))
        yield streams


def all_gone(processes: list[psutil.Process]) -> bool:
    return all(has_ended(process) for process in processes)


async def seconds_to_end(hub: HubProcess) -> float:
    started = time.monotonic()
    await asyncio.to_thread(hub.process.wait, DEADLINE_SECONDS)
    return time.monotonic() - started


async def test_a_killed_worker_loses_no_line_and_is_replaced_quickly(server: RedisServer, channel: str) -> None:
    async def pick() -> str:
        return hub.url

    clients: list[ReconnectingClient] = []
    running: list[asyncio.Task[None]] = []
    seconds: list[float] = []
    with worker_hub(server.url) as hub, publishing(server, channel, lines_per_second=LINES_PER_SECOND) as publisher:
        for _ in range(KILLS):
            while len(clients) < CLIENTS or 0 in connections_of(hub).values():
                clients.append(ReconnectingClient(pick, channel))
                running.append(asyncio.create_task(clients[-1].read()))
                await clients[-1].opened.wait()
            await asyncio.to_thread(wait_published, publisher, 100)
            [(victim, held)] = connections_of(hub).most_common(1)
            assert held > 0
            seconds.append(await asyncio.to_thread(kill_and_time, hub, victim))
        publisher.finish()
        await asyncio.gather(*running)
        ended = hub.output.count("worker_ended")

    for client in clients:
        told = verdict(client.events)
        assert told.gaps == []
        assert told.seqs == list(range(told.seqs[0], publisher.begun + 1))
        assert client.statuses == {200}
    assert ended == KILLS
    assert sum(client.connects for client in clients) > len(clients)
    assert max(seconds) < BACK_SECONDS * PATIENCE


def recorders_of(hub: HubProcess) -> list[int]:
    """The process ids of the workers that have started to record, in order."""
    return [int(pid) for pid in re.findall(r"worker=(\d+) recording_started", hub.output)]


def test_another_worker_takes_the_lease_of_a_killed_worker_at_once() -> None:
    """Nobody waits for its expiry: this lease would never expire."""
    with redis_server() as server, server.client() as client, worker_hub(server.url) as hub:
        hub.wait_recording()
        wait_until(lambda: len(recorders_of(hub)) == 1, "a worker has said that it records")
        os.kill(recorders_of(hub)[0], signal.SIGKILL)
        client.persist(LogKeys.of(Partition(), ("*",)).lease)

        wait_until(lambda: len(recorders_of(hub)) == 2, "another worker records")


def test_workers_that_die_together_are_all_replaced(server: RedisServer) -> None:
    """A worker may get the news of another's end when it has ended itself, before the supervisor knows."""
    with worker_hub(server.url, "--workers", str(TOGETHER)) as hub:
        for times in range(1, 4):
            wait_until(lambda: hub.output.count("worker_ready") == times * TOGETHER, "all serve")  # noqa: B023
            for worker in workers_of(hub):
                worker.kill()
        wait_until(lambda: hub.status("/health/live") == 200, "they are replaced")

        assert hub.process.poll() is None
        assert "task_died" not in hub.output


async def test_a_connection_made_while_no_worker_runs_is_served_by_the_next_worker(server: RedisServer) -> None:
    with worker_hub(server.url) as hub:
        workers = workers_of(hub)
        for worker in workers:
            worker.kill()
        psutil.wait_procs(workers, DEADLINE_SECONDS)

        assert hub.status("/health/live", DEADLINE_SECONDS) == 200


async def test_connections_are_shared_among_the_workers(server: RedisServer, channel: str) -> None:
    with worker_hub(server.url) as hub:
        async with AsyncExitStack() as stack:
            url = f"{hub.url}/message?channel={channel}"
            await asyncio.gather(*(stack.enter_async_context(open_stream(url)) for _ in range(300)))
            held = connections_of(hub)

    assert held.total() == 300
    assert min(held.values()) > 300 / WORKERS / 10


async def test_sigterm_ends_all_workers_in_good_order(server: RedisServer, channel: str) -> None:
    with worker_hub(server.url) as hub:
        workers = workers_of(hub)
        async with streams_on_all(hub, channel) as streams:
            hub.process.terminate()
            await asyncio.gather(*(stream.rest() for stream in streams))
            await seconds_to_end(hub)

    assert hub.process.returncode == 0
    assert all(stream.ended_cleanly for stream in streams)
    assert all_gone(workers)


async def test_a_second_sigterm_ends_the_drain_of_all_workers(server: RedisServer, channel: str) -> None:
    with worker_hub(server.url, "--drain-seconds", "600") as hub:
        async with streams_on_all(hub, channel) as streams:
            hub.process.terminate()
            wait_until(lambda: hub.status("/health/ready") == 503, "it drains")
            hub.process.terminate()
            seconds = await seconds_to_end(hub)
            await asyncio.gather(*(stream.rest() for stream in streams))

    assert all(stream.ended_cleanly for stream in streams)
    assert seconds < 2.0 * PATIENCE


async def test_a_sigterm_sent_to_supervisor_and_workers_counts_once(server: RedisServer, channel: str) -> None:
    """As sent by systemd: each worker gets it, and another one from its supervisor."""
    with worker_hub(server.url, "--drain-seconds", "2") as hub:
        async with streams_on_all(hub, channel) as streams:
            for worker in workers_of(hub):
                worker.terminate()
            hub.process.terminate()
            seconds = await seconds_to_end(hub)
            await asyncio.gather(*(stream.rest() for stream in streams))

    assert all(stream.ended_cleanly for stream in streams)
    assert 1.0 < seconds < 3.0 * PATIENCE


async def test_a_second_ctrl_c_kills_all_workers(server: RedisServer, channel: str) -> None:
    with worker_hub(server.url, "--drain-seconds", "600") as hub:
        workers = workers_of(hub)
        async with streams_on_all(hub, channel):
            hub.process.send_signal(signal.SIGINT)
            wait_until(lambda: hub.status("/health/ready") == 503, "it drains")
            hub.process.send_signal(signal.SIGINT)
            seconds = await seconds_to_end(hub)
            await asyncio.to_thread(wait_until, lambda: all_gone(workers), "the workers are gone", 1.0 * PATIENCE)

    assert hub.process.returncode == 128 + signal.SIGINT
    assert seconds < 1.0 * PATIENCE


def test_ctrl_c_in_a_terminal_reaches_the_supervisor_only(server: RedisServer) -> None:
    with worker_hub(server.url) as hub:
        groups = {os.getpgid(each.pid) for each in workers_of(hub)}

    assert len(groups) == WORKERS
    assert os.getpgid(0) not in groups


def test_a_worker_that_does_not_end_in_time_is_killed(server: RedisServer) -> None:
    with worker_hub(server.url, "--drain-seconds", "0") as hub:
        workers = workers_of(hub)
        workers[0].suspend()
        hub.process.terminate()
        hub.process.wait(DEADLINE_SECONDS)

        assert f"worker_killed pid={workers[0].pid}" in hub.output
    assert all_gone(workers)


async def test_workers_and_embedded_redis_end_when_their_supervisor_is_killed(channel: str) -> None:
    with worker_hub(None) as hub:
        family = psutil.Process(hub.process.pid).children(recursive=True)
        assert len(family) > WORKERS
        async with streams_on_all(hub, channel) as streams:
            hub.process.kill()
            await asyncio.gather(*(stream.rest() for stream in streams))
            await asyncio.to_thread(wait_until, lambda: all_gone(family), "all are gone", 3.0 * PATIENCE)

    assert all(stream.ended_cleanly for stream in streams)


async def test_the_port_is_free_at_once_when_the_supervisor_is_killed(server: RedisServer, channel: str) -> None:
    """However long its workers drain: a service manager restarts the hub within a second."""
    with worker_hub(server.url, "--drain-seconds", "600") as hub:
        workers = workers_of(hub)
        async with streams_on_all(hub, channel):
            hub.process.kill()
            await asyncio.to_thread(wait_until, lambda: hub.status("/health/live") == 0, "nobody listens")
            with hub_process(server.url, port=hub.port):
                assert not all_gone(workers)
        await asyncio.to_thread(wait_until, lambda: all_gone(workers), "the workers are gone")


async def test_two_workers_with_a_demo_announce_themselves_once_and_soon_make_an_alert() -> None:
    with redis_server() as server, worker_hub(server.url, "--demo") as hub:
        async with streams_on_all(hub, "numbers") as streams:
            for stream in streams:
                await stream.take(1)
        with server.client() as client:

            def only_the_supervisor_publishes() -> bool:
                publishers = {each["addr"] for each in client.client_list() if each["cmd"] == "publish"}
                own = {f"127.0.0.1:{each.laddr.port}" for each in psutil.Process(hub.process.pid).net_connections()}
                return bool(publishers) and publishers <= own

            # It may dial again between both looks.
            wait_until(only_the_supervisor_publishes, "only the supervisor runs the demo")

        def payment_has_failed() -> bool:
            [rule] = [each for each in fetch(hub, "/rules").json["rules"] if each["id"] == "payment-failed"]
            return bool(rule["state"]["alerts"] > 0)

        wait_until(payment_has_failed, "the rules of the demo have made an alert")
        assert hub.output.count("is running") == 1


def test_all_workers_stop_when_the_embedded_redis_has_died() -> None:
    with worker_hub(None) as hub:
        family = psutil.Process(hub.process.pid).children(recursive=True)
        [server] = [each for each in family if "server" in each.name()]

        server.kill()

        wait_until(lambda: hub.process.poll() is not None, "the hub has stopped")
        assert hub.process.returncode == 1
        assert "embedded_redis_ended" in hub.output
        # Nobody waits for the reader of the shell that guards the server.
        wait_until(lambda: all_gone(family), "all are gone")


def test_what_the_workers_share_has_no_name_that_a_cleaner_of_tmp_could_remove(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with worker_hub(server.url) as hub:
        maps = Path(f"/proc/{workers_of(hub)[0].pid}/maps").read_text().splitlines()
        assert [line for line in maps if str(tmp_path) in line and line.endswith("(deleted)")]
        assert list(tmp_path.iterdir()) == []
        tmp_path.rmdir()

        assert kill_and_time(hub, workers_of(hub)[0].pid) < BACK_SECONDS

        wait_until(lambda: hub.output.count("worker_ready") == WORKERS + 1, "another worker serves")
        wait_until(lambda: len(workers_of(hub)) == WORKERS, "all are there")
