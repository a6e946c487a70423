"""The arithmetic of bench/model/costs.py and bench/model/simulate.py, and the tables of docs/scaling.md."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.model.costs import Costs, Point, Workload, fit_costs, least_squares, scripts_per_second
from bench.model.points import CALIBRATION, FITTED, TESTED
from bench.model.simulate import PATH_SECONDS, capacity_cells, comparison_cells, publish_times, simulate
from bench.report.tables import markdown_table

# Round numbers: 50 µs per chunk, 5 µs per subscriber, and nothing else.
SIMPLE = Costs(
    idle_share=0.0,
    wake_us=50.0,
    line_us=0.0,
    flush_us=0.0,
    send_us=5.0,
    byte_ns=0.0,
    read_us=0.0,
    read_line_us=0.0,
)
KNOWN = Costs(0.01, 40.0, 2.0, 600.0, 5.0, 0.5, 4.0, 0.2)


def share_of(costs: Costs, workload: Workload, lines: float) -> float:
    """Return the share of a core that `workload` takes when `lines` share a chunk."""
    if not workload.rate:
        return costs.idle_share
    us_per_chunk = costs.chunk_us(lines) + workload.clients * costs.write_us(workload, lines)
    us_per_second = workload.rate / lines * us_per_chunk + scripts_per_second(workload) * costs.flush_us
    return costs.idle_share + us_per_second / 1e6


def watched_point(costs: Costs, workload: Workload, lines: float = 1.0) -> Point:
    """Return the point that would be measured with `costs` when `lines` share a chunk, with subscribers."""
    cpu_us = share_of(costs, workload, lines) * 1e6 / workload.deliveries
    reader_us = (costs.read_us + lines * costs.read_line_us) / lines
    return Point("", workload, (cpu_us,), chunk_lines=(lines,), reader_us=(reader_us,))


def unwatched_point(rate: float, share: float) -> Point:
    """Return a point without subscribers, at which the hub takes `share` of a core."""
    return Point("", Workload(0, rate), ms_per_second=(share * 1e3,))


def test_the_fit_recovers_known_costs() -> None:
    costs = replace(KNOWN, flush_us=0.0)
    unwatched = [unwatched_point(rate, share_of(costs, Workload(0, rate), 1)) for rate in (0, 100, 1000)]
    # At high rates only the cost of an additional line matters, with the same number of chunks and no scripts.
    unwatched += [unwatched_point(rate, 0.5 + rate * costs.line_us / 1e6) for rate in (10_000, 100_000)]
    watched = [(Workload(100, 100), 1.0), (Workload(1000, 100, burst=10), 10.0), (Workload(1000, 5000), 100.0)]

    fitted = fit_costs([*unwatched, *(watched_point(costs, workload, lines) for workload, lines in watched)])

    for name in costs.__dataclass_fields__:
        assert getattr(fitted, name) == pytest.approx(getattr(costs, name), abs=1e-6), name


def test_the_cost_of_a_flush_is_fitted_to_the_remainder_at_low_rates() -> None:
    unwatched = [unwatched_point(rate, share_of(KNOWN, Workload(0, rate), 1)) for rate in (0, 100, 1_000)]
    unwatched += [unwatched_point(10_000, 1.0), unwatched_point(100_000, 1.0 + 90_000 * KNOWN.line_us / 1e6)]
    watched = [watched_point(KNOWN, Workload(100, 100)), watched_point(KNOWN, Workload(1000, 100, burst=10), 10.0)]

    fitted = fit_costs([*unwatched, *watched])

    assert fitted.flush_us == pytest.approx(600.0)
    assert (fitted.wake_us, fitted.line_us) == pytest.approx((40.0, 2.0))
    assert (fitted.send_us, fitted.byte_ns) == pytest.approx((5.0, 0.5))


def test_least_squares_solves_consistent_equations_exactly() -> None:
    assert least_squares([(1, 0, 3), (0, 2, 8), (1, 1, 7)]) == pytest.approx((3, 4))


def test_the_recorder_runs_a_script_per_burst_within_its_limits() -> None:
    assert scripts_per_second(Workload(0, 2)) == 2
    assert scripts_per_second(Workload(0, 100, burst=50)) == 2
    assert scripts_per_second(Workload(0, 100)) == 4
    assert scripts_per_second(Workload(0, 1_000)) == 5
    assert scripts_per_second(Workload(0, 5_000)) == 20
    assert scripts_per_second(Workload(0, 100_000)) == 200


def test_a_single_line_reaches_the_last_subscriber_after_one_round() -> None:
    prediction = simulate(SIMPLE, Workload(1_000, 10), reader=False)

    assert prediction is not None
    assert prediction.chunk_lines == 1
    # 50 µs plus 1,000 times 5 µs, ten times a second.
    assert prediction.share == pytest.approx(0.0505)
    assert prediction.cpu_us == pytest.approx(5.05)
    # The last of the simulated places is 25 subscribers before the end.
    assert prediction.p99_ms == pytest.approx(PATH_SECONDS * 1e3 + 0.05 + 975.5 * 0.005)


def test_lines_that_arrive_during_a_round_share_the_next_chunk() -> None:
    prediction = simulate(SIMPLE, Workload(1_000, 2_000), reader=False)

    # A round takes 5.05 ms and its cool-down 3.54 ms; meanwhile 17.2 lines arrive.
    assert prediction is not None
    assert prediction.chunk_lines == pytest.approx(17.2, rel=0.05)
    assert prediction.share == pytest.approx(1 / 1.7, abs=0.01)
    assert prediction.cpu_us == pytest.approx(0.5 / 1.7, abs=0.01)


def test_half_a_core_doubles_the_round_and_the_lines_per_chunk() -> None:
    workload = Workload(1_000, 2_000)
    full, half = simulate(SIMPLE, workload, reader=False), simulate(SIMPLE, workload, 0.5, False)

    assert full is not None
    assert half is not None
    # Rounds and cool-downs: 5.05 + 3.54 ms, and 10.1 + 5 ms, the longest cool-down.
    assert half.chunk_lines == pytest.approx(15.1 / 8.59 * full.chunk_lines, rel=0.05)
    assert half.p99_ms > 1.5 * full.p99_ms


def test_a_burst_is_one_chunk() -> None:
    prediction = simulate(SIMPLE, Workload(1_000, 100, burst=10), reader=False)

    assert prediction is not None
    assert prediction.chunk_lines == 10
    assert prediction.share == pytest.approx(0.0505)


def test_batches_are_50_ms_apart() -> None:
    prediction = simulate(SIMPLE, Workload(1_000, 1_000, batch=True), reader=False)

    assert prediction is not None
    assert prediction.chunk_lines == pytest.approx(50, rel=0.05)
    assert prediction.share == pytest.approx(20 * 0.00505, rel=0.05)
    assert 45 < prediction.p99_ms < 60


def test_a_full_batch_is_sent_at_once() -> None:
    prediction = simulate(SIMPLE, Workload(10, 50_000, batch=True), reader=False)

    assert prediction is not None
    assert prediction.chunk_lines == pytest.approx(500, rel=0.15)


def test_latency_includes_the_time_of_a_slow_reader() -> None:
    slow = replace(SIMPLE, read_us=10.0)
    prediction = simulate(slow, Workload(1_000, 10))

    # The reader needs 10 ms for a round that the hub writes in 5 ms.
    assert prediction is not None
    assert prediction.p99_ms == pytest.approx(0.15 + 976 * 0.01, rel=0.01)


def test_the_hub_falls_behind_if_copying_bytes_alone_takes_the_whole_core() -> None:
    costs = replace(SIMPLE, byte_ns=1.0)

    # At 245 bytes per line, 4.08 million deliveries per second take 1,000 ms of copying.
    assert simulate(costs, Workload(1_000, 4_200)) is None
    assert simulate(costs, Workload(1_000, 3_800)) is not None
    assert simulate(costs, Workload(1_000, 3_800), core=0.5) is None


def test_there_is_no_prediction_without_deliveries() -> None:
    assert simulate(SIMPLE, Workload(0, 100)) is None


def test_lines_are_published_at_the_publishers_ticks() -> None:
    assert publish_times(Workload(1, 1_000, burst=2), 4) == pytest.approx([0, 0, 0.002, 0.002])
    assert publish_times(Workload(1, 10_000), 4) == pytest.approx([0, 0.00025, 0.00025, 0.0005])


def test_predictions_hold_for_points_not_used_for_the_fit() -> None:
    """Measured CPU lies between the predictions for a full core and for half a core, within 25 %."""
    costs = fit_costs((*CALIBRATION, *FITTED))

    for each in TESTED:
        full, half = simulate(costs, each.workload), simulate(costs, each.workload, core=0.5)
        assert full is not None
        assert half is not None
        for measured in each.cpu_us:
            assert half.cpu_us * 0.75 < measured < full.cpu_us * 1.25, each.key


def test_the_page_on_scaling_has_the_tables_of_the_model() -> None:
    costs = fit_costs((*CALIBRATION, *FITTED))
    text = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()

    for cells in (comparison_cells(costs, TESTED), capacity_cells(costs), capacity_cells(costs, batch=True)):
        assert markdown_table(cells) in text
