"""When lines come, by the clock of Redis: item 7 of issue 15, for a line that has no time of its own."""

import pytest

from sse_hub.hub.arrival_clock import ArrivalClock

REDIS = 1_795_233_018_000


def after_fences(*delays_ms: float, hub_ahead_ms: float = 0.0) -> ArrivalClock:
    """A clock that got a fence a second; each was on its way for so many ms, by a hub whose clock is ahead of Redis."""
    clock = ArrivalClock()
    for second, delay in enumerate(delays_ms):
        clock.set(REDIS + 1000 * second, (REDIS + 1000 * second + delay + hub_ahead_ms) / 1000)
    return clock


@pytest.mark.parametrize("ahead_ms", [0.0, -(REDIS - 5_000.0), 3_600_000.0])
def test_two_hubs_give_a_line_the_same_moment_whatever_their_own_clocks_show(ahead_ms: float) -> None:
    clock = after_fences(1.0, 1.0, 1.0, hub_ahead_ms=ahead_ms)

    assert clock.moment((REDIS + 2_400 + 1.0 + ahead_ms) / 1000) == pytest.approx(REDIS + 2_400, abs=1)


def test_a_fence_that_had_to_wait_does_not_make_the_lines_after_it_older() -> None:
    clock = after_fences(1.0, 1.0, 300.0)

    assert clock.moment((REDIS + 2_400) / 1000) == pytest.approx(REDIS + 2_400, abs=3)


def test_a_line_never_comes_before_the_fence_in_its_id() -> None:
    clock = after_fences(1.0, 0.0)

    assert clock.moment((REDIS + 900) / 1000) == REDIS + 1_000


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000])
def test_when_the_clock_of_redis_is_set_the_lines_follow_it(step_ms: int) -> None:
    clock = after_fences(1.0, 1.0)
    clock.set(REDIS + 2_000 + step_ms, (REDIS + 2_000) / 1000)

    assert clock.moment((REDIS + 2_250) / 1000) == REDIS + 2_250 + step_ms


def test_moments_follow_clocks_that_drift_apart() -> None:
    clock = after_fences(*(0.5 * second for second in range(1_000)))

    assert clock.moment((REDIS + 999_400 + 499.5) / 1000) == pytest.approx(REDIS + 999_400, abs=1)
