"""A scrape of `/metrics`."""

from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tests.support.http_client import fetch
from tests.support.servers import HubProcess


class Metrics(NamedTuple):
    """One scrape: values by sample name and labels, and the names of all metrics."""

    values: dict[tuple[str, frozenset[tuple[str, str]]], float]
    names: set[str]

    def get(self, name: str, **labels: str) -> float:
        """The sum of the samples called `name` that have `labels`."""
        wanted = set(labels.items())
        return sum(value for (each, has), value in self.values.items() if each == name and wanted <= has)


def scrape(hub: HubProcess, headers: Mapping[str, str] | None = None) -> Metrics:
    answer = fetch(hub, "/metrics", headers=headers)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    families = list(text_string_to_metric_families(answer.body.decode()))
    samples = [sample for family in families for sample in family.samples]
    values = {(sample.name, frozenset(sample.labels.items())): float(sample.value) for sample in samples}
    assert len(values) == len(samples), "a series is reported twice"
    return Metrics(values, {family.name for family in families})
