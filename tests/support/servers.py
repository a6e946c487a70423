"""
Real servers for tests: a Redis or Valkey, a hub process, started on free ports and always ended.

    redis_server() --> RedisServer(url, ...)      hub_process(redis.url) --> HubProcess(url, ...)
"""

import itertools
import json
import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sse_hub.broker.acl import account, hub_rules, publisher_rules
from tests.support.programs import clean_environ, redis_binary
from tests.support.settings import DEADLINE_SECONDS, ROOT, STOP_SECONDS
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)


HUB_USER, HUB_PASSWORD = "suite-hub", "suite-password"
PUBLISHER_USER, PUBLISHER_PASSWORD = "suite-publisher", "publisher-password"
# Every name that a test may publish on, and none of the hub's own (brackets are a choice in Redis patterns).
PUBLISHED = ("[^s{]*", "s", "s[^s]*", "sse-hub.*")


def _ports() -> Iterator[int]:
    # Below the kernel's range for outgoing connections: one of these could take the port of a server that is down for a
    # moment. For the same reason each parallel test process has its own range.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    first = 10_000 + 2_500 * (int(worker) % 8 if worker else 8)
    return itertools.cycle(random.sample(range(first, first + 2_500), 2_500))


_PORTS = _ports()


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago, and that is not returned again soon."""
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the iterator is endless")


def free_ports(count: int) -> int:
    """The first of `count` ports in a row on loopback that were free a moment ago."""
    while True:
        first = free_port()
        sockets = [socket.socket() for _ in range(count)]
        try:
            for at, each in enumerate(sockets):
                each.bind(("127.0.0.1", first + at))
            return first
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()


@dataclass
class RedisServer:
    """A Redis or Valkey process. Hubs and clients connect to `url`."""

    port: int
    process: subprocess.Popen[bytes]
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def client(self) -> redis.Redis:
        """A new blocking client that waits for a frozen server and never retries. The caller closes it."""
        return redis.Redis(host=self.host, port=self.port, socket_timeout=None, retry=Retry(NoBackoff(), 0))

    @property
    def publisher_url(self) -> str:
        """The URL for an account with the rights that `sse-hub redis-acl` gives to publishers."""
        return f"redis://{PUBLISHER_USER}:{PUBLISHER_PASSWORD}@{self.host}:{self.port}/0"

    def publisher(self) -> redis.Redis:
        """As client(), but it may only publish."""
        return redis.Redis.from_url(self.publisher_url, socket_timeout=None, retry=Retry(NoBackoff(), 0))

    def answers(self) -> bool:
        """True when the server replies to PING."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def freeze(self) -> None:
        """SIGSTOP: the TCP connections stay, nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(
    binary: Path | None = None,
    port: int | None = None,
    options: tuple[str, ...] = (),
    more_environ: Mapping[str, str] | None = None,
    accounts: bool = True,
) -> Iterator[RedisServer]:
    """
    A server without persistence in its own folder, ready when the block is entered, killed at its end.

    It has the suite's `accounts`, unless `options` define others.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="sse-hub-redis-") as folder:
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        # All hubs and publishers of the suite use accounts with exactly the rights that `sse-hub redis-acl` gives.
        if accounts:
            arguments += ("--" + account(HUB_USER, HUB_PASSWORD, hub_rules(["*"])).line).split()
            publisher = account(PUBLISHER_USER, PUBLISHER_PASSWORD, publisher_rules(PUBLISHED))
            arguments += ("--" + publisher.line).split()
        process = subprocess.Popen(
            [str(binary or redis_binary()), *arguments, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(more_environ or {})},
        )
        try:
            server = RedisServer(port, process)
            wait_until(server.answers, f"Redis on port {port} answers")
            yield server
        finally:
            process.kill()
            process.wait()


