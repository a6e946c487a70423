"""A hub and other commands that are started without standard streams, as some supervisors and scripts do."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import clean_environ
from tests.support.servers import HUB_PASSWORD, HUB_USER, HubProcess, RedisServer, free_port
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

ALL_CLOSED = "<&- >&- 2>&-"


def without_streams(closed: str, *words: str, redis_url: str) -> subprocess.Popen[bytes]:
    """Python with `words`, started by a shell with the redirections `closed`."""
    command = ["/bin/sh", "-c", f'exec "$0" "$@" {closed}', sys.executable, *words]
    return subprocess.Popen(command, cwd=ROOT, env=clean_environ() | {"REDIS_URL": redis_url})


def answers(port: int) -> bool:
    url = f"http://127.0.0.1:{port}/health/ready"
    return subprocess.run(["curl", "-sf", "-o", "/dev/null", url], check=False).returncode == 0


@pytest.mark.parametrize(("closed", "workers"), [("<&-", 1), (">&-", 1), (ALL_CLOSED, 1), ("<&-", 2)])
async def test_a_hub_started_without_standard_streams_serves_and_drains(
    server: RedisServer, closed: str, workers: int
) -> None:
    """R8: libuv aborted the process, at the latest when it stopped, and every worker."""
    port = free_port()
    url = server.url.replace("://", f"://{HUB_USER}:{HUB_PASSWORD}@")
    hub = without_streams(closed, "run.py", "--port", str(port), "--workers", str(workers), redis_url=url)
    try:
        wait_until(lambda: answers(port), "the hub is ready")
        async with open_stream(f"http://127.0.0.1:{port}/message?channel=closed") as stream:
            with server.client() as client:
                client.publish("closed", "hello")
            await stream.take(1)
            hub.terminate()
            await stream.rest()
        wait_until(lambda: hub.poll() is not None, "the hub has stopped")
    finally:
        hub.kill()
        hub.wait()

    assert hub.returncode == 0
    assert stream.ended_cleanly


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["publish", "closed"], 0),
        (["publish", "closed", "a line"], 0),
        (["ship", "--once", "--from-start", "--registry", "{folder}/ship.json", "{folder}/app.log"], 0),
        (["check"], 0),
        (["redis-acl", "--publish", "app.*"], 0),
        (["token", "key", "{folder}/keys.json"], 0),
        (["canary", "--seconds", "0.1", "--url", "http://127.0.0.1:1"], 1),
        (["top", "--once", "--url", "http://127.0.0.1:1"], 1),
        (["watch", "log", "--url", "nonsense"], 2),
    ],
)
def test_a_command_started_without_standard_streams_ends_with_its_usual_status(
    server: RedisServer, hub: HubProcess, tmp_path: Path, words: list[str], status: int
) -> None:
    """R8."""
    (tmp_path / "app.log").write_text("a line\n")
    command = [each.format(folder=tmp_path) for each in words]
    run = without_streams(ALL_CLOSED, "-m", "sse_hub.cli", *command, redis_url=server.url)

    assert run.wait(DEADLINE_SECONDS) == status
