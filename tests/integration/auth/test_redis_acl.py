"""`sse-hub redis-acl`, over TLS: its accounts have exactly the rights they need, and no password is ever shown."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import redis

from tests.support.certificates import make_certificates
from tests.support.http_client import fetch, post
from tests.support.load import Publisher
from tests.support.servers import HubProcess, free_port, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

CHANNEL = "app.log"


class Accounts(NamedTuple):
    """The URL of a server for each of its accounts."""

    hub: str
    publisher: str


class Deployed(NamedTuple):
    """A hub connected over TLS, the accounts of its Redis, and the server's TLS files."""

    hub: HubProcess
    accounts: Accounts
    folder: Path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sse_hub.cli", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    made = run("redis-acl", "--ingest", "app.*", "--aclfile")
    assert made.returncode == 0, made.stderr
    (folder / "users.acl").write_text(made.stdout + "user default on nopass allcommands allkeys allchannels\n")
    make_certificates(folder)
    port = free_port()
    files = {"cert": "server.crt", "key": "server.key", "ca-cert": "ca.crt"}
    options = [f"--tls-{name}-file {folder / file}" for name, file in files.items()]
    words = " ".join((*options, f"--tls-port {port} --aclfile {folder / 'users.acl'}")).split()
    with redis_server(options=tuple(words), accounts=False):
        told = re.findall(r"redis://\S+", made.stderr)
        files = {"ca_certs": "ca.crt", "certfile": "server.crt", "keyfile": "server.key"}
        rest = "?" + "&".join(f"ssl_{name}={folder / file}" for name, file in files.items())
        urls = [url.replace("redis://", "rediss://").replace("HOST:6379", f"127.0.0.1:{port}") + rest for url in told]
        with hub_process(urls[0], "--ingest", "app.*") as hub:
            hub.wait_recording()
            yield Deployed(hub, Accounts(*urls), folder)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("tls")) as deployment:
        yield deployment


async def test_hub_and_publisher_accounts_have_all_rights_they_need_over_tls(deployment: Deployed) -> None:
    hub, accounts, _ = deployment
    async with open_stream(f"{hub.url}/message?channel={CHANNEL}") as stream:
        with redis.Redis.from_url(accounts.publisher) as publisher:
            publisher.publish(CHANNEL, '{"n": 1}')
        [event] = await stream.take(1)

        assert event.json == {"n": 1}
    assert post(hub, CHANNEL, b'{"n": 2}').status == 200
    lines = fetch(hub, f"/history?channel={CHANNEL}").json["lines"]
    assert [line for _, _, line, _ in lines] == ['{"n": 1}', '{"n": 2}']


@pytest.mark.parametrize("command", ["FLUSHALL", "CONFIG GET *", "KEYS *", "ACL LIST", "GET other", "SUBSCRIBE secret"])
def test_hub_and_publisher_accounts_have_no_rights_they_do_not_need(deployment: Deployed, command: str) -> None:
    for url in deployment.accounts:
        with redis.Redis.from_url(url) as client, pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command.split())


@pytest.mark.parametrize(
    "command", ["PUBLISH sse-hub:fence 9", "PUBLISH other 9", "SUBSCRIBE app.log", "GET sse-hub:clock"]
)
def test_a_publisher_account_can_neither_read_lines_nor_forge_fences(deployment: Deployed, command: str) -> None:
    with (
        redis.Redis.from_url(deployment.accounts.publisher) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*command.split())


def test_a_redis_with_an_untrusted_certificate_is_refused(deployment: Deployed) -> None:
    url = re.sub(r"ssl_ca_certs=[^&]*&", "", deployment.accounts.hub)

    checked = run("check", "--redis-url", url, "--ingest", "app.*")

    assert checked.returncode == 1
    assert "certificate verify failed" in checked.stdout


def test_log_health_and_errors_never_show_a_password(deployment: Deployed) -> None:
    hub, accounts, _ = deployment
    password = accounts.hub.split(":")[2].split("@")[0]
    said = [hub.output, fetch(hub, "/health/ready").body.decode(), fetch(hub, "/metrics").body.decode()]
    with hub_process(accounts.hub.replace(password, password + "x"), ready=False) as wrong:
        wait_until(lambda: "redis_unreachable" in wrong.output, "the wrong password is refused")
        said += [wrong.output, fetch(wrong, "/health/ready").body.decode()]

    assert not any(password in each for each in said)


def test_the_check_finds_redis_with_acl_and_tls_in_order(deployment: Deployed) -> None:
    hub, accounts, _ = deployment

    checked = run("check", "--redis-url", accounts.hub, "--ingest", "app.*", "--url", hub.url, "--channel", "app.check")

    assert checked.returncode == 0, checked.stdout
    found = {line[5:23].strip(): line[:4].strip() for line in checked.stdout.splitlines()}
    for what in ("redis", "rights: fences", "rights: channels", "rights: log", "clock", "hub", "stream", "buffering"):
        assert found[what] == "ok", checked.stdout
    assert found["resume"] == "ok"
    # The account may ask for the version, and may not read this setting.
    assert found["redis version"] in ("ok", "warn")
    assert found["output buffer"] == "?"


async def test_the_test_suite_publishes_with_the_rights_of_a_publisher() -> None:
    """On a server where no other account may publish."""
    with redis_server() as server, hub_process(server.url) as hub:
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "default", "-publish")
        async with open_stream(f"{hub.url}/message?channel={CHANNEL}") as stream:
            publisher = Publisher(server, [CHANNEL], 1, "only", "")
            await asyncio.to_thread(publisher.publish, 10)
            assert len(await stream.take(10)) == 10
        sent = run("publish", CHANNEL, "a line", "--redis-url", server.publisher_url)
        with server.publisher() as client:
            for command in ("PUBLISH sse-hub:fence 9", "GET sse-hub:clock", "SUBSCRIBE a", "ACL WHOAMI"):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(*command.split())

    assert sent.returncode == 0, sent.stderr


def test_redis_acl_refuses_publisher_accounts_that_could_forge_fences() -> None:
    made = run("redis-acl")

    assert made.returncode == 2
    assert "--publish" in made.stderr
