"""
What is done with a server that runs: clients connected, lines published, costs metered.

    load.c connects (READY) --> Meter --> publish.c --> load.c has all lines, or time is up --> Measurement
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bench.native.programs import Broken, Program, Tools
from bench.procs import Usage, usage_of
from bench.report.results import Measurement
from bench.scenarios import Scenario
from bench.servers import Running

CONNECT_SECONDS = 60.0
# How long after its last line was published a server may take to deliver it.
PATIENCE_SECONDS = 30.0
SAMPLE_SECONDS = 0.5
RAMP_PER_SECOND = 5000


class Meter:
    """What the server and its Redis use between its making and finish()."""

    def __init__(self, running: Running, before: Usage) -> None:
        self._running = running
        self._before = before
        self._began = time.monotonic()
        self._ready = usage_of(running.pid)
        self._redis = usage_of(running.redis.process.pid) if running.redis else Usage(0.0, 0)
        self._peak = self._ready.resident_bytes

    def sample(self) -> None:
        """Wait SAMPLE_SECONDS, and look how much memory the server has."""
        time.sleep(SAMPLE_SECONDS)
        self._peak = max(self._peak, usage_of(self._running.pid).resident_bytes)

    def finish(self, found: Measurement) -> Measurement:
        """`found` with CPU and memory in it."""
        usage = usage_of(self._running.pid)
        redis = usage_of(self._running.redis.process.pid) if self._running.redis else self._redis
        cpu = usage.cpu_seconds - self._ready.cpu_seconds
        seconds = time.monotonic() - self._began
        return replace(
            found,
            cpu_seconds=cpu,
            redis_cpu_seconds=redis.cpu_seconds - self._redis.cpu_seconds,
            rss_before=self._before.resident_bytes,
            rss_ready=self._ready.resident_bytes,
            rss_peak=max(self._peak, usage.resident_bytes),
            extra={**found.extra, "cpu_share": cpu / seconds},
        )


@contextmanager
def connected(scenario: Scenario, running: Running, tools: Tools, **options: object) -> Iterator[Program]:
    """The load client, with all its clients connected."""
    slow = {"slow": scenario.slow, "slow_bytes": scenario.slow_bytes, "slow_seconds": scenario.seconds}
    chosen: dict[str, object] = {
        "port": running.port,
        "path": running.path,
        "channels": scenario.channels,
        "clients": scenario.clients,
        "seconds": scenario.seconds + PATIENCE_SECONDS,
        "ramp": RAMP_PER_SECOND,
        **(slow if scenario.slow else {}),
        **options,
    }
    with tools.run("load", **chosen) as load:
        load.wait_for("READY", CONNECT_SECONDS)
        yield load


def publishing(scenario: Scenario, running: Running) -> dict[str, object]:
    """The options of publish.c for a scenario."""
    return {
        **running.publish,
        "channels": scenario.channels,
        "count": scenario.lines,
        "rate": scenario.rate,
        "size": scenario.size,
        "burst": scenario.burst if scenario.burst > 1 else None,
        "seconds": scenario.seconds + 1,
    }


def fanout(
    scenario: Scenario, running: Running, tools: Tools, meter: Meter, load: Program, blank: Measurement
) -> Measurement:
    """Lines published and delivered."""
    with tools.run("publish", **publishing(scenario, running)) as publisher:
        while publisher.running:
            meter.sample()
        published = publisher.report(PATIENCE_SECONDS)
        load.tell(str(published["sent"] // scenario.channels))
        while load.running:
            meter.sample()
        found = delivered(blank, load.report(PATIENCE_SECONDS), published)
        return replace(meter.finish(found), commands=(load.command, publisher.command))


def delivered(blank: Measurement, report: dict[str, Any], published: dict[str, Any]) -> Measurement:
    """What the load client has found, as a Measurement without CPU and memory."""
    latency = report["latency"]
    slow = report["slow_latency"]
    return replace(
        blank,
        delivered=report["delivered"],
        published=published.get("sent", 0),
        seconds=report["seconds"],
        duplicates=report["duplicates"],
        reordered=report["reordered"],
        gaps=report["gaps"],
        cut=report["closed"],
        p50_ms=latency["p50_ms"],
        p90_ms=latency["p90_ms"],
        p99_ms=latency["p99_ms"],
        max_ms=latency["max_ms"],
        load_cpu_seconds=report["cpu_seconds"],
        lines_per_chunk=report["lines"] / report["chunks"] if report["chunks"] else 1.0,
        extra={"slow_max_ms": slow["max_ms"], "publish_rate": published.get("rate", 0.0)},
    )


def idle(scenario: Scenario, meter: Meter, load: Program, blank: Measurement) -> Measurement:
    """Nothing published: what the clients cost by being there."""
    deadline = time.monotonic() + scenario.seconds
    while time.monotonic() < deadline:
        meter.sample()
    if not load.running:
        raise Broken("the load client ended before its time: all of its clients were cut")
    return replace(meter.finish(blank), commands=(load.command,))
