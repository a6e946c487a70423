"""
What filters of streams cost a hub: 1,000 streams of one channel with 100 filters, beside 1,000 streams of 100 channels
that bring as many lines without a filter.

    python -m bench.filtered_streams        (a minute; needs redis-server and a C compiler)

Each line matches one filter, and comes to ten streams. Both hubs run all the time, and get lines in turn.
"""

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from bench.native.programs import Program, Programs, build
from bench.procs import thread_cpu_seconds
from tests.support.metrics import scrape
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.waiting import wait_until

STREAMS = 1_000
KINDS = 100
"""How many filters, or channels, there are."""


@dataclass
class Subject:
    """A hub with its streams. `channel` and `path` have a place for the number of a kind."""

    title: str
    channel: str
    path: str
    hub: HubProcess
    server: RedisServer
    delivery_us: list[float] = field(default_factory=list)


def line(number: int) -> str:
    """A line that matches the filter for one user."""
    members = {"level": "info", "logger": "shop.checkout", "msg": "order placed", "user": f"u{number % KINDS}"}
    return json.dumps(members | {"order": f"o-{number}", "total": 12.5, "path": "/api/orders", "status": 200})


def publish(subject: Subject, rate: int, seconds: float) -> int:
    """Publish lines at a steady rate, and return how many."""
    began, sent = time.monotonic(), 0
    with subject.server.publisher() as client:
        while (elapsed := time.monotonic() - began) < seconds:
            pipe = client.pipeline(transaction=False)
            due = int(elapsed * rate)
            for number in range(sent, due):
                pipe.publish(subject.channel.format(number % KINDS), line(number))
            pipe.execute()
            sent = due
            time.sleep(0.002)
    return sent


def measure(subject: Subject, rate: int, seconds: float) -> None:
    """Add what a delivery costs the hub, in µs."""
    pid = subject.hub.process.pid
    before, delivered = thread_cpu_seconds(pid), deliveries(subject.hub)
    sent = publish(subject, rate, seconds)
    expected = sent * STREAMS // KINDS
    # Seldom: to be asked costs the hub CPU, too.
    wait_until(lambda: deliveries(subject.hub) - delivered >= expected, "all lines are delivered", every_seconds=0.25)
    subject.delivery_us.append((thread_cpu_seconds(pid) - before) / expected * 1e6)


def deliveries(hub: HubProcess) -> int:
    """How many lines the hub has sent to streams so far."""
    return int(scrape(hub).get("sse_hub_lines_total", stage="delivered"))


def open_streams(stack: ExitStack, programs: Programs, subject: Subject, seconds: float) -> Program:
    options = {"clients": STREAMS, "channels": KINDS, "seconds": seconds, "ramp": 2_000}
    streams = stack.enter_context(programs.run("load", port=subject.hub.port, path=subject.path, **options))
    streams.wait_for("READY", 60)
    return streams


@click.command(context_settings={"show_default": True})
@click.option("--rounds", default=5, help="Measurements of each.")
@click.option("--rate", default=1_000, help="Lines per second.")
@click.option("--seconds", default=4.0, help="Length of each measurement.")
def main(rounds: int, rate: int, seconds: float) -> None:
    """Measure and print both, and their ratio."""
    ways = (
        ("100 filters", "log", "/message?channel=log&q=user=u%d"),
        ("100 channels", "log.{}", "/message?channel=log.%d"),
    )
    with ExitStack() as stack:
        programs = build(Path(stack.enter_context(TemporaryDirectory(prefix="sse-hub-bench-"))))
        found = []
        for title, channel, path in ways:
            server = stack.enter_context(redis_server())
            hub = stack.enter_context(hub_process(server.url))
            hub.wait_recording()
            subject = Subject(title, channel, path, hub, server)
            open_streams(stack, programs, subject, 2 * rounds * seconds + 60)
            found.append(subject)
        for _ in range(rounds):
            for subject in found:
                measure(subject, rate, seconds)
    for subject in found:
        click.echo(f"{subject.title:14} {median(subject.delivery_us):6.2f} µs a delivery")
    filtered, plain = (subject.delivery_us for subject in found)
    ratio = median(mine / base for mine, base in zip(filtered, plain, strict=True))
    click.echo(f"{'ratio':14} {ratio:6.2f}")


if __name__ == "__main__":
    main()
