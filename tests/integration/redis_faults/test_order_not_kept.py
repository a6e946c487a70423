"""T16: a server that does not keep the order of lines is refused; one that does never is, under load too."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis.asyncio import ConnectionPool
from redis.exceptions import NoPermissionError

from sse_hub.broker.keys import CLUSTER_PREFIX, PREFIX, Partition
from sse_hub.broker.order_probe import OrderMeasurement, measure_order
from sse_hub.broker.order_watch import MAX_MEASUREMENTS
from sse_hub.commands.check.redis import PROBED_LINES
from tests.support.http_client import fetch, post
from tests.support.metrics import scrape
from tests.support.programs import redis_binary, valkey_binary
from tests.support.redis_rights import LIVE_RIGHTS, LOG_RIGHTS
from tests.support.reordering_proxy import Push, Reorder, between_channels, between_sessions, losing, reordering_proxy
from tests.support.servers import RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

FAULTS = (between_channels, between_sessions, losing)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis of the test's own: it is frozen, and what is subscribed and listed there is counted."""
    with redis_server() as server:
        yield server


async def measured(port: int, lines: int = PROBED_LINES, prefix: str = PREFIX) -> OrderMeasurement:
    pool = ConnectionPool(host="127.0.0.1", port=port)
    return await measure_order(pool.make_connection, Partition(prefix), lines, DEADLINE_SECONDS)


@contextmanager
def load(server: RedisServer) -> Iterator[None]:
    """Lines on many channels as fast as two connections publish them, until the end of the block."""
    stopping = threading.Event()

    def publish() -> None:
        with server.publisher() as client:
            while not stopping.is_set():
                pipeline = client.pipeline(transaction=False)
                for number in range(200):
                    pipeline.publish(f"load.{number % 50}", "a line")
                pipeline.execute()

    publishers = [threading.Thread(target=publish) for _ in range(2)]
    for each in publishers:
        each.start()
    try:
        yield
    finally:
        stopping.set()
        for each in publishers:
            each.join()


@pytest.mark.parametrize("binary", [redis_binary(), valkey_binary()], ids=["redis", "valkey"])
async def test_redis_and_valkey_keep_the_order_under_load_too(binary: Path) -> None:
    with redis_server(binary) as server:
        calm = [await measured(server.port, prefix=prefix) for prefix in (PREFIX, CLUSTER_PREFIX)]
        with load(server):
            busy = [await measured(server.port) for _ in range(at_scale(5, 200))]

        with server.client() as client:
            # In a thread: this loop has to close them.
            await asyncio.to_thread(wait_until, lambda: len(client.client_list()) == 1, "no connection is left")
    assert {(each.different, each.lost) for each in (*calm, *busy)} == {(0, 0)}
    assert all(each.lines >= PROBED_LINES for each in (*calm, *busy))


async def test_hubs_that_probe_a_server_at_the_same_time_do_not_disturb_each_other(server: RedisServer) -> None:
    found = await asyncio.gather(*(measured(server.port, 400) for _ in range(8)))

    assert all(each.kept for each in found)


@pytest.mark.parametrize("reorder", FAULTS)
async def test_a_server_that_keeps_no_order_is_found(server: RedisServer, reorder: Reorder) -> None:
    with reordering_proxy(server.port, reorder) as port:
        found = await measured(port)

    assert not found.kept
    assert found.different
    assert bool(found.lost) == (reorder is losing)


async def test_a_probe_is_not_taken_for_lines_that_nobody_serves(server: RedisServer) -> None:
    with hub_process(server.url) as hub:
        assert (await measured(server.port)).kept
        assert (await measured(server.port, prefix=CLUSTER_PREFIX)).kept
        async with open_stream(f"{hub.url}/message?channel=*") as stream:
            post(hub, "app.log", b'{"n": 1}')
            [event] = await stream.take(1)
        unserved = scrape(hub).get("sse_hub_unserved_lines_total")
        listed = [channel["name"] for channel in fetch(hub, "/channels").json["channels"]]
        assert "channel_not_served" not in hub.output

    assert event.json["n"] == 1
    assert unserved == 0
    assert listed == ["app.log"]


