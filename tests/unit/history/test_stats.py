"""Counts over lines: per step, by value, and percentiles; bounded, and equal to those of a simple count."""

import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_hub.filters.compile import compile_filter
from sse_hub.filters.line import FilteredLine
from sse_hub.history import stats
from sse_hub.history.log_range import BEGINNING, LogRange
from sse_hub.history.merge import Item, OutOfTime, RecordedLine, reverse_key
from sse_hub.history.number_counts import PERCENTS, NumberCounts, percentiles, three_digits
from sse_hub.history.stats import (
    NICE_STEPS,
    USUAL_STEPS,
    Counted,
    LineCounter,
    Question,
    count_lines,
    usual_step_seconds,
)
from sse_hub.history.value_counts import MAX_VALUE_CHARACTERS, ValueCounts
from sse_hub.hub.backend import LogGap
from sse_hub.hub.fair_lock import FairLock
from sse_hub.protocol.ids import Cursor, EventId
from sse_hub.protocol.selection import Selection

RANGE = LogRange(Selection(("a", "b"), ()), BEGINNING, Cursor(10_000, (0,)), 10_000, 10_000)


def recorded(fence: int, n: int, text: str, channel: str = "a", moment: int | None = None) -> Item:
    id = EventId(fence, n)
    line = RecordedLine(id, channel, text.encode(), fence if moment is None else moment)
    return reverse_key(id), line


async def runs_of(items: Iterable[Item], out_of_time: bool = False) -> AsyncIterator[list[Item]]:
    for item in items:
        yield [item]
    if out_of_time:
        raise OutOfTime(reverse_key(EventId(500, 3)))


async def counted(question: Question, items: Sequence[Item], tally: Any = None, **options: bool) -> Counted:
    return await count_lines(RANGE, runs_of(items, **options), question, tally, lambda size: None, FairLock())


async def test_lines_are_counted_in_the_step_in_which_they_came() -> None:
    items = [
        recorded(9_000, 2, "{}", moment=9_100),
        recorded(9_000, 1, "{}", moment=8_999),
        recorded(2_000, 1, "{}", "b", moment=2_000),
    ]

    result = await counted(Question(1_000), items)

    assert result.counter.steps == {9_000: 1, 8_000: 1, 2_000: 1}
    assert (result.counter.looked_at, result.reached, result.more) == (3, EventId(2_000, 1), False)


async def test_only_lines_that_match_and_came_within_the_times_are_counted() -> None:
    came = ((5_000, "error"), (4_999, "error"), (4_500, "info"), (4_000, "error"), (3_999, "error"))
    items = [recorded(moment, 1, json.dumps({"level": level})) for moment, level in came]
    question = Question(1_000, compile_filter("level>=error", 0), begin_ms=4_000, end_ms=5_000)

    result = await counted(question, items)

    assert result.counter.steps == {4_000: 2}
    assert result.counter.looked_at == 5


async def test_a_line_that_is_too_long_for_a_filter_is_a_gap() -> None:
    filter = compile_filter("/[xy]{900}/", 0)

    result = await counted(Question(1_000, filter), [recorded(9_000, 2, "x" * 900), recorded(8_000, 1, "x" * 20_000)])

    assert result.counter.steps == {9_000: 1}
    assert [(gap.channel, gap.reason) for gap in result.counter.gaps] == [("a", "filter")]


async def test_a_line_that_was_published_twice_counts_once() -> None:
    text = '{"message": "x", "line_id": "7"}'

    result = await counted(Question(1_000), [recorded(9_000, 2, text), recorded(8_000, 1, text)])

    assert result.counter.steps == {9_000: 1}
    assert result.counter.looked_at == 2


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_COUNTED_LINES", 2), ("MAX_READ_BYTES", 20), ("MAX_TALLY_BYTES", 600)]
)
async def test_a_full_answer_ends_before_an_id_and_the_next_one_goes_on_there(
    limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, limit, value)
    items = [recorded(9_000, n, f'{{"n": {n}000}}', name) for n, name in ((3, "a"), (2, "b"), (2, "a"), (1, "a"))]
    gap = LogGap(None, EventId(1_000, 0), EventId(9_000, 2), None, "recorder-down")
    items.insert(3, (reverse_key(EventId(9_000, 1)), gap))
    tally = ValueCounts("n")

    first = await counted(Question(1_000), items, tally)
    second = await counted(Question(1_000), items[4:], ValueCounts("n"))

    assert first.counter.looked_at == 3, "two lines with the same id are in one answer"
    assert (first.reached, first.more) == (EventId(9_000, 2), True)
    assert first.counter.gaps == [], "the gap lies where the next answer goes on"
    assert second.counter.looked_at == 1
    assert second.more is False


