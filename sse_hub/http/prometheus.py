"""
Readings of one or several workers as the text that Prometheus reads.

    readings --> dumped() --> between workers --> exposition({number: readings}) --> text, each sample with its worker
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sse_hub import __version__
from sse_hub.http.metrics import Reading, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WORKER = "worker"
FAMILIES: dict[str, Callable[..., Metric]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
    "gaugehistogram": GaugeHistogramMetricFamily,
}


def dumped(readings: Iterable[Reading]) -> bytes:
    """`readings` for another worker."""
    return json.dumps([[*each[:3], each.samples] for each in readings]).encode()


def exposition(by_worker: Mapping[int, bytes | None]) -> bytes:
    """What Prometheus reads: the dumped() readings of each worker; None stands for one that did not answer."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gathered(by_worker))
    return generate_latest(registry)


class _Gathered(Collector):
    def __init__(self, by_worker: Mapping[int, bytes | None]) -> None:
        self._by_worker = by_worker

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("sse_hub_worker_up", "0 for a worker that did not answer in time.", labels=[WORKER])
        metrics: dict[str, Metric] = {}
        for number, dump in self._by_worker.items():
            up.add_metric([str(number)], dump is not None)
            for name, kind, help, samples in json.loads(dump) if dump else ():
                for sample in samples:
                    _add(metrics, name, kind, help, Sample(*sample), str(number))
        info = GaugeMetricFamily("sse_hub_info", "The version of the hub.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield up
        yield from metrics.values()


def _add(metrics: dict[str, Metric], name: str, kind: str, help: str, sample: Sample, worker: str) -> None:
    if name not in metrics:
        metrics[name] = FAMILIES[kind](name, help, labels=[*sample.labels, WORKER])
    # The four have nothing in common that says how samples are added.
    family: Any = metrics[name]
    values = [*sample.labels.values(), worker]
    if sample.buckets:
        family.add_metric(values, sample.buckets, sample.value)
    else:
        family.add_metric(values, sample.value)
