"""
The peers, each set up as its documentation recommends: one process, default settings, no request logs.

    installs --> peer_servers(cache) --> a Server for each; one that can't be installed says why
"""

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.errors import PeerUnavailable
from bench.peers.installs import install_nchan, install_node_packages, install_python
from bench.servers import CHANNEL, RunningServer, Server, redis_publisher_options, redis_server_binary
from tests.support.servers import free_port, redis_server
from tests.support.waiting import wait_until

FOLDER = Path(__file__).parent
PATH = f"/message?channel={CHANNEL}"
PUBLISH_PATH = f"/publish?channel={CHANNEL}"
STOP_SECONDS = 5
# Requests in flight to Nchan. More of them add latency, but no throughput.
HTTP_WINDOW = 16

MakeServer = Callable[[Path], Server]


def peer_servers(cache: Path, keys: Collection[str]) -> list[Server]:
    """Return the peers in `keys`, after installing missing software into `cache`."""
    return [_make_or_explain(key, title, make, cache) for key, (title, make) in PEERS.items() if key in keys]


def _make_or_explain(key: str, title: str, make: MakeServer, cache: Path) -> Server:
    try:
        return make(cache)
    except PeerUnavailable as error:
        return Server(key, title, "", _refuse_start, str(error))


def _refuse_start(batch: bool) -> AbstractContextManager[RunningServer]:
    raise AssertionError("an unavailable server was started")


@contextmanager
def _run_process(arguments: list[str], port: int, environ: Mapping[str, str], output: Path) -> Iterator[int]:
    """The pid of a process that listens on `port`; it is stopped at the end of the block."""
    with output.open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, env={**os.environ, **environ})
    try:
        wait_until(lambda: process.poll() is not None or _is_listening(port), f"{arguments[0]} listens")
        if process.poll() is not None:
            text = output.read_text(errors="replace")[-300:].strip()
            raise PeerUnavailable(f"{Path(arguments[0]).name} ended: {text}")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_listening(port: int) -> bool:
    """True if a process listens on `port`, according to the kernel: a test connection would count as a client."""
    suffix = f":{port:04X} "
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(suffix in line and line.split()[3] == "0A" for line in lines)


@contextmanager
def run_app(arguments: list[str], environ: Mapping[str, str], batch: bool) -> Iterator[RunningServer]:
    """A program that takes REDIS_PORT and PORT from its environment, and reads the channels its clients request."""
    port = free_port()
    with redis_server(redis_server_binary()) as redis, TemporaryDirectory(prefix="sse-hub-bench-") as folder:
        environ = {**environ, "PORT": str(port), "REDIS_PORT": str(redis.port)}
        with _run_process(arguments, port, environ, Path(folder, "output")) as pid:
            yield RunningServer(pid, port, PATH, redis_publisher_options(redis), redis)


def starlette_server(cache: Path) -> Server:
    program, versions = install_python(cache)
    start = partial(run_app, [str(program), str(FOLDER / "starlette_app.py")], {})
    return Server("starlette", "sse-starlette", versions, start)


def better_sse_server(cache: Path) -> Server:
    modules, versions = install_node_packages(cache)
    start = partial(run_app, ["node", str(FOLDER / "better_sse.cjs")], {"NODE_PATH": str(modules)})
    return Server("better-sse", "better-sse", versions, start)


def sanic_server(_: Path) -> Server:
    start = partial(run_app, [sys.executable, str(FOLDER / "sanic_app.py")], {})
    return Server("sanic", "Sanic, textbook", f"sanic {version('sanic')}, uvloop {version('uvloop')}", start)


def nchan_server(cache: Path) -> Server:
    program, module, versions = install_nchan(cache)
    return Server("nchan", "nginx + Nchan", versions, partial(run_nchan, program, module, False))


def nchan_redis_server(cache: Path) -> Server:
    program, module, versions = install_nchan(cache)
    return Server("nchan-redis", "nginx + Nchan, Redis", versions, partial(run_nchan, program, module, True))


@contextmanager
def run_nchan(program: Path, module: Path, with_redis: bool, batch: bool) -> Iterator[RunningServer]:
    """
    nginx with one worker. Lines are published by POST, as in Nchan's documentation.

    With Redis, lines are published in the same way: nginx runs Nchan's script in Redis, and receives the line through
    Redis's pub/sub.
    """
    port = free_port()
    with redis_server(redis_server_binary()) as redis, TemporaryDirectory(prefix="sse-hub-bench-") as name:
        folder = Path(name)
        upstream = f"upstream lines {{ nchan_redis_server redis://127.0.0.1:{redis.port}/; }}" if with_redis else ""
        text = (FOLDER / "nginx.conf").read_text()
        for key, value in {
            "@MODULE@": str(module),
            "@FOLDER@": name,
            "@PORT@": str(port),
            "@USER@": "user root;" if os.geteuid() == 0 else "",
            "@UPSTREAM@": upstream,
            "@PASS@": "nchan_redis_pass lines;" if with_redis else "",
        }.items():
            text = text.replace(key, value)
        (folder / "nginx.conf").write_text(text)
        arguments = [str(program), "-p", name, "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]
        with _run_process(arguments, port, {}, folder / "output") as pid:
            publish: dict[str, object] = {"port": port, "http": PUBLISH_PATH, "window": HTTP_WINDOW}
            yield RunningServer(pid, port, PATH, publish, redis if with_redis else None)


PEERS: dict[str, tuple[str, MakeServer]] = {
    "nchan": ("nginx + Nchan", nchan_server),
    "nchan-redis": ("nginx + Nchan, Redis", nchan_redis_server),
    "starlette": ("sse-starlette", starlette_server),
    "better-sse": ("better-sse", better_sse_server),
    "sanic": ("Sanic, textbook", sanic_server),
}