async def test_an_answer_has_a_bounded_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "MAX_ANSWER_STEPS", 2)
    items = [recorded(moment, 1, "{}") for moment in (9_000, 8_000, 7_999, 6_000)]

    result = await counted(Question(1_000), items)

    assert result.counter.steps == {9_000: 1, 8_000: 1}
    assert (result.reached, result.more) == (EventId(8_000, 1), True)


async def test_an_answer_whose_time_is_over_says_from_where_it_counted() -> None:
    result = await counted(Question(1_000), [recorded(9_000, 1, "{}")], out_of_time=True)

    assert (result.reached, result.more) == (EventId(500, 4), True)


async def test_a_gap_behind_the_last_line_belongs_to_a_complete_answer() -> None:
    gap = LogGap("a", EventId(0, 0), EventId(9_000, 1), None, "trimmed")

    result = await counted(Question(1_000), [recorded(9_000, 1, "{}"), (reverse_key(EventId(9_000, 0)), gap)])

    assert result.counter.gaps == [gap]


@given(st.integers(0, 400 * 86_400_000))
def test_the_usual_step_makes_about_120_steps(range_ms: int) -> None:
    step = usual_step_seconds(range_ms)

    assert step in NICE_STEPS
    assert range_ms < step * 1_000 * (USUAL_STEPS + 1)
    assert step == 1 or range_ms > NICE_STEPS[NICE_STEPS.index(step) - 1] * 1_000 * USUAL_STEPS


def tally_of(tally: Any, *payloads: object) -> Any:
    for n, payload in enumerate(payloads):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        tally.add(FilteredLine(text.encode(), "shop.api"), 1_000 * (n % 2))
    return tally


scalars = st.sampled_from(["u7", "u8", "", "é新", 7, 7.5, True, None, 12345678901234567890])


@given(st.lists(st.one_of(scalars, st.lists(scalars, max_size=3))), st.integers(1, 4))
def test_the_count_of_a_value_is_the_number_of_lines_that_its_filter_finds(found: list[Any], top: int) -> None:
    payloads = [{"user": each} for each in found]
    result = tally_of(ValueCounts("user"), *payloads).top(top)

    whole, steps = result.whole(), [result.of_step(step, edge=False) for step in (0, 1_000)]

    for row in whole["values"]:
        test = compile_filter('user="{}"'.format(row["value"]), 0)
        assert row["count"] == sum(test.matches(FilteredLine(json.dumps(each).encode())) for each in payloads)
    counts = [row["count"] for row in whole["values"]]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == min(top, whole["distinct"])
    assert [sum(column) for column in zip(*(step["values"] for step in steps), strict=True)] == counts
    assert whole["others"] == sum(step["others"] for step in steps)
    assert whole["without"] == sum(step["without"] for step in steps)
    # Whatever is equally frequent, the same lines in another order have the same values.
    assert tally_of(ValueCounts("user"), *payloads[::-1]).top(top).whole()["values"] == whole["values"]


def test_levels_and_channels_and_fields_of_real_formats_are_values() -> None:
    lines = [
        {"level": "WARN", "msg": "slow"},
        "level=warn ts=2026-11-21T03:50:18Z service=api msg=slow",
        '1.2.3.4 - - [21/Nov/2026:03:50:18 +0000] "GET /a HTTP/1.1" 503 12 "-" "curl"',
        {"level": "AUDIT"},
    ]

    def values(by: str) -> dict[str, int]:
        rows: Any = tally_of(ValueCounts(by), *lines).top(9).whole()["values"]
        return {row["value"]: row["count"] for row in rows}

    assert values("level") == {"warn": 2, "error": 1, "none": 1}
    assert values("channel") == {"shop.api": 4}
    assert values("status") == {"503": 1}
    assert values("logger") == {"api": 1}


