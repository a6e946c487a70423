"""
The steps of a measurement on a running server: connect clients, publish lines, meter CPU and memory.

    load.c connects (READY) --> Meter --> publish.c --> load.c has all lines, or time is up --> Measurement

Latencies and their percentiles are measured in `native/load.c`; this module reads them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bench.errors import BenchError
from bench.native.programs import Program, Programs
from bench.procs import ProcessUsage, usage_of
from bench.report.results import Measurement
from bench.scenarios import Scenario
from bench.servers import RunningServer

CONNECT_SECONDS = 60.0
# How long a server may take to deliver after the last line was published.
PATIENCE_SECONDS = 30.0
SAMPLE_SECONDS = 0.5
RAMP_PER_SECOND = 5000


class Meter:
    """Meters CPU and memory of the server and its Redis, from its creation until finish()."""

    def __init__(self, running: RunningServer, before: ProcessUsage) -> None:
        self._running = running
        self._before = before
        self._began = time.monotonic()
        self._ready = usage_of(running.pid)
        self._redis = usage_of(running.redis.process.pid) if running.redis else ProcessUsage(0.0, 0)
        self._peak_bytes = self._ready.resident_bytes

    def sample(self) -> None:
        """Wait SAMPLE_SECONDS, then sample the server's memory."""
        time.sleep(SAMPLE_SECONDS)
        self._peak_bytes = max(self._peak_bytes, usage_of(self._running.pid).resident_bytes)

    def finish(self, measurement: Measurement) -> Measurement:
        """Return `measurement` with CPU and memory filled in."""
        usage = usage_of(self._running.pid)
        redis = usage_of(self._running.redis.process.pid) if self._running.redis else self._redis
        cpu = usage.cpu_seconds - self._ready.cpu_seconds
        seconds = time.monotonic() - self._began
        return replace(
            measurement,
            cpu_seconds=cpu,
            redis_cpu_seconds=redis.cpu_seconds - self._redis.cpu_seconds,
            rss_before=self._before.resident_bytes,
            rss_ready=self._ready.resident_bytes,
            rss_peak=max(self._peak_bytes, usage.resident_bytes),
            extra={**measurement.extra, "cpu_share": cpu / seconds},
        )


@contextmanager
def connect_clients(
    scenario: Scenario, running: RunningServer, programs: Programs, **options: object
) -> Iterator[Program]:
    """The load client, with all its clients connected; `options` override those of the scenario."""
    slow = {"slow": scenario.slow, "slow_bytes": scenario.slow_bytes, "slow_seconds": scenario.seconds}
    all_options: dict[str, object] = {
        "port": running.port,
        "path": running.path,
        "channels": scenario.channels,
        "clients": scenario.clients,
        "seconds": scenario.seconds + PATIENCE_SECONDS,
        "ramp": RAMP_PER_SECOND,
        **(slow if scenario.slow else {}),
        **options,
    }
    with programs.run("load", **all_options) as load:
        load.wait_for("READY", CONNECT_SECONDS)
        yield load


def publisher_options(scenario: Scenario, running: RunningServer) -> dict[str, object]:
    """Return the options of publish.c for a scenario."""
    return {
        **running.publish,
        "channels": scenario.channels,
        "count": scenario.lines,
        "rate": scenario.rate,
        "size": scenario.size,
        "burst": scenario.burst if scenario.burst > 1 else None,
        "seconds": scenario.seconds + 1,
    }


def measure_fan_out(
    scenario: Scenario, running: RunningServer, programs: Programs, meter: Meter, load: Program, blank: Measurement
) -> Measurement:
    """Publish the scenario's lines and measure their delivery to the clients of `load`."""
    with programs.run("publish", **publisher_options(scenario, running)) as publisher:
        while publisher.running:
            meter.sample()
        published = publisher.report(PATIENCE_SECONDS)
        load.send(str(published["sent"] // scenario.channels))
        while load.running:
            meter.sample()
        measurement = with_load_report(blank, load.report(PATIENCE_SECONDS), published)
        return replace(meter.finish(measurement), commands=(load.command, publisher.command))


def with_load_report(blank: Measurement, report: dict[str, Any], published: dict[str, Any]) -> Measurement:
    """Return `blank` with the reports of load.c and publish.c in it, but without CPU and memory."""
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
        disconnects=report["closed"],
        p50_ms=latency["p50_ms"],
        p90_ms=latency["p90_ms"],
        p99_ms=latency["p99_ms"],
        max_ms=latency["max_ms"],
        load_cpu_seconds=report["cpu_seconds"],
        lines_per_chunk=report["lines"] / report["chunks"] if report["chunks"] else 1.0,
        extra={"slow_max_ms": slow["max_ms"], "publish_rate": published.get("rate", 0.0)},
    )


def measure_idle(scenario: Scenario, meter: Meter, load: Program, blank: Measurement) -> Measurement:
    """Measure what connected clients cost while nothing is published."""
    deadline = time.monotonic() + scenario.seconds
    while time.monotonic() < deadline:
        meter.sample()
    if not load.running:
        raise BenchError("the load client ended early: all of its clients were disconnected")
    return replace(meter.finish(blank), commands=(load.command,))
