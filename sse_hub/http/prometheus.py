"""
Metrics as Prometheus's text format, of one process or of all workers of a hub.

    collector --> render() --> text --> to the asked worker --> merge_workers() --> text, with a worker for each sample

The format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from sse_hub import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WORKER = "worker"


def render(collector: Collector) -> bytes:
    """What `collector` collects now, in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


def merge_workers(texts: Mapping[int, bytes | None]) -> bytes:
    """
    One text of the rendered `texts` of all workers, by worker number; None stands for a worker that did not answer.

    Every sample gets the label `worker`; the hub's version and the workers that are up are added. Takes some 6 ms for
    each worker.
    """
    return render(_WorkersCollector(texts))


class _WorkersCollector(Collector):
    def __init__(self, texts: Mapping[int, bytes | None]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("sse_hub_info", "The version of the hub.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        up = GaugeMetricFamily("sse_hub_worker_up", "0 for a worker that did not answer in time.", labels=[WORKER])
        for number, text in self._texts.items():
            up.add_metric([str(number)], text is not None)
        yield up
        yield from self._merged()

    def _merged(self) -> list[Metric]:
        merged: dict[str, Metric] = {}
        for number, text in self._texts.items():
            for family in text_string_to_metric_families((text or b"").decode()):
                metric = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                metric.samples += [
                    sample._replace(labels={**sample.labels, WORKER: str(number)}) for sample in family.samples
                ]
        return list(merged.values())
