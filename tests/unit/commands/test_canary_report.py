"""The canary's report: exit status, text and latencies."""

import json
from dataclasses import replace
from random import Random

import pytest

from sse_hub.commands.canary.latency import Latency
from sse_hub.commands.canary.report import Report

WELL = Report(
    final=True,
    seconds=10.0,
    published=100,
    unsure=3,
    clients=1,
    connected=0,
    reconnects=2,
    errors=1,
    received=100,
    missing=0,
    duplicated=0,
    reordered=0,
    altered=0,
    told=0,
    gaps=1,
    waiting=0,
    foreign=5,
    p50_ms=0.7,
    p90_ms=0.9,
    p99_ms=1.5,
    max_ms=None,
)


def test_reconnects_errors_and_foreign_lines_are_not_faults() -> None:
    assert (WELL.exit_status, WELL.verdict) == (0, "ok")


def test_lines_reported_by_gaps_have_their_own_exit_status() -> None:
    report = replace(WELL, told=5)

    assert (report.exit_status, report.verdict) == (3, "told")


@pytest.mark.parametrize("fault", ["missing", "duplicated", "reordered", "altered"])
def test_each_fault_counts_even_beside_reported_lines(fault: str) -> None:
    report = replace(WELL, told=5, **{fault: 1})  # type: ignore[arg-type]  # each of them is an int

    assert (report.exit_status, report.verdict) == (1, "wrong")


def test_the_text_report_is_one_line_that_begins_with_the_verdict() -> None:
    assert WELL.text().startswith("ok final=yes seconds=10.0 published=100 ")
    assert WELL.text().endswith(" p50_ms=0.7 p90_ms=0.9 p99_ms=1.5 max_ms=-")
    assert "\n" not in WELL.text()


def test_the_json_report_is_one_object_with_the_verdict() -> None:
    found = json.loads(WELL.json())

    assert found["verdict"] == "ok"
    assert (found["published"], found["final"], found["max_ms"]) == (100, True, None)


def test_percentiles_are_within_half_a_percent_of_the_nearest_rank() -> None:
    random = Random(1)
    seconds = [random.lognormvariate(-6, 2) for _ in range(10_000)]
    one, other = Latency(), Latency()
    for index, value in enumerate(seconds):
        (one if index % 2 else other).add(value)
    one.merge(other)

    for percent in (1, 50, 90, 99):
        nearest_rank_ms = sorted(seconds)[percent * 100 - 1] * 1000
        assert one.percentile_ms(percent) == pytest.approx(nearest_rank_ms, rel=0.0051)
    assert one.percentile_ms(100) == one.max_ms == max(seconds) * 1000


def test_without_received_lines_there_are_no_latencies() -> None:
    assert Latency().percentile_ms(50) is Latency().max_ms is None
