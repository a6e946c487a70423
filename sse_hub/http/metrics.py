"""
What a process reads off itself when it is asked: the numbers of its Tally, and the state of its parts.

    Context --> readings() --> Reading(name, kind, help, samples)... --> JSON between workers, text for Prometheus
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

import psutil

from sse_hub.http.context import Context
from sse_hub.hub.counters import Buckets
from sse_hub.hub.hub import Hub
from sse_hub.hub.subscriber import Subscriber

LAGS_BYTES = (0.0, 1e3, 1e4, 32_768.0, 1e5, 1e6, 1e7, 1e8)

Labels = dict[str, str]


class Sample(NamedTuple):
    """`value` under `labels`; of a histogram, `value` is the sum, and `buckets` has the count up to each bound."""

    labels: Labels
    value: float
    buckets: list[tuple[str, int]]


class Reading(NamedTuple):
    """One metric: `kind` is counter, gauge, histogram (since the start) or gaugehistogram (of this moment)."""

    name: str
    kind: str
    help: str
    samples: list[Sample]


def readings(context: Context) -> Iterator[Reading]:
    """All metrics of this process. Takes a few milliseconds with 10,000 channels or subscribers."""
    hub, source, log, tally = context.hub, context.source, context.log, context.hub.counters
    yield _counters(
        "sse_hub_lines",
        "Lines by namespace of their channel: received from Redis, delivered (counted for each subscriber), recorded.",
        *(({"stage": "received", "channel_ns": name}, count) for name, count in sorted(_received(hub).items())),
        *(({"stage": "delivered", "channel_ns": name}, count) for name, count in sorted(hub.delivered().items())),
        *(({"stage": "recorded", "channel_ns": name}, count) for name, count in sorted(tally.recorded.items())),
    )
    yield _by("sse_hub_gap", "Stretches of lines that could not be delivered.", "reason", tally.gaps)
    yield _histogram(
        "sse_hub_fence_rtt_seconds", "From issuing a fence to seeing it on the session.", tally.fence_round_trips
    )
    yield _counter(
        "sse_hub_redis_sessions", "Sessions to Redis begun; each after the first follows a cut.", tally.redis_sessions
    )
    if log.watermark:
        lag = max(0, hub.ingest.last_fence - log.watermark) / 1000
        yield _gauge("sse_hub_recorder_lag_seconds", "How far the log is behind the last fence; about 1 is usual.", lag)
    yield _gauge("sse_hub_recorder_leader", "1 in the process that records.", context.recorder.recording)
    yield _gauge("sse_hub_recording", "1 while some process has recorded up to a recent fence.", log.recording)
    yield _by(
        "sse_hub_takeovers",
        "Times this process took recording over; covered: without a gap.",
        "covered",
        tally.takeovers,
    )
    yield _counter("sse_hub_recording_failures", "Times recording began to fail.", tally.recording_failures)
    yield _gauge("sse_hub_ready", "1 while /health/ready answers 200.", source.ready and not hub.draining)
    yield _gauge("sse_hub_clients", "Open streams.", hub.subscribers)
    yield Reading(
        "sse_hub_client_lag_bytes",
        "gaugehistogram",
        "What open streams have not been sent yet, in their buffers and, about, in the rings.",
        [_sample({}, _lags(hub))],
    )
    yield _by("sse_hub_slow_closed", "Streams cut because their clients took nothing.", "reason", tally.slow_closed)
    yield _by(
        "sse_hub_resume", "Clients that came back with an id: where what they missed was.", "result", tally.resumes
    )
    yield _counter("sse_hub_replay_lines", "Lines out of the log, for clients.", tally.replayed)
    yield _histogram(
        "sse_hub_write_stall_seconds", "How long a client that took nothing did so, until it did.", tally.write_stalls
    )
    yield _counter("sse_hub_heartbeats", "Heartbeats written.", tally.heartbeats)
    yield _by("sse_hub_redis_errors", "Failures of Redis or of the connection to it.", "kind", tally.redis_errors)
    yield _counter("sse_hub_invalid_fences", "What came as a fence and can't be one.", tally.invalid_fences)
    yield _by("sse_hub_refused", "Requests refused.", "reason", tally.refused)
    yield _gauge(
        "sse_hub_drain_remaining",
        "Streams still to be ended by a hub that stops.",
        hub.subscribers if hub.draining else 0,
    )
    yield _gauge("sse_hub_channels", "Channels known.", len(hub.ingest.registry))
    yield _gauge("sse_hub_ring_bytes", "Memory for the last lines of all channels, about.", hub.ingest.memory.bytes)
    yield from _process()


def _received(hub: Hub) -> Counter[str]:
    received = hub.counters.received.copy()
    for channel in hub.ingest.registry:
        received[channel.namespace] += channel.lines - channel.recorded_before
    return received


def _lags(hub: Hub) -> Buckets:
    lags = Buckets(LAGS_BYTES)
    for feed in hub.feeds:
        for subscriber in feed.subscribers:
            lags.add(_waiting_bytes(subscriber))
    return lags


def _waiting_bytes(subscriber: Subscriber) -> float:
    transport = cast(asyncio.WriteTransport, subscriber.transport)
    waiting = float(transport.get_write_buffer_size())
    if subscriber.position is not None:
        waiting += subscriber.feed.catch_up.backlog_bytes(subscriber.position)
    return waiting


def _process() -> Iterator[Reading]:
    process = psutil.Process()
    with process.oneshot():
        cpu = process.cpu_times()
        yield Reading(
            "sse_hub_process_cpu_seconds",
            "counter",
            "CPU time of the process.",
            [Sample({}, cpu.user + cpu.system, [])],
        )
        yield _gauge("sse_hub_process_resident_bytes", "Memory of the process.", process.memory_info().rss)
        yield _gauge(
            "sse_hub_process_start_time_seconds", "When the process began, since the epoch.", process.create_time()
        )
        yield _gauge("sse_hub_process_open_files", "Open files and connections.", process.num_fds())


def _counter(name: str, help: str, value: int) -> Reading:
    return _counters(name, help, ({}, value))


def _by(name: str, help: str, label: str, counts: Mapping[str, int]) -> Reading:
    return _counters(name, help, *(({label: key}, count) for key, count in sorted(counts.items())))


def _counters(name: str, help: str, *samples: tuple[Labels, int]) -> Reading:
    return Reading(name, "counter", help, [Sample(labels, value, []) for labels, value in samples])


def _gauge(name: str, help: str, value: float) -> Reading:
    return Reading(name, "gauge", help, [Sample({}, float(value), [])])


def _histogram(name: str, help: str, spread: Buckets) -> Reading:
    return Reading(name, "histogram", help, [_sample({}, spread)])


def _sample(labels: Labels, spread: Buckets) -> Sample:
    buckets, total = [], 0
    for bound, count in zip((*spread.bounds, "+Inf"), spread.counts, strict=True):
        total += count
        buckets.append((str(bound), total))
    return Sample(labels, spread.sum, buckets)
