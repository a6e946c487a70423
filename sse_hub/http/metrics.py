"""
The metrics of one process: its counters, and the state of its parts.

    GET /metrics --> HubCollector(context).collect() --> prometheus_client's metric families
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import psutil
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sse_hub.http.context import Context
from sse_hub.hub.counters import Buckets
from sse_hub.hub.hub import Hub
from sse_hub.hub.subscriber import Subscriber

LAGS_BYTES = (0.0, 1e3, 1e4, 32_768.0, 1e5, 1e6, 1e7, 1e8)

# The most rings looked at for the lags of a scrape: some milliseconds.
MAX_LOOKS = 10_000


class HubCollector(Collector):
    """A prometheus_client collector of the process that `context` belongs to."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """All metrics of this process. Takes a few milliseconds with 10,000 channels or subscribers."""
        yield from self._lines()
        yield from self._recording()
        yield from self._streams()
        yield from self._alerts()
        yield from self._rules()
        yield from self._failures()
        yield from self._memory()
        yield from _process()

    def _lines(self) -> Iterator[Metric]:
        hub, counters = self._context.hub, self._context.hub.counters
        hub.ingest.registry.count_received()
        lines = CounterMetricFamily(
            "sse_hub_lines",
            "Lines by namespace of their channel: received from Redis, delivered (once for each subscriber), recorded.",
            labels=["stage", "channel_ns"],
        )
        counts = {"received": counters.received, "delivered": hub.delivered(), "recorded": counters.recorded}
        for stage, by_namespace in counts.items():
            for namespace, count in sorted(by_namespace.items()):
                lines.add_metric([stage, namespace], count)
        yield lines
        yield _counter_by("sse_hub_gap", "Gaps: ranges of lines that could not be delivered.", "reason", counters.gaps)

    def _recording(self) -> Iterator[Metric]:
        hub, log, counters = self._context.hub, self._context.log, self._context.hub.counters
        yield _histogram(
            "sse_hub_fence_rtt_seconds",
            "Time from issuing a fence to receiving it on the session.",
            counters.fence_round_trips,
        )
        yield CounterMetricFamily(
            "sse_hub_redis_sessions",
            "Sessions with Redis begun; each one after the first follows a lost connection.",
            counters.redis_sessions,
        )
        if log.watermark:
            yield GaugeMetricFamily(
                "sse_hub_recorder_lag_seconds",
                "How far the log is behind the last fence; about 1 is normal.",
                max(0, hub.ingest.last_fence - log.watermark) / 1000,
            )
        yield GaugeMetricFamily(
            "sse_hub_recorder_leader", "1 in the process that records.", self._context.recorder.recording
        )
        yield GaugeMetricFamily(
            "sse_hub_recording", "1 while some process has recorded up to a recent fence.", log.recording
        )
        yield _counter_by(
            "sse_hub_takeovers",
            "Times this process took over recording; covered: without a gap.",
            "covered",
            counters.takeovers,
        )
        yield CounterMetricFamily(
            "sse_hub_recording_failures", "Times recording began to fail.", counters.recording_failures
        )

    def _streams(self) -> Iterator[Metric]:
        hub, counters = self._context.hub, self._context.hub.counters
        yield GaugeMetricFamily(
            "sse_hub_ready", "1 while /health/ready answers 200.", self._context.source.ready and not hub.draining
        )
        yield GaugeMetricFamily("sse_hub_clients", "Open streams.", hub.subscribers)
        lags = _lags(hub)
        yield GaugeHistogramMetricFamily(
            "sse_hub_client_lag_bytes",
            "Bytes not yet sent to each open stream: in its buffers and, estimated, in the rings.",
            buckets=_cumulative(lags),
            gsum_value=lags.sum,
        )
        yield _counter_by(
            "sse_hub_slow_closed",
            "Streams closed because their clients did not read.",
            "reason",
            counters.slow_closed,
        )
        yield _counter_by(
            "sse_hub_resume",
            "Clients that reconnected with an id, by where their missed lines were found.",
            "result",
            counters.resumes,
        )
        yield CounterMetricFamily("sse_hub_replay_lines", "Lines read from the log for clients.", counters.replayed)
        yield _histogram(
            "sse_hub_write_stall_seconds", "How long a client read nothing before it read again.", counters.write_stalls
        )
        yield CounterMetricFamily("sse_hub_heartbeats", "Heartbeats written.", counters.heartbeats)
        yield GaugeMetricFamily(
            "sse_hub_drain_remaining",
            "Streams that a stopping hub has yet to end.",
            hub.subscribers if hub.draining else 0,
        )

    def _alerts(self) -> Iterator[Metric]:
        counters, sender = self._context.hub.counters, self._context.alerts.sender
        yield _counter_by("sse_hub_alerts_sent", "Alerts sent.", "destination", counters.alerts_sent)
        yield _counter_by(
            "sse_hub_alert_failures", "Tries to send an alert that failed.", "destination", counters.alert_failures
        )
        yield _counter_by(
            "sse_hub_alerts_given_up",
            "Alerts that were not sent, after 24 h or because too many were waiting.",
            "destination",
            counters.alerts_given_up,
        )
        waiting = GaugeMetricFamily(
            "sse_hub_alerts_waiting",
            "Alerts to be sent, in the process that sends them.",
            labels=["destination"],
        )
        for name, count in sorted(sender.waiting().items()):
            waiting.add_metric([name], count)
        yield waiting

    def _rules(self) -> Iterator[Metric]:
        evaluator = self._context.alerts.evaluator
        # By rule: there is a limit to how many operators can make.
        alerts = CounterMetricFamily("sse_hub_alerts", "Alerts that a rule has made.", labels=["rule"])
        matches = CounterMetricFamily("sse_hub_rule_matches", "Lines that have matched a rule.", labels=["rule"])
        last = GaugeMetricFamily(
            "sse_hub_rule_last_alert_seconds", "When a rule made its last alert, since the epoch.", labels=["rule"]
        )
        for state in evaluator.rules:
            alerts.add_metric([state.rule.id], state.alerts)
            matches.add_metric([state.rule.id], state.matches)
            last.add_metric([state.rule.id], state.last_alert_ms / 1000)
        yield from (alerts, matches, last)
        yield GaugeMetricFamily(
            "sse_hub_rules_behind_seconds", "How far the rules are behind the log.", evaluator.behind_ms / 1000
        )

    def _failures(self) -> Iterator[Metric]:
        counters = self._context.hub.counters
        yield _counter_by(
            "sse_hub_redis_errors", "Failures of Redis or of the connection to it.", "kind", counters.redis_errors
        )
        yield CounterMetricFamily(
            "sse_hub_invalid_fences", "Messages on the fence channel that can't be fences.", counters.invalid_fences
        )
        yield CounterMetricFamily(
            "sse_hub_unserved_lines", "Lines of channels that this hub does not serve.", counters.unserved
        )
        yield CounterMetricFamily(
            "sse_hub_filter_seconds",
            "Time that filters of live streams have taken.",
            self._context.hub.ingest.filter_budget.seconds,
        )
        yield _counter_by("sse_hub_refused", "Requests refused.", "reason", counters.refused)

    def _memory(self) -> Iterator[Metric]:
        ingest = self._context.hub.ingest
        yield GaugeMetricFamily("sse_hub_channels", "Channels known.", len(ingest.registry))
        yield GaugeMetricFamily(
            "sse_hub_ring_bytes", "Memory used by the last lines of all channels, estimated.", ingest.memory.bytes
        )


def _lags(hub: Hub) -> Buckets:
    lags = Buckets(LAGS_BYTES)
    subscribers = [each for feed in hub.feeds for each in feed.subscribers]
    looks = sum(len(each.feed.rings) for each in subscribers if each.position)
    # With many behind on many channels, that would take seconds: then each of some stands for several.
    step = 1 + looks // MAX_LOOKS
    for at in range(0, len(subscribers), step):
        waiting = _waiting_bytes(subscribers[at])
        for _ in range(min(step, len(subscribers) - at)):
            lags.add(waiting)
    return lags


def _waiting_bytes(subscriber: Subscriber) -> float:
    transport = cast(asyncio.WriteTransport, subscriber.transport)
    waiting = float(transport.get_write_buffer_size())
    if subscriber.position is not None:
        waiting += subscriber.feed.catch_up.backlog_bytes(subscriber.position)
    return waiting


def _process() -> Iterator[Metric]:
    process = psutil.Process()
    with process.oneshot():
        cpu = process.cpu_times()
        yield CounterMetricFamily("sse_hub_process_cpu_seconds", "CPU time of the process.", cpu.user + cpu.system)
        yield GaugeMetricFamily("sse_hub_process_resident_bytes", "Memory of the process.", process.memory_info().rss)
        yield GaugeMetricFamily(
            "sse_hub_process_start_time_seconds", "Start of the process, since the epoch.", process.create_time()
        )
        yield GaugeMetricFamily("sse_hub_process_open_files", "Open files and connections.", process.num_fds())


def _counter_by(name: str, help: str, label: str, counts: Mapping[str, int]) -> Metric:
    metric = CounterMetricFamily(name, help, labels=[label])
    for key, count in sorted(counts.items()):
        metric.add_metric([key], count)
    return metric


def _histogram(name: str, help: str, buckets: Buckets) -> Metric:
    return HistogramMetricFamily(name, help, buckets=_cumulative(buckets), sum_value=buckets.sum)


def _cumulative(buckets: Buckets) -> Sequence[tuple[str, int]]:
    cumulative, total = [], 0
    for bound, count in zip((*buckets.bounds, "+Inf"), buckets.counts, strict=True):
        total += count
        cumulative.append((str(bound), total))
    return cumulative
