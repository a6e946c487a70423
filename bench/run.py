"""
One run of a scenario against one server, which is started for it and stopped after it.

    measure() --> fan-out, idle, ingest, resume or the floor --> Measurement
"""

import time
from dataclasses import replace

from bench.errors import BenchError, PeerUnavailable
from bench.measure import (
    CONNECT_SECONDS,
    PATIENCE_SECONDS,
    Meter,
    connect_clients,
    measure_fan_out,
    measure_idle,
    with_load_report,
)
from bench.native.programs import Programs
from bench.procs import usage_of
from bench.report.results import Measurement
from bench.scenarios import Scenario
from bench.scenarios_extra import measure_ingest, measure_resume
from bench.servers import RunningServer, Server

SETTLE_SECONDS = 1.0


def run_scenario(scenario: Scenario, server: Server, programs: Programs, lines_per_chunk: float) -> Measurement:
    """
    Start `server` and measure it once. Failures are in the measurement's `error`.

    `lines_per_chunk` is how many lines the floor puts into a chunk.
    """
    if server.unavailable:
        return Measurement(scenario.key, server.key, error=server.unavailable)
    try:
        with server.start(scenario.batch) as running:
            if server.key == "floor":
                return _measure_floor(scenario, running, programs, lines_per_chunk)
            return _measure_kind(scenario, server, running, programs)
    except (BenchError, PeerUnavailable, AssertionError) as error:
        return Measurement(scenario.key, server.key, error=str(error).strip().replace("\n", " ")[:300])


def _measure_kind(scenario: Scenario, server: Server, running: RunningServer, programs: Programs) -> Measurement:
    before = usage_of(running.pid)
    blank = Measurement(scenario.key, server.key, clients=scenario.clients, expected=scenario.deliveries)
    if scenario.kind == "ingest":
        return measure_ingest(scenario, running, programs, Meter(running, before), blank)
    if scenario.kind == "resume":
        return measure_resume(scenario, running, programs, before, blank)
    with connect_clients(scenario, running, programs) as load:
        if scenario.kind == "idle":
            # Let the work of connecting the clients pass first.
            time.sleep(SETTLE_SECONDS)
            return measure_idle(scenario, Meter(running, before), load, blank)
        return measure_fan_out(scenario, running, programs, Meter(running, before), load, blank)


def _measure_floor(
    scenario: Scenario, running: RunningServer, programs: Programs, lines_per_chunk: float
) -> Measurement:
    """Measure the floor, which makes and sends the lines itself and reports its own CPU."""
    blank = Measurement(scenario.key, "floor", clients=scenario.clients, expected=scenario.deliveries)
    options = {"clients": scenario.clients, "rate": scenario.rate, "count": scenario.lines, "size": scenario.size}
    chunk_lines = round(max(1.0, lines_per_chunk), 2)
    with programs.run("floor", port=running.port, chunk_lines=chunk_lines, **options) as floor:
        floor.wait_for("LISTENING", CONNECT_SECONDS)
        with connect_clients(scenario, running, programs) as load:
            load.send(str(scenario.lines_per_client))
            floor.send("go")
            # The floor outlives its clients, so none counts as disconnected.
            report = load.report(scenario.seconds + 2 * PATIENCE_SECONDS)
            measurement = with_load_report(blank, report, {"sent": scenario.lines})
        cpu_seconds = floor.report(PATIENCE_SECONDS)["cpu_seconds"]
        return replace(measurement, cpu_seconds=cpu_seconds, commands=(load.command, floor.command))
