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
from sse_hub.keys import CHANNELS, log_key

RECORDED = (CHANNEL % 0).encode()
STAMP = re.compile(rb'"t":(\d+)')
LAG_EVERY_SECONDS = 0.25
LIVE_CHANNEL = "live%d"
LIVE_CLIENTS = 100


def ingest(scenario: Scenario, running: Running, tools: Tools, meter: Meter, blank: Measurement) -> Measurement:
    """How many lines are recorded, and how old the newest recorded line is while they come."""
    if not running.redis:
        raise Broken("only a server with a Redis records")
    lags: list[float] = []
    with running.redis.client() as client, tools.run("publish", **publishing(scenario, running)) as publisher:
        while publisher.running:
            time.sleep(LAG_EVERY_SECONDS)
            lags += newest_age(client)
        published = publisher.report(PATIENCE_SECONDS)
        recorded = wait_for_recorded(client, published["sent"])
        seconds = published["seconds"] + recorded[1]
        figures = {
            "publish_rate": published["rate"],
            "recorded": float(recorded[0]),
            "recorded_per_second": recorded[0] / seconds,
            "lag_median_s": median(lags or [0.0]),
            "lag_max_s": max(lags, default=0.0),
        }
    found = replace(blank, published=published["sent"], extra=figures, commands=(publisher.command,))
    return meter.finish(found)


def newest_age(client: redis.Redis) -> list[float]:
    """Seconds since the newest line of the log was published; nothing when there is none, or it is of no publisher."""
    entries = client.xrevrange(log_key(RECORDED.decode()), count=1)
    text = repr(entries).encode()
    match = STAMP.search(text)
    return [(time.monotonic_ns() - int(match[1])) / 1e9] if match else []


def wait_for_recorded(client: redis.Redis, wanted: int) -> tuple[int, float]:
    """How many lines were recorded, and how many seconds it took until they were `wanted`, or patience was over."""
    began = time.monotonic()
    recorded = 0
    while recorded < wanted and time.monotonic() - began < PATIENCE_SECONDS:
        found = client.hget(CHANNELS, RECORDED.decode())
        recorded = int(bytes(found).split()[1]) if isinstance(found, bytes) else 0
        time.sleep(0.02)
    return recorded, time.monotonic() - began


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
    found = replace(found, p50_ms=latency["p50_ms"], p99_ms=latency["p99_ms"], max_ms=latency["max_ms"])
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
