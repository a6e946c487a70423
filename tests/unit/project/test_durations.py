"""Durations: what is accepted, and the error for everything else."""

import pytest

from sse_hub.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1_800), ("24h", 86_400), ("7d", 604_800), ("007s", 7)]
)
def test_a_number_and_a_unit_are_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "90", "-90s", "1.5h", "90 s", "90S", "1h30m", "1234567890s", "٣s", "0s", "1w"]
)
def test_anything_else_is_an_error_that_says_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a duration such as 90s, 30m, 24h or 7d$"):
        parse_duration(text)


def test_0_is_a_duration_where_it_is_allowed() -> None:
    assert parse_duration("0m", allow_zero=True) == 0
