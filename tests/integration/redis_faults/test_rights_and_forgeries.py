"""Missing rights, a wrong password, a full Redis, forged fences and clocks, and races at start and join."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis.asyncio
import uvloop
from redis.exceptions import RedisError

from sse_hub.broker.connect import publisher_client
from sse_hub.broker.keys import Partition
from tests.support.http_client import fetch, post
from tests.support.redis_rights import LIVE_RIGHTS, LOG_RIGHTS
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

MANUAL = (ROOT / "docs" / "operations.md").read_text()


def publish(server: RedisServer, channel: str, n: int) -> None:
    with server.client() as client:
        client.publish(channel, json.dumps({"n": n}))


async def next_number(hub: HubProcess, server: RedisServer, channel: str = "app.log") -> int:
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        publish(server, channel, 7)
        [event] = await stream.take(1)
        return int(event.json["n"])


@contextmanager
def restricted_hub(rights: str) -> Iterator[tuple[RedisServer, HubProcess]]:
    """A hub whose account has only `rights`."""
    with redis_server() as server:
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "hub", "on", ">secret", *rights.split())
        with hub_process(f"redis://hub:secret@127.0.0.1:{server.port}/0", "--ingest", "app.*") as hub:
            yield server, hub
            assert "secret" not in hub.output


async def test_the_hub_rights_in_the_operations_manual_are_enough() -> None:
    with restricted_hub(f"{LIVE_RIGHTS} {LOG_RIGHTS}") as (server, hub):
        hub.wait_recording()
        assert await next_number(hub, server) == 7
        first, again = (post(hub, "app.log", b'{"n": 8}', Idempotency_Key="key") for _ in "ab")
        page = fetch(hub, "/history?channel=app.*").json
        exported = [json.loads(line).get("n") for line in fetch(hub, "/export?channel=app.log").body.splitlines()]
        assert exported[-2:] == [7, 8]
        async with open_stream(f"{hub.url}/message?channel=app.log&since={page['lines'][0][0]}") as stream:
            [event] = await stream.take(1)
        assert hub.state()["recording_error"] is None
        with server.client() as client:
            denied = {entry["object"] for entry in client.acl_log()}

    # redis-py tries to set its name and version for CLIENT LIST, which may be refused.
    assert denied <= {"client|setinfo", "client"}
    assert (first.status, again.json) == (200, first.json)
    assert [json.loads(line)["n"] for _, _, line, _ in page["lines"]] == [7, 8]
    assert event.json == {"n": 8}
    for right in (*LIVE_RIGHTS.split(), *LOG_RIGHTS.split()):
        assert right in MANUAL, f"the manual does not name {right}"


async def test_lines_are_served_live_without_the_rights_to_record() -> None:
    with restricted_hub(LIVE_RIGHTS) as (server, hub):
        assert await next_number(hub, server) == 7
        assert hub.state()["recording"] is False
        assert "can't run this command" in hub.state()["recording_error"]
        history, published = fetch(hub, "/history?channel=app.log"), post(hub, "app.log", b"{}")

    assert (history.status, published.status) == (503, 503)
    assert published.json["published"] == 0
    assert "No hub has recorded" in published.json["detail"]


def test_a_wrong_redis_password_is_reported_as_such(server: RedisServer) -> None:
    port = free_port()
    command = [sys.executable, str(ROOT / "run.py"), "--port", str(port)]
    command += ["--redis-url", f"redis://hub:wrong@127.0.0.1:{server.port}/0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout
        for line in process.stdout:
            if "redis_unreachable" in line:
                assert "WRONGPASS" in line
                assert "hub:wrong" not in line
                break
        else:
            pytest.fail("the hub ended")
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_SECONDS)


async def test_a_full_redis_still_issues_fences() -> None:
    full = ("--maxmemory", "1mb", "--maxmemory-policy", "noeviction")
    with redis_server(options=full) as server, hub_process(server.url) as hub:
        with pytest.raises(redis.ResponseError, match="maxmemory"), server.client() as client:
            client.set("x", "y" * 100_000)
        assert await next_number(hub, server) == 7
        fences = await fences_of(hub, 3)

    assert fences == sorted(set(fences))


async def fences_of(hub: HubProcess, count: int) -> list[int]:
    fences = []
    for _ in range(count):
        async with open_stream(f"{hub.url}/message?channel=log") as stream:
            fences.append(int(stream.last_event_id.split("-")[0]))
    return fences


@pytest.mark.parametrize("forged", ["9999999999999999", "99999999999999", "1", "-5", "text", "", "moved"])
async def test_a_forged_fence_changes_nothing(server: RedisServer, hub: HubProcess, channel: str, forged: str) -> None:
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        publish(server, channel, 1)
        with server.client() as client:
            client.publish("sse-hub:fence", forged)
        publish(server, channel, 2)
        first, second = await stream.take(2)
    later = await fences_of(hub, 1)

    assert first.id.split("-")[0] <= second.id.split("-")[0] < "2"
    assert later[0] < time.time() * 1000 + 60_000


def test_a_command_on_a_lost_connection_raises_a_redis_error_on_uvloop(server: RedisServer) -> None:
    """uvloop raises a RuntimeError there, which would end the recorder, and the hub with it."""

    async def lose_and_ask() -> None:
        client = publisher_client(server.url, Partition())
        connection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()
        connection._writer.transport.abort()
        await asyncio.sleep(0)
        with pytest.raises(RedisError):
            await connection.send_command("PING")

    uvloop.run(lose_and_ask())


async def test_a_forged_clock_in_redis_is_not_believed() -> None:
    with redis_server() as server:
        with server.client() as client:
            client.set("sse-hub:clock", "9999999999999999")
        with hub_process(server.url) as hub:
            assert await next_number(hub, server) == 7
            assert (await fences_of(hub, 1))[0] < time.time() * 1000 + 60_000


async def test_a_client_that_leaves_while_subscribing_does_not_unsubscribe_others() -> None:
    """Two clients join a channel outside ingest while Redis is frozen; one gives up, the other is served after it."""
    with redis_server() as server, hub_process(server.url, "--ingest", "none") as hub:
        server.freeze()
        path = f"{hub.url}/message?channel=app.log"
        impatient = asyncio.create_task(first_frame(path))
        patient = asyncio.create_task(first_frame(path))
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        server.thaw()
        assert await patient == 200
        await asyncio.to_thread(wait_until, hub.ready, "ready")
        assert await next_number(hub, server) == 7


async def first_frame(url: str) -> int:
    async with open_stream(url) as stream:
        return stream.status


def test_of_two_hubs_started_on_one_port_one_runs_and_one_fails(server: RedisServer) -> None:
    command = [sys.executable, str(ROOT / "run.py"), "--port", str(free_port()), "--redis-url", server.url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in "ab"]
    try:
        wait_until(lambda: any(process.poll() is not None for process in processes), "one has given up")
        [loser] = [process for process in processes if process.poll() is not None]
        assert loser.returncode == 1
        assert "Choose another port" in loser.communicate()[0]
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=DEADLINE_SECONDS)
