"""No more is on its way to a hub than it can hold until it is recorded."""

from sse_hub.commands.ship.reader import SourceBatch
from sse_hub.commands.shipping.flow_control import BYTES, FENCE_LINES, LINES, FlowControl


def batch(lines: int, size: int = 10) -> SourceBatch:
    return SourceBatch("file", 0, lines * size, "app", [b"x" * size] * lines)


def test_there_is_room_until_the_window_is_full_and_again_when_lines_are_recorded() -> None:
    pace = FlowControl()
    for number in range(LINES // 1000):
        assert pace.room
        pace.put(batch(1000))
        pace.published(batch(1000), fence=100 + number if pace.fence_due(batch(1000)) else None)
    assert not pace.room

    pace.recorded(99)
    assert not pace.room
    pace.recorded(100 + FENCE_LINES // 1000)
    assert pace.room


def test_large_lines_fill_it_by_their_bytes() -> None:
    pace = FlowControl()

    pace.put(batch(8, BYTES // 8))

    assert not pace.room


def test_where_nothing_is_recorded_a_window_is_published_each_second() -> None:
    now = 0.0
    pace = FlowControl(lambda: now)
    pace.put(batch(LINES))
    pace.published(batch(LINES), fence=1)

    pace.recorded(None)
    assert not pace.room
    now = 1.1
    pace.recorded(None)

    assert pace.room