@dataclass
class HubProcess:
    """A hub in its own process. `output` is what it has printed."""

    port: int
    process: subprocess.Popen[bytes]
    output_file: Path
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def output(self) -> str:
        return self.output_file.read_text(errors="replace")

    def ready(self) -> bool:
        """True when /health/ready answers 200."""
        return self.status("/health/ready") == 200

    def status(self, path: str, timeout_seconds: float = 5) -> int:
        """The HTTP status of a GET, 0 if nobody answers in time."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout_seconds) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def state(self) -> dict[str, Any]:
        """The body of /health/ready, ready or not."""
        try:
            with urllib.request.urlopen(self.url + "/health/ready", timeout=DEADLINE_SECONDS) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error))

    def wait_recording(self) -> None:
        """Return when lines are recorded, by this hub or another one."""
        wait_until(lambda: bool(self.state()["recording"]), f"what the hub on port {self.port} gets is recorded")

    def resident_bytes(self) -> int:
        """The resident memory of the process, in bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def wait_ready(self) -> None:
        """Return when the hub is ready. AssertionError with its output if it is not ready in time or has exited."""

        def ready_or_dead() -> bool:
            assert self.process.poll() is None, f"the hub ended with {self.process.returncode}:\n{self.output}"
            return self.ready()

        wait_until(ready_or_dead, f"the hub on port {self.port} is ready")


@contextmanager
def hub_process(
    redis_url: str | None,
    *options: str,
    port: int | None = None,
    more_environ: Mapping[str, str] | None = None,
    ready: bool = True,
    root: Path = ROOT,
    host: str = "127.0.0.1",
    inside: Sequence[str] = (),
) -> Iterator[HubProcess]:
    """
    `python run.py` in the folder `root`, ready when the block is entered, stopped by SIGTERM.

    With `ready=False` it only answers by then. `inside` is the beginning of a command that runs another one elsewhere,
    such as in a network namespace, where it listens on `host`.

    AssertionError if it does not stop in time, or has logged an unexpected error.
    """
    if inside:
        options = (*options, "--host", host, "--access", "none")
    with _starting(
        redis_url, *options, port=port, more_environ=more_environ, root=root, host=host, inside=inside
    ) as hub:
        if ready:
            hub.wait_ready()
        else:
            wait_until(lambda: hub.status("/health/live") == 200, f"the hub on port {hub.port} answers")
        yield hub


@contextmanager
def hub_processes(count: int, redis_url: str, *options: str, root: Path = ROOT) -> Iterator[list[HubProcess]]:
    """`count` hubs started at the same time, all ready when the block is entered. Otherwise as hub_process()."""
    with ExitStack() as stack:
        hubs = [stack.enter_context(_starting(redis_url, *options, root=root)) for _ in range(count)]
        for hub in hubs:
            hub.wait_ready()
        yield hubs


@contextmanager
def _starting(
    redis_url: str | None,
    *options: str,
    port: int | None = None,
    more_environ: Mapping[str, str] | None = None,
    root: Path = ROOT,
    host: str = "127.0.0.1",
    inside: Sequence[str] = (),
) -> Iterator[HubProcess]:
    port = port or free_port()
    environ = clean_environ()
    environ |= more_environ or {}
    command = [*inside, sys.executable, str(root / "run.py"), "--port", str(port), *options]
    if redis_url:
        own_account = re.sub(r"^redis://127", f"redis://{HUB_USER}:{HUB_PASSWORD}@127", redis_url)
        command += ["--redis-url", own_account]
    with tempfile.NamedTemporaryFile(prefix="sse-hub-output-") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environ, cwd=root)
        hub = HubProcess(port, process, Path(output.name), host)
        try:
            yield hub
            end(hub)
            assert HUB_PASSWORD not in hub.output, "the hub has printed its password"
            assert "Traceback" not in hub.output, "the hub has logged an unexpected error"
        except BaseException:
            # pytest shows the log of a failed test.
            logger.error("the hub on port %d said:\n%s", port, hub.output)
            raise
        finally:
            process.kill()
            process.wait()


def end(hub: HubProcess) -> None:
    """SIGTERM. AssertionError with the hub's output if it still runs after STOP_SECONDS."""
    hub.process.terminate()
    try:
        hub.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"the hub did not stop in {STOP_SECONDS:.0f} s:\n{hub.output}") from None
