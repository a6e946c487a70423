"""
Scenarios of the hub alone: what it records while nobody watches, and a herd that comes back.

    ingest: publish.c --> Redis --> hub --> log          how far behind is the log's last line?
    resume: lines --> the log and the rings --> load.c with a Last-Event-ID, beside others that are live
"""

import http.client
import re
import time
from dataclasses import replace
from statistics import median

import redis

from bench.measure import PATIENCE_SECONDS, Meter, connected, delivered, publishing
from bench.procs import Usage
from bench.results import Measurement
from bench.scenarios import Scenario
from bench.servers import CHANNEL, Running
from bench.tools import Broken, Tools
from sse_hub.broker.keys import CHANNELS, log_key

STAMP = re.compile(r'"t":(\d+)')
LAG_EVERY_SECONDS = 0.25
STANDSTILL_SECONDS = 3.0
LIVE_CHANNEL = "live%d"
LIVE_CLIENTS = 100


def ingest(scenario: Scenario, running: Running, tools: Tools, meter: Meter, blank: Measurement) -> Measurement:
    """How many lines are recorded, and how old the newest recorded line is while they come."""
    if not running.redis:
        raise Broken("only a server with a Redis records")
    channels = [CHANNEL % number for number in range(scenario.channels)]
    lags: list[float] = []
    with running.redis.client() as client, tools.run("publish", **publishing(scenario, running)) as publisher:
        while publisher.running:
            time.sleep(LAG_EVERY_SECONDS)
            lags += ages(client, channels)
        published = publisher.report(PATIENCE_SECONDS)
        recorded, late = wait_for_recorded(client, channels, published["sent"])
    figures = {
        "publish_rate": published["rate"],
        "recorded_share": recorded / published["sent"],
        "recorded_per_second": recorded / (published["seconds"] + late),
        "lag_median_s": median(lags or [0.0]),
        "lag_max_s": max(lags, default=0.0),
    }
    found = meter.finish(replace(blank, published=published["sent"], extra=figures, commands=(publisher.command,)))
    return replace(found, extra={**found.extra, "cpu_us_a_line": found.cpu_seconds * 1e6 / published["sent"]})


def ages(client: redis.Redis, channels: list[str]) -> list[float]:
    """For each channel with lines in the log, how many seconds ago its newest one there was published."""
    now_ns = time.monotonic_ns()
    newest = [repr(client.xrevrange(log_key(channel), count=1)) for channel in channels]
    return [(now_ns - int(match[1])) / 1e9 for text in newest if (match := STAMP.search(text))]


def wait_for_recorded(client: redis.Redis, channels: list[str], wanted: int) -> tuple[int, float]:
    """
    How many lines were recorded, and how many seconds from now the last of them was.

    Returns when they are `wanted`, or no more come.
    """
    began = changed = time.monotonic()
    recorded = 0
    while recorded < wanted and time.monotonic() - changed < STANDSTILL_SECONDS:
        found = client.hmget(CHANNELS, channels)
        counted = sum(int(bytes(each).split()[1]) for each in found if isinstance(each, bytes))
        if counted > recorded:
            recorded, changed = counted, time.monotonic()
        time.sleep(0.02)
    return recorded, changed - began


def resume(scenario: Scenario, running: Running, tools: Tools, before: Usage, blank: Measurement) -> Measurement:
    """
    `clients` come back at once for `resumed` lines each, while LIVE_CLIENTS others watch another channel.

    The latencies are those of the others; how long the herd took is in `extra`.
    """
    position = checkpoint(running.port)
    fill = replace(scenario, rate=0, flat_out_lines=scenario.resumed)
    with tools.run("publish", **publishing(fill, running)) as filling:
        filling.report(PATIENCE_SECONDS + scenario.seconds)
    watched = replace(running, path=f"/message?channel={LIVE_CHANNEL}")
    live = replace(scenario, clients=LIVE_CLIENTS)
    lines = {**publishing(live, running), "channel": LIVE_CHANNEL}
    again = {"lines": scenario.resumed, "last_event_id": position, "ramp": None}
    with connected(live, watched, tools) as watching, tools.run("publish", **lines) as publisher:
        meter = Meter(running, before)
        with connected(scenario, running, tools, **again) as herd:
            report = herd.report(PATIENCE_SECONDS + 2 * scenario.seconds)
        while publisher.running:
            meter.sample()
        watching.tell(str(publisher.report(PATIENCE_SECONDS)["sent"]))
        others = watching.report(2 * PATIENCE_SECONDS)
    asked = scenario.clients * scenario.resumed
    found = replace(delivered(blank, report, {}), asked=asked, commands=(herd.command, publisher.command))
    latency = others["latency"]
    faults = others["missing"] + others["duplicates"] + others["gaps"]
    found = replace(found, **{name: latency[name] for name in ("p50_ms", "p90_ms", "p99_ms", "max_ms")})
    took = report["completed_seconds"] if report["complete"] == scenario.clients else float("inf")
    return meter.finish(replace(found, extra={"herd_seconds": took, "live_faults": float(faults)}))


def checkpoint(port: int) -> str:
    """The id of where the channel is now: what a new client is told first."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", f"/message?channel={CHANNEL % 0}")
        response = connection.getresponse()
        while line := response.readline():
            if line.startswith(b"id: "):
                return line[4:].decode().strip()
    finally:
        connection.close()
    raise Broken("the hub has told a new client no id")
