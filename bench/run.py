"""
One run of a scenario against a server: the server is started for it, and ended after it.

    measure() --> fanout, idle, ingest or resume, or the floor --> Measurement
"""

import time
from dataclasses import replace

from bench.measure import CONNECT_SECONDS, PATIENCE_SECONDS, Meter, connected, delivered, fanout, idle
from bench.native.programs import Broken, Tools
from bench.peers.installs import Missing
from bench.procs import usage_of
from bench.report.results import Measurement
from bench.scenarios import Scenario
from bench.scenarios_extra import ingest, resume
from bench.servers import Running, Server

SETTLE_SECONDS = 1.0


def measure(scenario: Scenario, server: Server, tools: Tools, chunk_lines: float) -> Measurement:
    """
    One run. What goes wrong is in the measurement's `error`.

    `chunk_lines` is how many lines the floor sends at a time.
    """
    if server.missing:
        return Measurement(scenario.key, server.key, error=server.missing)
    try:
        with server.start(scenario.batch) as running:
            if server.key == "floor":
                return _floor(scenario, running, tools, chunk_lines)
            return _of_kind(scenario, server, running, tools)
    except (Broken, Missing, AssertionError) as error:
        return Measurement(scenario.key, server.key, error=str(error).strip().replace("\n", " ")[:300])


def _of_kind(scenario: Scenario, server: Server, running: Running, tools: Tools) -> Measurement:
    before = usage_of(running.pid)
    blank = Measurement(scenario.key, server.key, clients=scenario.clients, asked=scenario.deliveries)
    if scenario.kind == "ingest":
        return ingest(scenario, running, tools, Meter(running, before), blank)
    if scenario.kind == "resume":
        return resume(scenario, running, tools, before, blank)
    with connected(scenario, running, tools) as load:
        if scenario.kind == "idle":
            # Those who have just connected have had a first heartbeat to come, and nothing else.
            time.sleep(SETTLE_SECONDS)
            return idle(scenario, Meter(running, before), load, blank)
        return fanout(scenario, running, tools, Meter(running, before), load, blank)


def _floor(scenario: Scenario, running: Running, tools: Tools, chunk_lines: float) -> Measurement:
    """The floor makes and sends the lines itself; its CPU is in its own report."""
    blank = Measurement(scenario.key, "floor", clients=scenario.clients, asked=scenario.deliveries)
    options = {"clients": scenario.clients, "rate": scenario.rate, "count": scenario.lines, "size": scenario.size}
    with tools.run("floor", port=running.port, chunk_lines=round(max(1.0, chunk_lines), 2), **options) as floor:
        floor.wait_for("LISTENING", CONNECT_SECONDS)
        with connected(scenario, running, tools) as load:
            load.tell(str(scenario.lines_per_client))
            floor.tell("go")
            # It is still there when its clients leave, so that none counts as cut.
            found = delivered(blank, load.report(scenario.seconds + 2 * PATIENCE_SECONDS), {"sent": scenario.lines})
        report = floor.report(PATIENCE_SECONDS)
        return replace(found, cpu_seconds=report["cpu_seconds"], commands=(load.command, floor.command))
