"""The pure parts of the bench: reading /proc, medians and ratios, tables, plots, the choice of scenarios."""

from xml.etree import ElementTree

import pytest

from bench.machine import kernel, processor
from bench.procs import PAGE_BYTES, TICKS_PER_SECOND, Stat, parse_stat, tree_of
from bench.report.results import Measurement, ratio, row_of, rows_of
from bench.report.svg import bars, scaled
from bench.report.tables import cells_of, markdown, number, percent, plain
from bench.scenarios import ALL, SCENARIOS, Scenario, chosen, quick

STAT = (
    "42 (a (very) odd name) S 7 42 42 0 -1 4194304 100 0 0 0 150 50 30 20 20 0 3 0 9 1000000 256 18446744073709551615"
)
FANOUT = Scenario("S2", "fan-out", 10, 100, 10, ("hub", "floor"))


def measured(server: str = "hub", **figures: float) -> Measurement:
    base = {"asked": 1000, "delivered": 1000, "seconds": 2.0, "cpu_seconds": 0.001}
    return Measurement("S2", server, **{**base, **figures})  # type: ignore[arg-type]


def test_cpu_and_memory_are_read_from_stat_whatever_the_process_is_called() -> None:
    stat = parse_stat(STAT)

    assert (stat.pid, stat.parent) == (42, 7)
    assert stat.cpu_seconds == 250 / TICKS_PER_SECOND
    assert stat.resident_bytes == 256 * PAGE_BYTES


def test_a_tree_is_a_process_and_its_descendants() -> None:
    stats = [Stat(pid, parent, 1.0, 10) for pid, parent in [(5, 3), (3, 2), (2, 1), (4, 2), (9, 1), (1, 0)]]

    assert {stat.pid for stat in tree_of(2, stats)} == {2, 3, 4, 5}
    assert tree_of(77, stats) == []


def test_a_row_has_the_medians_of_its_runs() -> None:
    row = row_of([measured(p99_ms=5.0), measured(p99_ms=100.0), measured(p99_ms=7.0, delivered=500)])

    assert row.p99_ms == 7.0
    assert row.share == 1.0
    assert row.cpu_us == 1.0
    assert row.per_second == 500.0
    assert row.runs == 3


def test_a_fault_in_one_run_is_in_the_row() -> None:
    assert row_of([measured(), measured(gaps=1), measured()]).faults == 1


def test_a_failed_run_is_left_out_of_the_medians_and_told() -> None:
    row = row_of([measured(p99_ms=5.0), Measurement("S2", "hub", error="it fell over")])

    assert (row.runs, row.p99_ms, row.error) == (1, 5.0, "it fell over")


def test_rows_stand_in_the_order_of_the_runs() -> None:
    rows = rows_of([measured("hub"), measured("floor"), measured("hub")])

    assert [(row.server, row.runs) for row in rows] == [("hub", 2), ("floor", 1)]


def test_a_ratio_is_the_median_of_the_ratios_within_rounds() -> None:
    costs = [(1.0, 0.5), (9.0, 3.0), (2.0, 0.5)]
    runs = [
        measured(server, cpu_seconds=cost / 1000)
        for round in costs
        for server, cost in zip(("hub", "floor"), round, strict=True)
    ]

    assert ratio(runs, "S2", "hub", "floor") == pytest.approx(3.0)
    assert ratio(runs, "S2", "hub", "nchan") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567.0, "1,234,567"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.12345, "0.123"), (0.0, "–")],
)
def test_numbers_have_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_not_all_is_never_called_all() -> None:
    assert percent(1.0) == "100 %"
    assert percent(0.99999) == "99.9 %"
    assert percent(0.5) == "50.0 %"


def test_a_server_that_is_missing_is_a_row_with_the_reason() -> None:
    rows = rows_of([measured(), Measurement("S2", "nchan", error="no | nginx")])

    cells = cells_of(FANOUT, rows, {"nchan": "nginx + Nchan"})

    assert cells[-1] == ["nginx + Nchan", "left out: no | nginx"]
    assert "nginx + Nchan  left out: no | nginx" in plain(cells)
    assert markdown(cells).splitlines()[-1].startswith("| nginx + Nchan | left out: no \\| nginx | ")


def test_every_line_of_a_table_has_as_many_cells() -> None:
    lines = markdown(cells_of(FANOUT, rows_of([measured(), measured("floor")]), {})).splitlines()

    assert len({line.count("|") for line in lines}) == 1
    assert len({len(line) for line in plain(cells_of(FANOUT, rows_of([measured()]), {})).splitlines()}) == 1


def test_costs_stand_beside_those_of_the_hub() -> None:
    rows = rows_of([measured(), measured("nchan", cpu_seconds=0.012)])

    assert "12.0" in cells_of(FANOUT, rows, {})[2]


def test_plots_are_xml_and_name_their_bars() -> None:
    plot = bars("S2: CPU", "a & b", [("sse-hub", 1.0, "1 µs"), ("<peer>", 100.0, "100 µs")], "sse-hub")

    texts = [element.text for element in ElementTree.fromstring(plot).iter() if element.tag.endswith("text")]
    assert texts == ["S2: CPU", "a & b, logarithmic", "sse-hub", "1 µs", "<peer>", "100 µs"]


def test_bars_are_in_proportion_unless_they_are_far_apart() -> None:
    assert scaled([1.0, 2.0]) == [0.5, 1.0]
    assert scaled([1.0, 1000.0])[0] > 0.1


def test_lines_are_the_same_number_on_every_channel() -> None:
    scenario = Scenario("X", "", 30, 1000, 1.0, ALL, channels=3)

    assert scenario.lines == 999
    assert scenario.deliveries == 30 * 333


def test_the_quick_run_is_short_and_needs_no_installs() -> None:
    assert sum(each.seconds * len(each.servers) for each in quick()) < 90
    assert {server for each in quick() for server in each.servers} == {"hub", "floor"}


def test_scenarios_are_chosen_by_key_or_its_first_part() -> None:
    assert [each.key for each in chosen(SCENARIOS, ("S2",), (), 1.0)] == ["S2", "S2-2000", "S2-5000"]
    assert chosen(SCENARIOS, ("S1",), ("hub",), 0.5)[0].seconds == 5.0
    assert chosen(SCENARIOS, ("S1",), ("hub",), 0.5)[0].servers == ("hub",)


def test_the_machine_is_told_by_processor_and_plain_version() -> None:
    assert processor("vendor_id : X\nmodel name\t: Fast CPU @ 3 GHz\n") == "Fast CPU @ 3 GHz"
    assert kernel("6.1.0-18-cloud-amd64") == "6.1.0"
