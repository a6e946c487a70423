"""
Scenarios that only the hub has: recording without subscribers, and many clients that resume at once.

    ingest: publish.c --> Redis --> hub --> log          how old is the newest line in the log?
    resume: lines --> log and rings --> load.c with a Last-Event-ID, beside other clients that are live
"""

import http.client
import re
import time
from dataclasses import replace
from statistics import median

import redis

from bench.errors import BenchError
from bench.measure import PATIENCE_SECONDS, Meter, connect_clients, publisher_options, with_load_report
from bench.native.programs import Programs
from bench.procs import ProcessUsage
from bench.report.results import Measurement
from bench.scenarios import Scenario
from bench.servers import CHANNEL, RunningServer
from sse_hub.broker.keys import Partition

STAMP = re.compile(r'"t":(\d+)')
LAG_INTERVAL_SECONDS = 0.25
STANDSTILL_SECONDS = 3.0
LIVE_CHANNEL = "live%d"
LIVE_CLIENTS = 100


def measure_ingest(
    scenario: Scenario, running: RunningServer, programs: Programs, meter: Meter, blank: Measurement
) -> Measurement:
    """Measure how many lines are recorded, and how old the newest recorded line is while they are published."""
    if not running.redis:
        raise BenchError("only a server with a Redis records")
    channels = [CHANNEL % number for number in range(scenario.channels)]
    lags: list[float] = []
    with (
        running.redis.client() as client,
        programs.run("publish", **publisher_options(scenario, running)) as publisher,
    ):
        while publisher.running:
            time.sleep(LAG_INTERVAL_SECONDS)
            lags += recording_lags(client, channels)
        published = publisher.report(PATIENCE_SECONDS)
        recorded, extra_seconds = wait_recorded(client, channels, published["sent"])
    figures = {
        "publish_rate": published["rate"],
        "recorded_share": recorded / published["sent"],
        "recorded_per_second": recorded / (published["seconds"] + extra_seconds),
        "lag_median_s": median(lags or [0.0]),
        "lag_max_s": max(lags, default=0.0),
    }
    measurement = replace(blank, published=published["sent"], extra=figures, commands=(publisher.command,))
    measurement = meter.finish(measurement)
    cpu_us_per_line = measurement.cpu_seconds * 1e6 / published["sent"]
    return replace(measurement, extra={**measurement.extra, "cpu_us_per_line": cpu_us_per_line})


def recording_lags(client: redis.Redis, channels: list[str]) -> list[float]:
    """Return, for each channel with lines in the log, how many seconds ago its newest recorded line was published."""
    now_ns = time.monotonic_ns()
    newest = [repr(client.xrevrange(Partition().log(channel), count=1)) for channel in channels]
    return [(now_ns - int(match[1])) / 1e9 for text in newest if (match := STAMP.search(text))]


def wait_recorded(client: redis.Redis, channels: list[str], count: int) -> tuple[int, float]:
    """
    Wait until `count` lines are recorded, or no more arrive for STANDSTILL_SECONDS.

    Return how many lines are recorded, and how many seconds after the call the last of them was.
    """
    began = changed = time.monotonic()
    recorded = 0
    while recorded < count and time.monotonic() - changed < STANDSTILL_SECONDS:
        values = client.hmget(Partition().channels, channels)
        counted = sum(int(bytes(each).split()[1]) for each in values if isinstance(each, bytes))
        if counted > recorded:
            recorded, changed = counted, time.monotonic()
        time.sleep(0.02)
    return recorded, changed - began


def measure_resume(
    scenario: Scenario, running: RunningServer, programs: Programs, before: ProcessUsage, blank: Measurement
) -> Measurement:
    """
    Have all `clients` reconnect at once for `resumed` lines each, while LIVE_CLIENTS others watch another channel.

    The latencies are those of the live clients; how long the others took to resume is in `extra`.
    """
    checkpoint = read_checkpoint(running.port)
    fill = replace(scenario, rate=0, full_speed_lines=scenario.resumed)
    with programs.run("publish", **publisher_options(fill, running)) as filling:
        filling.report(PATIENCE_SECONDS + scenario.seconds)
    live_server = replace(running, path=f"/message?channel={LIVE_CHANNEL}")
    live_scenario = replace(scenario, clients=LIVE_CLIENTS)
    live_lines = {**publisher_options(live_scenario, running), "channel": LIVE_CHANNEL}
    resume_options = {"lines": scenario.resumed, "last_event_id": checkpoint, "ramp": None}
    with (
        connect_clients(live_scenario, live_server, programs) as live,
        programs.run("publish", **live_lines) as publisher,
    ):
        meter = Meter(running, before)
        with connect_clients(scenario, running, programs, **resume_options) as resuming:
            report = resuming.report(PATIENCE_SECONDS + 2 * scenario.seconds)
        while publisher.running:
            meter.sample()
        live.send(str(publisher.report(PATIENCE_SECONDS)["sent"]))
        live_report = live.report(2 * PATIENCE_SECONDS)
    measurement = replace(
        with_load_report(blank, report, {}),
        expected=scenario.clients * scenario.resumed,
        commands=(resuming.command, publisher.command),
        **{name: live_report["latency"][name] for name in ("p50_ms", "p90_ms", "p99_ms", "max_ms")},
    )
    live_faults = live_report["missing"] + live_report["duplicates"] + live_report["gaps"]
    resume_seconds = report["completed_seconds"] if report["complete"] == scenario.clients else float("inf")
    figures = {"resume_seconds": resume_seconds, "live_faults": float(live_faults)}
    return meter.finish(replace(measurement, extra=figures))


def read_checkpoint(port: int) -> str:
    """Return the channel's current event id, which a new client receives first. Raises BenchError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", f"/message?channel={CHANNEL % 0}")
        response = connection.getresponse()
        while line := response.readline():
            if line.startswith(b"id: "):
                return line[4:].decode().strip()
    finally:
        connection.close()
    raise BenchError("the hub sent no event id to a new client")
