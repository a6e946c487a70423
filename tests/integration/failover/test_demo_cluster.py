"""`make demo-cluster` starts servers, says what to try, notices what was done to them, and leaves nothing behind."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis

from tests.support.servers import free_port, free_ports
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.waiting import wait_until


@pytest.mark.parametrize(("kind", "ordering"), [("cluster", "anchor"), ("sentinel", "primary")])
def test_what_the_demo_says_to_try_works(tmp_path: Path, kind: str, ordering: str) -> None:
    output = tmp_path / "output"
    ports = ["--port", str(free_ports(2)), "--redis-port", str(free_ports(6))]
    command = [sys.executable, "-m", "tests.support.demo_cluster", kind, *ports]
    with output.open("wb") as file:
        demo = subprocess.Popen(command, stdout=file, stderr=file, cwd=ROOT)
    try:
        wait_until(lambda: "Ctrl-C ends all" in output.read_text(), "it says what to try")
        text = output.read_text()
        servers = dict(re.findall(r"port (\d+)  pid (\d+)", text))
        first = re.findall(rf"The {ordering} orders the lines. It is at port (\d+)", text)[0]
        assert len(servers) == 6
        _, port, *words = re.findall(r"redis-cli (-p) (\d+) (.*?)    a planned failover", text)[0]
        with redis.Redis(port=int(port)) as client:
            client.execute_command(*words[0].split())
        wait_until(lambda: f"The {ordering} is at port" in output.read_text(), "a planned failover is noticed")
        assert f"The {ordering} is at port {first} now" not in output.read_text()
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(DEADLINE_SECONDS)
    assert demo.returncode == 0, output.read_text()
    assert not [pid for pid in servers.values() if psutil.pid_exists(int(pid))]


def test_the_demo_says_which_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "tests.support.demo_cluster", "--redis-port", str(port), "--port", "1"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)

    assert done.returncode == 1
    assert "is taken: choose others with ARGS='--port" in done.stderr
