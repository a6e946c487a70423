"""A Redis that forbids, refuses, is full, or is lied to."""

import asyncio
import json
import subprocess
import sys
import time

import pytest
import redis

from tests.rig import DEADLINE_SECONDS, ROOT, HubProcess, RedisServer, free_port, hub_process, redis_server, wait_until
from tests.sse import open_stream

# What docs/operations.md says a hub needs, for channels that begin with "app.".
RIGHTS = (
    "+subscribe +psubscribe +unsubscribe +evalsha +script|load +time +get +set +publish "
    "+client|setname ~sse-hub:clock resetchannels &sse-hub:fence &app.*"
)


def publish(server: RedisServer, channel: str, n: int) -> None:
    with server.client() as client:
        client.publish(channel, json.dumps({"n": n}))


async def next_number(hub: HubProcess, server: RedisServer, channel: str = "app.log") -> int:
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        publish(server, channel, 7)
        [event] = await stream.take(1)
        return int(event.json["n"])


async def test_the_rights_in_the_operations_manual_are_enough() -> None:
    with redis_server() as server:
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "hub", "on", ">secret", *RIGHTS.split())
        with hub_process(f"redis://hub:secret@127.0.0.1:{server.port}/0", "--ingest", "app.*") as hub:
            assert await next_number(hub, server) == 7
            assert "secret" not in hub.output


def test_a_wrong_password_is_named_as_what_it_is(server: RedisServer) -> None:
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


async def test_a_redis_whose_memory_is_full_still_gives_fences() -> None:
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


@pytest.mark.parametrize("forged", ["9999999999999999", "99999999999999", "1", "-5", "text", ""])
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


async def test_a_forged_clock_is_not_believed() -> None:
    with redis_server() as server:
        with server.client() as client:
            client.set("sse-hub:clock", "9999999999999999")
        with hub_process(server.url) as hub:
            assert await next_number(hub, server) == 7
            assert (await fences_of(hub, 1))[0] < time.time() * 1000 + 60_000


async def test_one_who_goes_while_a_channel_is_subscribed_takes_it_from_nobody() -> None:
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


def test_two_hubs_that_start_at_once_on_one_port_are_one_hub_and_one_error(server: RedisServer) -> None:
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
