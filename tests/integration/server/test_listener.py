"""What a hub listens on, beside a port: a Unix socket, and a socket that a service manager has passed."""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import clean_environ
from tests.support.servers import HUB_PASSWORD, HUB_USER, RedisServer
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.waiting import wait_until

# Passes a listening socket, as systemd does: descriptor 3, and the id of the process that shall take it.
PASSING = """
import os, socket, sys
kind, where, *command = sys.argv[1:]
passed = socket.socket(socket.AF_UNIX) if kind == "unix" else socket.socket()
passed.bind(where if kind == "unix" else ("127.0.0.1", int(where)))
if kind != "deaf":
    passed.listen()
print(passed.getsockname(), flush=True)
os.dup2(passed.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2" if kind == "two" else "1"}
os.execv(sys.executable, [sys.executable, *command])
"""


@contextmanager
def hub_on(server: RedisServer, *words: str, status: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A Python program with `words`, which runs a hub. AssertionError if it ends with another status."""
    url = server.url.replace("://", f"://{HUB_USER}:{HUB_PASSWORD}@")
    environ = clean_environ() | {"REDIS_URL": url}
    hub = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield hub
        hub.terminate()
        assert hub.wait(DEADLINE_SECONDS) == status
    finally:
        hub.kill()
        hub.communicate()


def fetch_over(path: Path, target: str, *options: str) -> str:
    """The body of a GET over the Unix socket `path`; empty if nobody answers with 200."""
    command = ["curl", "-sf", "-m", "5", *options, "--unix-socket", str(path), f"http://localhost{target}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def wait_ready(path: Path) -> None:
    wait_until(lambda: '"ready":true' in fetch_over(path, "/health/ready"), f"a hub is ready on {path}")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hub_listens_on_a_unix_socket_for_its_owner_and_group(
    server: RedisServer, tmp_path: Path, workers: str
) -> None:
    """G3. --access is not needed: nobody on another machine reaches it."""
    path = tmp_path / "hub.sock"
    with hub_on(server, "run.py", "--host", f"unix:{path}", "--workers", workers):
        wait_ready(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with server.client() as client:
            client.publish("sockets", "hello")
        wait_until(lambda: "hello" in fetch_over(path, "/history?channel=sockets"), "the line is recorded")
        stream = [
            "curl",
            "-sN",
            "-m",
            "1",
            "--unix-socket",
            str(path),
            "http://localhost/message?channel=sockets&tail=1",
        ]
        assert '{"info":"hello"}' in subprocess.run(stream, capture_output=True, text=True, check=False).stdout

    assert not path.exists()


def test_a_hub_takes_over_the_unix_socket_of_one_that_was_killed(server: RedisServer, tmp_path: Path) -> None:
    """G3."""
    path = tmp_path / "hub.sock"
    words = ("run.py", "--host", f"unix:{path}")
    with hub_on(server, *words, status=-9) as first:
        wait_ready(path)
        first.kill()
        first.wait()
    assert path.is_socket()

    with hub_on(server, *words):
        wait_ready(path)
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=clean_environ(), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (
            1,
            f"Error: The server can't listen on unix:{path}: another process listens there.\n",
        )
        wait_ready(path)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("unix:hub.sock", "must have an absolute path: unix:/run/sse-hub/hub.sock"),
        ("unix:", "must have an absolute path"),
        ("unix:{folder}/file", "there is another file of that name"),
        ("unix:{folder}/missing/hub.sock", "No such file or directory"),
        ("unix:{folder}/" + "long" * 30, "AF_UNIX path too long"),
        ("h" * 300, "can't listen on"),
    ],
)
def test_a_path_or_host_that_nobody_can_listen_on_is_refused_with_the_reason(
    tmp_path: Path, host: str, said: str
) -> None:
    """G3, R13."""
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "run.py", "--host", host.format(folder=tmp_path)],
        cwd=ROOT, env=clean_environ(), capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS,
    )  # fmt: skip

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "file").is_file()


def test_a_proxy_on_the_unix_socket_is_trusted_as_this_machine(server: RedisServer, tmp_path: Path) -> None:
    """G3."""
    path = tmp_path / "hub.sock"
    access = ("--access", "proxy", "--proxy-peers", "127.0.0.1")
    with hub_on(server, "run.py", "--host", f"unix:{path}", *access):
        wait_until(lambda: "live" in fetch_over(path, "/health/live"), "it answers")
        assert json.loads(fetch_over(path, "/whoami", "-H", "Remote-User: alice"))["subject"] == "alice"
        assert fetch_over(path, "/whoami") == ""


@pytest.mark.parametrize(("kind", "workers"), [("tcp", "1"), ("unix", "2")])
def test_a_hub_takes_the_socket_that_a_service_manager_passes(
    server: RedisServer, tmp_path: Path, kind: str, workers: str
) -> None:
    """G3: socket activation. The manager keeps the socket, so its file stays."""
    path = tmp_path / "hub.sock"
    where = str(path) if kind == "unix" else "0"
    with hub_on(server, "-c", PASSING, kind, where, "run.py", "--port", "1", "--workers", workers) as hub:
        assert hub.stdout
        address = hub.stdout.readline().strip()
        if kind == "unix":
            wait_ready(path)
        else:
            port = int(address.strip("()").split(",")[1])
            url = f"http://127.0.0.1:{port}/health/ready"
            get = ["curl", "-sf", "-m", "5", url]
            wait_until(lambda: subprocess.run(get, capture_output=True, check=False).returncode == 0, "it is ready")

    assert path.exists() == (kind == "unix")


@pytest.mark.parametrize(
    ("kind", "said"), [("two", "a hub listens on exactly one socket"), ("deaf", "must be a stream that listens")]
)
def test_a_passed_socket_that_can_not_be_listened_on_is_refused(server: RedisServer, kind: str, said: str) -> None:
    """G3."""
    with hub_on(server, "-c", PASSING, kind, "0", "run.py", status=1) as hub:
        assert hub.stdout
        assert said in hub.stdout.read()


def test_descriptors_passed_to_another_process_are_left_alone(server: RedisServer, tmp_path: Path) -> None:
    """G3: a wrapper may have forgotten to remove LISTEN_FDS."""
    path = tmp_path / "hub.sock"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        environ = f"import os; os.environ |= {{'LISTEN_PID': '{os.getpid()}', 'LISTEN_FDS': '1'}}; "
        run = f"import sys; sys.argv = ['run.py', '--host', 'unix:{path}']; import runpy; "
        with hub_on(server, "-c", environ + run + "runpy.run_path('run.py', run_name='__main__')"):
            wait_ready(path)