async def test_a_frozen_server_is_not_accused(server: RedisServer) -> None:
    server.freeze()
    try:
        pool = ConnectionPool(host="127.0.0.1", port=server.port)
        with pytest.raises(TimeoutError):
            await measure_order(pool.make_connection, Partition(), 400, 0.5)
    finally:
        server.thaw()


async def test_an_account_without_the_channels_of_the_probe_says_so(server: RedisServer) -> None:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "older", "on", ">secret", "allcommands", "resetchannels", "&app.*")
    pool = ConnectionPool(host="127.0.0.1", port=server.port, username="older", password="secret")

    with pytest.raises(NoPermissionError):
        await measure_order(pool.make_connection, Partition(), 400)


@pytest.mark.parametrize("reorder", FAULTS)
async def test_a_hub_refuses_a_server_that_keeps_no_order(server: RedisServer, reorder: Reorder) -> None:
    with reordering_proxy(server.port, reorder) as port, hub_process(f"redis://127.0.0.1:{port}/0") as hub:
        wait_until(lambda: "order_not_kept" in hub.output, "the hub has found out")
        wait_until(lambda: not hub.ready(), "the hub is not ready")
        state = hub.state()
        async with open_stream(f"{hub.url}/message?channel=app.log") as stream:
            assert (stream.status, await stream.rest()) == (200, [])
        published = post(hub, "app.log", b"{}")
        again, output = hub.state(), hub.output

    assert not state["ready"]
    assert "does not keep the order of lines" in state["error"]
    assert "use a Redis or Valkey" in state["error"]
    assert published.status == 503
    assert not again["ready"]
    # No other session was opened.
    assert output.count("session_started") == output.count("session_ended") == 1
    assert "task_died" not in output


def test_one_measurement_does_not_convict_a_server(server: RedisServer) -> None:
    """Its connections may have led to two servers, while another one was promoted."""
    mixing = threading.Event()
    mixing.set()

    def at_first(pushes: list[Push], chance: random.Random) -> list[Push]:
        return between_channels(pushes, chance) if mixing.is_set() else pushes

    with (
        reordering_proxy(server.port, at_first) as port,
        hub_process(f"redis://127.0.0.1:{port}/0") as hub,
        server.client() as client,
    ):
        wait_until(lambda: subscribers(client) == 1 + 2, "the first probe is made")
        wait_until(lambda: subscribed(client) == 1, "it is over")
        mixing.clear()
        wait_until(lambda: subscribers(client) == 1 + 2 * MAX_MEASUREMENTS, "it was repeated")
        wait_until(lambda: subscribed(client) == 1, "the last one is over")
        assert hub.ready()
        assert "order_" not in hub.output


def test_a_hub_probes_a_server_once(server: RedisServer) -> None:
    """Sessions that are cut are replaced on the same server, which needs no other probe."""
    with hub_process(server.url) as hub:
        with server.client() as client:
            wait_until(lambda: subscribers(client) == 1 + 2, "the probe is made")
            wait_until(lambda: subscribed(client) == 1, "the probe is over")
            client.client_kill_filter(_type="pubsub")
            wait_until(lambda: hub.output.count("session_started") == 2, "a new session")
            wait_until(hub.ready, "ready")
            assert subscribers(client) == 1 + 2 + 1
        assert "order_" not in hub.output


def subscribers(client: redis.Redis) -> int:
    """How many have subscribed to a pattern so far: each session, and two for each probe."""
    return int(client.info("commandstats").get("cmdstat_psubscribe", {"calls": 0})["calls"])


def subscribed(client: redis.Redis) -> int:
    """How many are subscribed to a pattern now."""
    return sum(each["psub"] == "1" for each in client.client_list())


def test_a_hub_with_an_older_account_works_and_says_that_it_could_not_measure(server: RedisServer) -> None:
    rights = f"{LIVE_RIGHTS} {LOG_RIGHTS}".replace("&sse-hub:probe:*", "")
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "older", "on", ">secret", *rights.split())
    with hub_process(f"redis://older:secret@127.0.0.1:{server.port}/0", "--ingest", "app.*") as hub:
        wait_until(lambda: "order_not_measured" in hub.output, "it says so")
        hub.wait_recording()
        assert post(hub, "app.log", b"{}").status == 200
        assert (hub.ready(), hub.state()["error"]) == (True, None)
