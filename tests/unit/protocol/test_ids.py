"""Ids and cursors."""

from datetime import UTC, datetime

import pytest

from sse_hub.errors import InvalidId
from sse_hub.protocol.ids import Cursor, EventId, cursor_since, cursor_until, iso_time

NOW = datetime(2026, 11, 21, 3, 50, 18, tzinfo=UTC)
NOW_MS = 1795233018000
EARLIEST_MS = NOW_MS - 1500


def test_an_id_is_a_redis_stream_id_and_sorts_by_fence_then_count() -> None:
    assert str(EventId(1732160000000, 5)) == "1732160000000-5"
    assert EventId(2, 0) > EventId(1, 99) > EventId(1, 98)


@pytest.mark.parametrize("text", ["1-0", "1732160000000-5", "1732160000000-1.0.12"])
def test_a_cursor_is_spelled_as_it_was_parsed(text: str) -> None:
    assert str(Cursor.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "x", "1", "1-", "-1", "1-2-3", "1-1.", "1-1..2", " 1-1", "1-1\n", "1-٣", "9" * 21 + "-1", "1-" + "1." * 40],
)
def test_a_text_that_is_not_a_cursor_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(InvalidId, match="is not an event id"):
        Cursor.parse(text)


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("17-4", Cursor(17, (4,))),
        ("-15m", Cursor(EARLIEST_MS - 900_000, (0,))),
        ("-2h", Cursor(EARLIEST_MS - 7_200_000, (0,))),
        ("2026-11-21T03:50:18Z", Cursor(EARLIEST_MS, (0,))),
        ("2026-11-21T03:50:18", Cursor(EARLIEST_MS, (0,))),
        ("2026-11-21T05:50:18+02:00", Cursor(EARLIEST_MS, (0,))),
        ("2026-11-21T05:50:18 02:00", Cursor(EARLIEST_MS, (0,))),
        ("2026-11-21T03:50:18.250Z", Cursor(EARLIEST_MS + 250, (0,))),
        ("1960-01-01", Cursor(0, (0,))),
        ("-999999999d", Cursor(0, (0,))),
    ],
)
def test_since_accepts_an_id_a_time_or_a_duration(text: str, cursor: Cursor) -> None:
    assert cursor_since(text, NOW) == cursor


@pytest.mark.parametrize("text", ["", "yesterday", "15m", "-15", "-15y", "2026-13-01", "1-x"])
def test_an_invalid_since_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(InvalidId, match="an ISO time"):
        cursor_since(text, NOW)


def test_until_includes_everything_before_it() -> None:
    assert cursor_until("17-4", NOW) == Cursor(17, (4,))
    assert cursor_until("2026-11-21T03:50:18Z", NOW) == Cursor(NOW_MS, (0,))
    assert cursor_until("-1s", NOW) == Cursor(NOW_MS - 1000, (0,))
    with pytest.raises(InvalidId, match="before='x' is not understood"):
        cursor_until("x", NOW, "before")


@pytest.mark.parametrize(
    ("fence", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOW_MS + 7, "2026-11-21T03:50:18.007Z"),
        (2**64 - 1, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_fence_is_a_time(fence: int, text: str) -> None:
    assert iso_time(fence) == text
