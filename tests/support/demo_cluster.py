"""
`make demo-cluster`: two hubs on a Redis Cluster, or on a primary with Sentinels, to be broken by hand.

    servers, two hubs, demo publishers --> what to try --> a killed server is started again --> Ctrl-C ends all
"""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import click

from tests.support.cluster_servers import ANCHOR_SLOT, cluster_servers
from tests.support.programs import clean_environ
from tests.support.redis_nodes import Node
from tests.support.sentinel_servers import NAME, sentinel_servers
from tests.support.settings import ROOT

LOOK_SECONDS = 0.3
AGAIN_SECONDS = 15
STOP_SECONDS = 10
OLDEST = (7, 0)


@dataclass
class Demo:
    """
    What runs: `url` for the hubs, all `servers`, how to find the one that orders the lines, and what it is called.

    `others` returns what may take its place. `planned` is a command that makes one of them do so.
    """

    url: str
    servers: Sequence[Node]
    called: str
    ordering: Callable[[], Node | None]
    others: Callable[[Node], Sequence[Node]]
    planned: Callable[[Node], str]


@click.command()
@click.argument("kind", type=click.Choice(["cluster", "sentinel"]), default="cluster")
@click.option("--port", default=8091, show_default=True, help="Of the first hub; the second has the next one.")
@click.option("--redis-port", default=7001, show_default=True, help="Of the first server; the rest follow.")
def main(kind: str, port: int, redis_port: int) -> None:
    """Run two hubs on a Redis Cluster of 3 primaries and 3 replicas, or on 1 + 2 with 3 Sentinels. Ctrl-C ends all."""
    _check_redis()
    _check_ports(port, 2)
    _check_ports(redis_port, 6)
    # As a terminal's Ctrl-C, however it is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        demo = stack.enter_context(_cluster(redis_port) if kind == "cluster" else _sentinel(redis_port))
        stack.enter_context(_hubs(demo.url, port))
        ordering = demo.ordering()
        assert ordering, f"there is no {demo.called} though all servers run"
        _say_what_to_try(demo, ordering, port)
        _watch(demo, ordering)


def _check_redis() -> None:
    found = shutil.which("redis-server")
    if not found or not shutil.which("redis-cli"):
        raise click.ClickException("redis-server and redis-cli are missing (Debian: apt-get install redis-server).")
    shown = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"v=(\d+)\.(\d+)", shown)
    if not version or (int(version[1]), int(version[2])) < OLDEST:
        raise click.ClickException(f"redis-server 7.0 or newer is needed, this is: {shown.strip()}")


def _check_ports(first: int, count: int) -> None:
    for port in range(first, first + count):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise click.ClickException(
                    f"Port {port} is taken: choose others with ARGS='--port 9091 --redis-port 9001'."
                ) from None


@contextmanager
def _cluster(first_port: int) -> Iterator[Demo]:
    with cluster_servers(first_port=first_port) as rig:

        def replicas(anchor: Node) -> Sequence[Node]:
            [found] = [each for each in rig.nodes if each == anchor]
            return rig.replicas_of(found)

        yield Demo(
            rig.plain_url,
            rig.nodes,
            "anchor",
            lambda: rig.owner(ANCHOR_SLOT),
            replicas,
            lambda replica: f"redis-cli -p {replica.port} CLUSTER FAILOVER",
        )


@contextmanager
def _sentinel(first_port: int) -> Iterator[Demo]:
    with sentinel_servers(first_port=first_port) as rig:
        yield Demo(
            rig.plain_url,
            [*rig.servers, *rig.sentinels],
            "primary",
            rig.primary,
            lambda primary: [each for each in rig.servers if each != primary],
            lambda _: f"redis-cli -p {rig.sentinels[0].port} SENTINEL FAILOVER {NAME}",
        )


@contextmanager
def _hubs(url: str, port: int) -> Iterator[None]:
    """Two hubs, the first with the demo's publishers, that log to this terminal."""
    command = [sys.executable, str(ROOT / "run.py"), "--redis-url", url]
    hubs = [
        # In groups of their own, so that they end before the servers that they need.
        subprocess.Popen([*command, "--port", str(port + at), *more], env=clean_environ(), process_group=0)
        for at, more in enumerate((["--demo"], []))
    ]
    try:
        yield
    finally:
        for each in hubs:
            each.terminate()
        for each in hubs:
            try:
                each.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                each.kill()


def _say_what_to_try(demo: Demo, ordering: Node, port: int) -> None:
    other = demo.others(ordering)[0]
    click.echo(f"""
Two hubs on {demo.url}

  http://127.0.0.1:{port}/index    http://127.0.0.1:{port + 1}/index

The {demo.called} orders the lines. It is at port {ordering.port}; this terminal says when it changes.
In another one, try:

  redis-cli -p {ordering.port} PUBLISH log '{{"level": "info", "message": "hello"}}'
  {demo.planned(other)}    a planned failover
  kill -9 {ordering.process.pid}    the {demo.called} dies: another one takes over, and a gap says what is missing
  kill -STOP {ordering.process.pid}; sleep 5; kill -CONT {ordering.process.pid}    it hangs, and comes back

A server that is killed is started again after {AGAIN_SECONDS} s. All of them:

{_listed(demo)}

Ctrl-C ends all.
""")


def _listed(demo: Demo) -> str:
    return "\n".join(f"  port {each.port}  pid {each.process.pid}" for each in demo.servers)


def _watch(demo: Demo, known: Node) -> None:
    """Say when another server than `known` orders the lines, and start killed ones again, until KeyboardInterrupt."""
    died: dict[Node, float] = {}
    while True:
        time.sleep(LOOK_SECONDS)
        ordering = demo.ordering()
        if ordering and ordering != known:
            click.echo(f"The {demo.called} is at port {ordering.port} now, pid {ordering.process.pid}.")
            known = ordering
        for each in demo.servers:
            if each.runs:
                continue
            if each not in died:
                died[each] = time.monotonic()
                click.echo(f"The server at port {each.port} has ended.")
            elif time.monotonic() - died[each] > AGAIN_SECONDS:
                del died[each]
                each.start()
                click.echo(f"The server at port {each.port} is started again, pid {each.process.pid}.")


if __name__ == "__main__":
    main()