def test_long_values_are_cut() -> None:
    whole = tally_of(ValueCounts("a"), {"a": "x" * 10_000}, {"a": "x" * 9_000}, {"a": "x" * 9}).top(5).whole()

    assert [(len(row["value"]), row["count"]) for row in whole["values"]] == [(MAX_VALUE_CHARACTERS, 2), (9, 1)]


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(st.lists(numbers, min_size=1))
def test_a_percentile_is_the_exact_one_to_three_digits(values: list[float]) -> None:
    pairs = sorted(Counter(map(three_digits, values)).items())
    exact = [sorted(values)[math.ceil(percent / 100 * len(values)) - 1] for percent in PERCENTS]

    assert percentiles(pairs, len(values), PERCENTS) == [three_digits(each) for each in exact]
    assert all(abs(three_digits(each) - each) <= 0.005_000_1 * abs(each) for each in exact if abs(each) > 1e-300)


def test_durations_and_sizes_are_numbers_as_in_the_filter_language() -> None:
    def whole(name: str, *values: object) -> Any:
        return tally_of(NumberCounts(name), *({name: value} for value in values)).percentiles().whole()

    took = whole("took", "12ms", "1.5s", 8, "slow", None, True, [30, "1m"])
    assert (took["kind"], took["numbers"], took["min"], took["max"]) == ("duration", 5, 8, 60_000)
    assert took["rounded"] == [(8, 1), (12, 1), (30, 1), (1_500, 1), (60_000, 1)]
    assert (took["p50"], took["p90"]) == (30, 60_000)
    assert whole("took_us", 1_500)["max"] == 1.5
    assert (whole("size", "2MB", 100)["kind"], whole("size", "2MB", 100)["max"]) == ("size", 2e6)
    assert (whole("n", 1, "2", 1e400, -3)["kind"], whole("n", 1, "2", -3)["min"]) == ("number", -3)
    mixed = whole("x", "1ms", "2ms", "3kB", 4)
    assert (mixed["kind"], mixed["numbers"], mixed["others"]) == ("duration", 3, 1)
    nothing = whole("x", "slow")
    assert (nothing["numbers"], nothing["min"], nothing["p50"], nothing["rounded"]) == (0, None, None, [])


def test_what_lies_inside_is_not_beyond_the_ends() -> None:
    whole: Any = tally_of(NumberCounts("n"), {"n": 12_345}).percentiles().whole()

    assert (whole["min"], whole["p50"], whole["p99"], whole["max"]) == (12_345, 12_345, 12_345, 12_345)
    assert whole["rounded"] == [(12_300, 1)]


def test_the_edges_of_an_answer_have_their_numbers_so_that_two_answers_add_up() -> None:
    parts = tally_of(NumberCounts("n"), {"n": 1}, {"n": 2}, {"n": 3}).percentiles()

    assert parts.of_step(0, edge=True)["rounded"] == [(1, 1), (3, 1)]
    assert "rounded" not in parts.of_step(0, edge=False)
    assert parts.of_step(7_000, edge=False)["numbers"] == 0


def test_memory_grows_with_what_is_new_alone() -> None:
    values, numbers_ = ValueCounts("n"), NumberCounts("n")
    tally_of(values, {"n": 1}, {"n": 1})
    tally_of(numbers_, {"n": 1}, {"n": 1})
    sizes = values.size, numbers_.size

    tally_of(values, *[{"n": 1}] * 50)
    tally_of(numbers_, *[{"n": 1}] * 50)
    assert (values.size, numbers_.size) == sizes
    tally_of(values, {"n": 2})
    tally_of(numbers_, {"n": 2})
    assert values.size > sizes[0]
    assert numbers_.size > sizes[1]


def test_a_line_counter_needs_no_tally() -> None:
    counter = LineCounter(Question(1_000), None)

    assert counter.take(recorded(9_000, 1, "{}"))
    assert counter.steps == {9_000: 1}
