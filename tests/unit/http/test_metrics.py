"""The metrics of a hub, as Prometheus reads them and the documents list them."""

import ast
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from sse_hub.alerts.rule import parse_rule
from sse_hub.alerts.rule_state import RuleState
from sse_hub.alerts.working_rules import WorkingRules
from sse_hub.filters.line import FilteredLine
from sse_hub.http.context import Context
from sse_hub.http.errors import REASONS
from sse_hub.http.metrics import HubCollector
from sse_hub.http.prometheus import merge_workers, render
from sse_hub.hub.counters import REFUSED
from sse_hub.hub.start_position import Tail
from tests.support.in_memory import Client, new_hub, publish
from tests.support.settings import ROOT


async def metrics_of_a_hub() -> list[Metric]:
    hub, source = new_hub()
    publish(hub, "shop.api", "{}")
    await Client(hub, "shop.*").open(Tail(1))
    log = SimpleNamespace(watermark=hub.ingest.last_fence, recording=True)
    recorder = SimpleNamespace(recording=True)
    rule = RuleState(parse_rule("no-1", {"channels": ["shop.*"]}), 0)
    rule.feed(FilteredLine(b"{}", "shop.api", "5000-1", 5_000))
    evaluator = SimpleNamespace(rules=WorkingRules([rule]), behind_ms=500)
    sender = SimpleNamespace(waiting=lambda: {"ops": 1})
    alerts = SimpleNamespace(evaluator=evaluator, sender=sender)
    context = SimpleNamespace(hub=hub, source=SimpleNamespace(ready=True), log=log, recorder=recorder, alerts=alerts)
    return list(HubCollector(cast(Context, context)).collect())


class Families(Collector):
    """A collector of these families."""

    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def test_the_texts_of_workers_become_one_prometheus_text_with_a_worker_label_on_each_sample() -> None:
    hostile = 'a"b\\c\nd'
    buckets = [("1.0", 1), ("+Inf", 2)]
    lines = CounterMetricFamily("sse_hub_lines", "Lines.", labels=["channel_ns"])
    lines.add_metric([hostile], 3)
    families = [
        lines,
        GaugeMetricFamily("sse_hub_clients", "Streams.", 2.0),
        HistogramMetricFamily("sse_hub_stall_seconds", "Stalls.", buckets=buckets, sum_value=1.5),
        GaugeHistogramMetricFamily("sse_hub_lag_bytes", "Lags.", buckets=buckets, gsum_value=7.0),
    ]

    text = merge_workers({0: render(Families(*families)), 1: render(Families(lines)), 2: None}).decode()

    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    found = {(each.name, each.labels.get("worker"), each.labels.get("le")): each.value for each in samples}
    assert found["sse_hub_lines_total", "0", None] == found["sse_hub_lines_total", "1", None] == 3
    assert [each.labels["channel_ns"] for each in samples if each.name == "sse_hub_lines_total"] == [hostile] * 2
    assert found["sse_hub_clients", "0", None] == 2
    assert found["sse_hub_stall_seconds_bucket", "0", "+Inf"] == found["sse_hub_stall_seconds_count", "0", None] == 2
    assert found["sse_hub_stall_seconds_sum", "0", None] == 1.5
    assert found["sse_hub_lag_bytes_bucket", "0", "1.0"] == 1
    assert (found["sse_hub_lag_bytes_gcount", "0", None], found["sse_hub_lag_bytes_gsum", "0", None]) == (2, 7)
    assert [found["sse_hub_worker_up", str(number), None] for number in range(3)] == [1, 1, 0]


def test_the_merged_text_declares_each_metric_once_with_its_type() -> None:
    lines = CounterMetricFamily("sse_hub_lines", "Lines.", 3)
    text = render(Families(lines, HistogramMetricFamily("sse_hub_lag", "Lags.", buckets=[("+Inf", 2)], sum_value=1)))

    declared = [line for line in merge_workers({0: text, 1: text}).decode().splitlines() if line.startswith("# TYPE")]

    assert declared[-2:] == ["# TYPE sse_hub_lines_total counter", "# TYPE sse_hub_lag histogram"]
    assert len(declared) == 4


async def test_dashboard_and_manual_name_only_existing_metrics_and_the_manual_all() -> None:
    names = {each.name for each in await metrics_of_a_hub()} | {"sse_hub_info", "sse_hub_worker_up"}
    dashboard = (ROOT / "docs" / "grafana.json").read_text()
    manual = (ROOT / "docs" / "operations.md").read_text()
    suffix = r"(?:_total|_bucket|_count|_sum)?(?=\W)"

    shown = set(re.findall(rf"\b(sse_hub_[a-z_]+?){suffix}", dashboard))
    told = set(re.findall(rf"`(sse_hub_[a-z_]+?){suffix}", manual)) - {"sse_hub_process_"}

    assert shown <= names
    assert {name for name in names if not name.startswith(("sse_hub_process_", "sse_hub_info"))} <= told
    assert told <= names


async def test_the_metrics_report_what_a_hub_has_done() -> None:
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for metric in await metrics_of_a_hub()
        for sample in metric.samples
    }

    assert samples["sse_hub_lines_total", "received", "shop"] == 1
    assert samples["sse_hub_lines_total", "delivered", "shop"] == 1
    assert samples["sse_hub_clients",] == 1
    assert samples["sse_hub_channels",] == 1
    assert samples["sse_hub_recorder_lag_seconds",] == 0
    assert samples["sse_hub_alerts_total", "no-1"] == samples["sse_hub_rule_matches_total", "no-1"] == 1
    assert samples["sse_hub_rule_last_alert_seconds", "no-1"] == 5
    assert samples["sse_hub_rules_behind_seconds",] == 0.5


def test_all_refusal_reasons_exist_from_the_start_and_are_in_the_manual() -> None:
    """Those that the code has: what it raises, and what the porter and the routes say themselves."""
    found = set(REASONS.values())
    for path in (ROOT / "sse_hub").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
            if name in {"LimitExceeded", "record_refusal", "Refusal"}:
                constants = [each.value for each in cast(ast.Call, node).args if isinstance(each, ast.Constant)]
                found |= {each for each in constants[:1] if isinstance(each, str)}
    manual = (ROOT / "docs" / "limits.md").read_text() + (ROOT / "docs" / "operations.md").read_text()

    assert found == set(REFUSED)
    assert [reason for reason in REFUSED if f"`{reason}`" not in manual] == []
