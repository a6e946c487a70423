"""The arithmetic of bench/model/costs.py and bench/model/simulate.py, and that docs/scaling.md says what they say."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.model.costs import Costs, Load, Point, fitted, flushes, least_squares
from bench.model.points import CALIBRATION, TESTED, WATCHED
from bench.model.simulate import PATH_SECONDS, arrivals, capacity, comparison, simulate
from bench.report.tables import markdown

# Round numbers: 50 µs for a chunk, 5 µs for each subscriber, and nothing else.
PLAIN = Costs(
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


def share_of(costs: Costs, load: Load, lines: float) -> float:
    """What `load` takes of a core when `lines` share a chunk."""
    chunks = load.rate / lines
    work = chunks * (costs.head_us(lines) + load.clients * costs.write_us(load, lines)) if load.rate else 0.0
    return costs.idle_share + (work + (flushes(load) * costs.flush_us if load.rate else 0.0)) / 1e6


def point(load: Load, lines: float = 1.0) -> Point:
    """What would be measured if KNOWN were what things cost."""
    share = share_of(KNOWN, load, lines)
    if not load.clients:
        return Point("alone", load, ms_a_second=(share * 1e3,))
    reader_us = (KNOWN.read_us + lines * KNOWN.read_line_us) / lines
    return Point("watched", load, (share * 1e6 / load.deliveries,), chunk_lines=(lines,), reader_us=(reader_us,))


def test_costs_that_are_known_are_found_again() -> None:
    costs = replace(KNOWN, flush_us=0.0)
    alone = [
        Point("", Load(0, rate), ms_a_second=(share_of(costs, Load(0, rate), 1) * 1e3,)) for rate in (0, 100, 1000)
    ]
    # Of a high rate only what a line more costs counts, with as many chunks and no script of the recorder.
    alone += [Point("", Load(0, rate), ms_a_second=(500 + rate * costs.line_us / 1e3,)) for rate in (10_000, 100_000)]
    watched = [(Load(100, 100), 1.0), (Load(1000, 100, burst=10), 10.0), (Load(1000, 5000), 100.0)]
    points = [
        Point(
            "",
            load,
            (share_of(costs, load, lines) * 1e6 / load.deliveries,),
            chunk_lines=(lines,),
            reader_us=((costs.read_us + lines * costs.read_line_us) / lines,),
        )
        for load, lines in watched
    ]

    found = fitted([*alone, *points])

    for name in costs.__dataclass_fields__:
        assert getattr(found, name) == pytest.approx(getattr(costs, name), abs=1e-6), name


def test_a_flush_is_told_from_what_is_left_at_a_low_rate() -> None:
    rates = (0, 100, 1_000, 10_000, 100_000)
    a_line = KNOWN.wake_us + KNOWN.line_us
    shares = [
        KNOWN.idle_share + (rate * a_line + (flushes(Load(0, rate)) * KNOWN.flush_us if rate else 0)) / 1e6
        for rate in rates[:3]
    ]
    shares += [1.0, 1.0 + 90_000 * KNOWN.line_us / 1e6]
    alone = [Point("", Load(0, rate), ms_a_second=(share * 1e3,)) for rate, share in zip(rates, shares, strict=True)]

    found = fitted([*alone, point(Load(100, 100)), point(Load(1000, 100, burst=10), 10.0)])

    assert found.flush_us == pytest.approx(600.0)
    assert (found.wake_us, found.line_us) == pytest.approx((40.0, 2.0))
    assert (found.send_us, found.byte_ns) == pytest.approx((5.0, 0.5))


def test_least_squares_solve_exactly_what_can_be_solved() -> None:
    assert least_squares([(1, 0, 3), (0, 2, 8), (1, 1, 7)]) == pytest.approx((3, 4))


def test_the_recorder_flushes_as_often_as_there_is_something_but_not_always() -> None:
    assert flushes(Load(0, 2)) == 2
    assert flushes(Load(0, 100, burst=50)) == 2
    assert flushes(Load(0, 100)) == 4
    assert flushes(Load(0, 1_000)) == 5
    assert flushes(Load(0, 5_000)) == 20
    assert flushes(Load(0, 100_000)) == 200


def test_a_lonely_line_is_with_the_last_subscriber_after_one_round() -> None:
    found = simulate(PLAIN, Load(1_000, 10), reader=False)

    assert found is not None
    assert found.chunk_lines == 1
    # 50 µs and 1,000 times 5 µs, ten times a second.
    assert found.share == pytest.approx(0.0505)
    assert found.cpu_us == pytest.approx(5.05)
    # The last of the places that stand for all is 25 subscribers before the end.
    assert found.p99_ms == pytest.approx(PATH_SECONDS * 1e3 + 0.05 + 975.5 * 0.005)


def test_lines_that_come_during_a_round_share_the_next_chunk() -> None:
    found = simulate(PLAIN, Load(1_000, 2_000), reader=False)

    # A round takes 5.05 ms and a rest of 3.54, in which 17.2 lines come.
    assert found is not None
    assert found.chunk_lines == pytest.approx(17.2, rel=0.05)
    assert found.share == pytest.approx(1 / 1.7, abs=0.01)
    assert found.cpu_us == pytest.approx(0.5 / 1.7, abs=0.01)


def test_half_a_core_doubles_the_round_and_what_shares_it() -> None:
    whole, half = simulate(PLAIN, Load(1_000, 2_000), reader=False), simulate(PLAIN, Load(1_000, 2_000), 0.5, False)

    assert whole is not None
    assert half is not None
    # 5.05 and 3.54 ms; 10.1 and 5, the longest rest.
    assert half.chunk_lines == pytest.approx(15.1 / 8.59 * whole.chunk_lines, rel=0.05)
    assert half.p99_ms > 1.5 * whole.p99_ms


def test_a_burst_is_one_chunk_for_everybody() -> None:
    found = simulate(PLAIN, Load(1_000, 100, burst=10), reader=False)

    assert found is not None
    assert found.chunk_lines == 10
    assert found.share == pytest.approx(0.0505)


def test_batches_are_fifty_milliseconds_apart() -> None:
    found = simulate(PLAIN, Load(1_000, 1_000, batch=True), reader=False)

    assert found is not None
    assert found.chunk_lines == pytest.approx(50, rel=0.05)
    assert found.share == pytest.approx(20 * 0.00505, rel=0.05)
    assert 45 < found.p99_ms < 60


def test_a_batch_that_is_full_does_not_wait() -> None:
    found = simulate(PLAIN, Load(10, 50_000, batch=True), reader=False)

    assert found is not None
    assert found.chunk_lines == pytest.approx(500, rel=0.15)


def test_the_reader_is_waited_for() -> None:
    slow = replace(PLAIN, read_us=10.0)
    found = simulate(slow, Load(1_000, 10))

    # It needs 10 ms for a round that the hub has written in 5.
    assert found is not None
    assert found.p99_ms == pytest.approx(0.15 + 976 * 0.01, rel=0.01)


def test_a_load_whose_bytes_alone_fill_the_core_falls_behind() -> None:
    costs = replace(PLAIN, byte_ns=1.0)

    # 245 bytes a line: 4.08 million deliveries a second are 1,000 ms of copying.
    assert simulate(costs, Load(1_000, 4_200)) is None
    assert simulate(costs, Load(1_000, 3_800)) is not None
    assert simulate(costs, Load(1_000, 3_800), core=0.5) is None


def test_nothing_delivered_is_nothing_predicted() -> None:
    assert simulate(PLAIN, Load(0, 100)) is None


def test_lines_are_published_at_the_ticks_of_the_publisher() -> None:
    assert arrivals(Load(1, 1_000, burst=2), 4) == pytest.approx([0, 0, 0.002, 0.002])
    assert arrivals(Load(1, 10_000), 4) == pytest.approx([0, 0.00025, 0.00025, 0.0005])


def test_the_predictions_hold_for_points_that_gave_no_costs() -> None:
    """CPU is bracketed by a core alone and half a core, up to a quarter."""
    costs = fitted((*CALIBRATION, *WATCHED))

    for each in TESTED:
        whole, half = simulate(costs, each.load), simulate(costs, each.load, core=0.5)
        assert whole is not None
        assert half is not None
        for measured in each.cpu_us:
            assert half.cpu_us * 0.75 < measured < whole.cpu_us * 1.25, each.key


def test_the_document_has_the_tables_of_the_model() -> None:
    costs = fitted((*CALIBRATION, *WATCHED))
    text = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()

    for cells in (comparison(costs, TESTED), capacity(costs), capacity(costs, batch=True)):
        assert markdown(cells) in text
