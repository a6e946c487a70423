"""The pure parts of the bench: parsing /proc, medians and ratios, tables, plots, the selection of scenarios."""

from xml.etree import ElementTree

import pytest

from bench.machine import kernel_version, processor_name
from bench.procs import PAGE_BYTES, TICKS_PER_SECOND, ProcessStat, parse_stat, process_tree
from bench.report.results import Measurement, cpu_ratio, summarize, summarize_group
from bench.report.svg import bar_chart, bar_lengths
from bench.report.tables import format_number, format_percent, markdown_table, plain_table, scenario_cells
from bench.scenarios import ALL_SERVERS, SCENARIOS, Scenario, quick_scenarios, select

STAT = (
    "42 (a (very) odd name) S 7 42 42 0 -1 4194304 100 0 0 0 150 50 30 20 20 0 3 0 9 1000000 256 18446744073709551615"
)
FANOUT = Scenario("S2", "fan-out", 10, 100, 10, ("hub", "floor"))


def measurement(server: str = "hub", **figures: float) -> Measurement:
    base = {"expected": 1000, "delivered": 1000, "seconds": 2.0, "cpu_seconds": 0.001}
    return Measurement("S2", server, **{**base, **figures})  # type: ignore[arg-type]


def test_stat_is_parsed_whatever_the_process_name() -> None:
    stat = parse_stat(STAT)

    assert (stat.pid, stat.parent) == (42, 7)
    assert stat.cpu_seconds == 250 / TICKS_PER_SECOND
    assert stat.resident_bytes == 256 * PAGE_BYTES


def test_a_process_tree_is_a_process_and_its_descendants() -> None:
    stats = [ProcessStat(pid, parent, 1.0, 10) for pid, parent in [(5, 3), (3, 2), (2, 1), (4, 2), (9, 1), (1, 0)]]

    assert {stat.pid for stat in process_tree(2, stats)} == {2, 3, 4, 5}
    assert process_tree(77, stats) == []


def test_a_row_has_the_medians_of_its_runs() -> None:
    row = summarize_group([measurement(p99_ms=5.0), measurement(p99_ms=100.0), measurement(p99_ms=7.0, delivered=500)])

    assert row.p99_ms == 7.0
    assert row.share == 1.0
    assert row.cpu_us == 1.0
    assert row.per_second == 500.0
    assert row.runs == 3


def test_a_fault_in_one_run_shows_in_the_row() -> None:
    assert summarize_group([measurement(), measurement(gaps=1), measurement()]).faults == 1


def test_a_failed_run_is_left_out_of_the_medians_and_reported() -> None:
    row = summarize_group([measurement(p99_ms=5.0), Measurement("S2", "hub", error="it fell over")])

    assert (row.runs, row.p99_ms, row.error) == (1, 5.0, "it fell over")


def test_rows_are_in_the_order_of_the_runs() -> None:
    rows = summarize([measurement("hub"), measurement("floor"), measurement("hub")])

    assert [(row.server, row.runs) for row in rows] == [("hub", 2), ("floor", 1)]


def test_a_cpu_ratio_is_the_median_of_the_ratios_within_rounds() -> None:
    costs = [(1.0, 0.5), (9.0, 3.0), (2.0, 0.5)]
    runs = [
        measurement(server, cpu_seconds=cost / 1000)
        for round in costs
        for server, cost in zip(("hub", "floor"), round, strict=True)
    ]

    assert cpu_ratio(runs, "S2", "hub", "floor") == pytest.approx(3.0)
    assert cpu_ratio(runs, "S2", "hub", "nchan") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567.0, "1,234,567"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.12345, "0.123"), (0.0, "–")],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert format_number(value) == text


def test_only_a_complete_share_is_100_percent() -> None:
    assert format_percent(1.0) == "100 %"
    assert format_percent(0.99999) == "99.9 %"
    assert format_percent(0.5) == "50.0 %"


def test_a_server_without_results_has_a_row_with_the_reason() -> None:
    rows = summarize([measurement(), Measurement("S2", "nchan", error="no | nginx")])

    cells = scenario_cells(FANOUT, rows, {"nchan": "nginx + Nchan"})

    assert cells[-1] == ["nginx + Nchan", "left out: no | nginx"]
    assert "nginx + Nchan  left out: no | nginx" in plain_table(cells)
    assert markdown_table(cells).splitlines()[-1].startswith("| nginx + Nchan | left out: no \\| nginx | ")


def test_all_lines_of_a_table_have_the_same_columns() -> None:
    markdown = markdown_table(scenario_cells(FANOUT, summarize([measurement(), measurement("floor")]), {})).splitlines()
    plain = plain_table(scenario_cells(FANOUT, summarize([measurement()]), {})).splitlines()

    assert len({line.count("|") for line in markdown}) == 1
    assert len({len(line) for line in plain}) == 1


def test_cpu_is_also_shown_relative_to_the_hub() -> None:
    rows = summarize([measurement(), measurement("nchan", cpu_seconds=0.012)])

    assert "12.0" in scenario_cells(FANOUT, rows, {})[2]


def test_charts_are_xml_and_label_their_bars() -> None:
    chart = bar_chart("S2: CPU", "a & b", [("sse-hub", 1.0, "1 µs"), ("<peer>", 100.0, "100 µs")], "sse-hub")

    texts = [element.text for element in ElementTree.fromstring(chart).iter() if element.tag.endswith("text")]
    assert texts == ["S2: CPU", "a & b, logarithmic", "sse-hub", "1 µs", "<peer>", "100 µs"]


def test_bars_are_proportional_unless_their_range_is_wide() -> None:
    assert bar_lengths([1.0, 2.0]) == [0.5, 1.0]
    assert bar_lengths([1.0, 1000.0])[0] > 0.1


def test_every_channel_gets_the_same_number_of_lines() -> None:
    scenario = Scenario("X", "", 30, 1000, 1.0, ALL_SERVERS, channels=3)

    assert scenario.lines == 999
    assert scenario.deliveries == 30 * 333


def test_the_quick_run_is_short_and_needs_no_peers() -> None:
    assert sum(each.seconds * len(each.servers) for each in quick_scenarios()) < 90
    assert {server for each in quick_scenarios() for server in each.servers} == {"hub", "floor"}


def test_scenarios_are_selected_by_key_or_the_first_part_of_it() -> None:
    assert [each.key for each in select(SCENARIOS, ("S2",), (), 1.0)] == ["S2", "S2-2000", "S2-5000"]
    assert select(SCENARIOS, ("S1",), ("hub",), 0.5)[0].seconds == 5.0
    assert select(SCENARIOS, ("S1",), ("hub",), 0.5)[0].servers == ("hub",)


def test_the_machine_is_described_by_processor_and_bare_kernel_version() -> None:
    assert processor_name("vendor_id : X\nmodel name\t: Fast CPU @ 3 GHz\n") == "Fast CPU @ 3 GHz"
    assert kernel_version("6.1.0-18-cloud-amd64") == "6.1.0"
