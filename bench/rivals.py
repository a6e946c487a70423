"""
The peers, each as its own documentation would have it run: one process, defaults, no logs of requests.

    installs --> rivals(cache) --> a Server for each; what can't be had is one that says what is missing
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.installs import Missing, nchan, node, python
from bench.servers import CHANNEL, Running, Server, redis_program, to_redis
from tests.support.servers import free_port, redis_server
from tests.support.waiting import wait_until

PEERS = Path(__file__).parent / "peers"
PATH = f"/message?channel={CHANNEL}"
PUBLISH_PATH = f"/publish?channel={CHANNEL}"
STOP_SECONDS = 5
# Requests that wait for Nchan's answer at a time. With more, it delivers no more, only later.
HTTP_WINDOW = 16

Make = Callable[[Path], Server]


def rivals(cache: Path, wanted: Mapping[str, bool]) -> list[Server]:
    """The peers whose key is true in `wanted`; their software is installed into `cache` if it isn't there."""
    return [_tried(key, title, make, cache) for key, (title, make) in RIVALS.items() if wanted.get(key)]


def _tried(key: str, title: str, make: Make, cache: Path) -> Server:
    try:
        return make(cache)
    except Missing as missing:
        return Server(key, title, "", _never, str(missing))


def _never(batch: bool) -> AbstractContextManager[Running]:
    raise AssertionError("a server that is missing was started")


@contextmanager
def _process(arguments: list[str], port: int, environ: Mapping[str, str], output: Path) -> Iterator[int]:
    """The pid of a process that listens on `port` when the block is entered, and has ended after it."""
    with output.open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, env={**os.environ, **environ})
    try:
        wait_until(lambda: process.poll() is not None or _listening(port), f"{arguments[0]} listens")
        if process.poll() is not None:
            raise Missing(f"{Path(arguments[0]).name} ended: {output.read_text(errors='replace')[-300:].strip()}")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listening(port: int) -> bool:
    """True when somebody listens on `port`: asked of the kernel, since a connection would count as a client."""
    wanted = f":{port:04X} "
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(wanted in line and line.split()[3] == "0A" for line in lines)


@contextmanager
def run_app(arguments: list[str], environ: Mapping[str, str], batch: bool) -> Iterator[Running]:
    """A program that gets REDIS_PORT and PORT, and reads the channels that its clients ask for."""
    port = free_port()
    with redis_server(redis_program()) as redis, TemporaryDirectory(prefix="sse-hub-bench-") as folder:
        environ = {**environ, "PORT": str(port), "REDIS_PORT": str(redis.port)}
        with _process(arguments, port, environ, Path(folder, "output")) as pid:
            yield Running(pid, port, PATH, to_redis(redis), redis)


def starlette(cache: Path) -> Server:
    program, versions = python(cache)
    start = partial(run_app, [str(program), str(PEERS / "starlette_app.py")], {})
    return Server("starlette", "sse-starlette", versions, start)


def better_sse(cache: Path) -> Server:
    modules, versions = node(cache)
    start = partial(run_app, ["node", str(PEERS / "better_sse.cjs")], {"NODE_PATH": str(modules)})
    return Server("better-sse", "better-sse", versions, start)


def sanic(_: Path) -> Server:
    start = partial(run_app, [sys.executable, str(PEERS / "sanic_app.py")], {})
    return Server("sanic", "Sanic, textbook", f"sanic {version('sanic')}, uvloop {version('uvloop')}", start)


def memory_nchan(cache: Path) -> Server:
    program, module, versions = nchan(cache)
    return Server("nchan", "nginx + Nchan", versions, partial(run_nchan, program, module, False))


def redis_nchan(cache: Path) -> Server:
    program, module, versions = nchan(cache)
    return Server("nchan-redis", "nginx + Nchan, Redis", versions, partial(run_nchan, program, module, True))


@contextmanager
def run_nchan(program: Path, module: Path, with_redis: bool, batch: bool) -> Iterator[Running]:
    """
    nginx with one worker. Lines come by POST, as Nchan's documentation has it.

    With Redis it is the same: nginx runs Nchan's own script there, and hears of the line by Redis's pub/sub.
    """
    port = free_port()
    with redis_server(redis_program()) as redis, TemporaryDirectory(prefix="sse-hub-bench-") as name:
        folder = Path(name)
        upstream = f"upstream lines {{ nchan_redis_server redis://127.0.0.1:{redis.port}/; }}" if with_redis else ""
        text = (PEERS / "nginx.conf").read_text()
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
        with _process(arguments, port, {}, folder / "output") as pid:
            publish: dict[str, object] = {"port": port, "http": PUBLISH_PATH, "window": HTTP_WINDOW}
            yield Running(pid, port, PATH, publish, redis if with_redis else None)


RIVALS: dict[str, tuple[str, Make]] = {
    "nchan": ("nginx + Nchan", memory_nchan),
    "nchan-redis": ("nginx + Nchan, Redis", redis_nchan),
    "starlette": ("sse-starlette", starlette),
    "better-sse": ("better-sse", better_sse),
    "sanic": ("Sanic, textbook", sanic),
}
