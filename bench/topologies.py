"""
What Sentinels and a cluster cost a hub in calm times: its CPU a line, and while nothing is published. And what the bus
of a cluster costs its nodes.

    python -m bench.topologies [--rounds 9]     (four minutes; needs redis-server and a C compiler)
    python -m bench.topologies --bus [--binary valkey-server]

All hubs run all the time, each with servers of its own. In each round, each in turn gets lines at a steady rate. What
one costs more than the hub of one server is the median of the rounds, in which both are measured within seconds.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from bench.native.programs import Programs, build
from bench.procs import thread_cpu_seconds
from tests.support.cluster_servers import cluster_servers
from tests.support.programs import redis_binary
from tests.support.sentinel_servers import sentinel_servers
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server

CHANNEL = "bench"
SHAPES = ((3, 0), (3, 1), (10, 0))
"""How many primaries, and how many replicas each of them has."""


@dataclass
class Subject:
    """A hub, and the port of the server with which it has its session."""

    title: str
    hub: HubProcess
    port: int
    line_us: list[float] = field(default_factory=list)
    idle_share: list[float] = field(default_factory=list)


@contextmanager
def subjects() -> Iterator[list[Subject]]:
    """The hubs to compare, each with servers of its own; that of one server is the first."""
    with ExitStack() as stack:
        single = stack.enter_context(redis_server(redis_binary()))
        sentinels = stack.enter_context(sentinel_servers())
        one_node = stack.enter_context(cluster_servers(primaries=1, replicas=0))
        cluster = stack.enter_context(cluster_servers(primaries=3, replicas=1))
        places = [
            ("one server", single.url, single.port),
            ("three sentinels", sentinels.url, sentinels.wait_primary().port),
            ("a cluster of one node", one_node.url, one_node.wait_owner().port),
            ("a cluster of 3 + 3 nodes", cluster.url, cluster.wait_owner().port),
        ]
        found = [Subject(title, stack.enter_context(hub_process(url)), port) for title, url, port in places]
        for each in found:
            each.hub.wait_recording()
        yield found


def measure_lines(subject: Subject, programs: Programs, rate: int, seconds: float) -> None:
    """Publish lines to the server of `subject`, and add the CPU of its hub for each of them."""
    pid, lines = subject.hub.process.pid, int(rate * seconds)
    before = thread_cpu_seconds(pid)
    with programs.run("publish", port=subject.port, channel=CHANNEL, count=lines, rate=rate) as publisher:
        sent = publisher.report(seconds + 30)["sent"]
    subject.line_us.append((thread_cpu_seconds(pid) - before) / sent * 1e6)


def measure_idle(found: list[Subject], seconds: float) -> None:
    """Add what each hub uses of a core while nothing is published."""
    began, before = time.monotonic(), [thread_cpu_seconds(each.hub.process.pid) for each in found]
    time.sleep(seconds)
    for each, cpu in zip(found, before, strict=True):
        each.idle_share.append((thread_cpu_seconds(each.hub.process.pid) - cpu) / (time.monotonic() - began))


def print_bus(programs: Programs, binary: Path, lines: int) -> None:
    """Print the CPU that a line costs the server at which it is published, and each other node. Without a hub."""
    click.echo(f"{'servers':26} {'µs a line':>9} {'other nodes':>12}")
    with redis_server(binary) as single:
        here, _ = publishing_costs(programs, [single], lines)
        click.echo(f"{'one server':26} {here:9.1f}")
    for primaries, replicas in SHAPES:
        with cluster_servers(primaries=primaries, replicas=replicas, binary=binary) as rig:
            here, others = publishing_costs(programs, rig.nodes, lines)
        click.echo(f"{f'{primaries} primaries, {primaries * replicas} replicas':26} {here:9.1f} {median(others):12.1f}")


def publishing_costs(programs: Programs, nodes: Sequence[RedisServer], lines: int) -> tuple[float, list[float]]:
    """The CPU of a line, in µs: at the first node, where all are published, many in one write, and at the others."""
    before = [thread_cpu_seconds(each.process.pid) for each in nodes]
    with programs.run("publish", port=nodes[0].port, channel=CHANNEL, count=lines, rate=0) as publisher:
        sent = publisher.report(60)["sent"]
    here, *others = [
        (thread_cpu_seconds(each.process.pid) - cpu) / sent * 1e6 for each, cpu in zip(nodes, before, strict=True)
    ]
    return here, others


def print_hubs(programs: Programs, rounds: int, rate: int, seconds: float) -> None:
    """Print what each hub uses."""
    with subjects() as found:
        # Not the first lines of a channel: code is loaded for them.
        for each in found:
            measure_lines(each, programs, rate, 1.0)
            each.line_us.clear()
        for _ in range(rounds):
            for each in found:
                measure_lines(each, programs, rate, seconds)
            measure_idle(found, seconds)
    click.echo(f"{'the hub of':26} {'µs a line':>9} {'more':>7} {'idle, of a core':>16}")
    for each in found:
        more = median(mine / base for mine, base in zip(each.line_us, found[0].line_us, strict=True)) - 1
        click.echo(f"{each.title:26} {median(each.line_us):9.1f} {more:+7.1%} {median(each.idle_share):16.2%}")


@click.command(context_settings={"show_default": True})
@click.option("--rounds", default=9, help="Measurements of each.")
@click.option("--rate", default=1_800, help="Lines per second.")
@click.option("--seconds", default=5.0, help="Length of each measurement.")
@click.option("--bus", is_flag=True, help="Measure what the bus costs instead, with 200,000 lines for each cluster.")
@click.option("--binary", type=click.Path(path_type=Path), help="The server for --bus, by default redis-server.")
def main(rounds: int, rate: int, seconds: float, bus: bool, binary: Path | None) -> None:
    """Measure and print a table."""
    with TemporaryDirectory(prefix="sse-hub-bench-") as folder:
        programs = build(Path(folder))
        if bus:
            print_bus(programs, binary or redis_binary(), 200_000)
        else:
            print_hubs(programs, rounds, rate, seconds)


if __name__ == "__main__":
    main()
