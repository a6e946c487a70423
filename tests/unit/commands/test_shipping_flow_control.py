"""Flow control: no more unrecorded lines are sent to a hub than it can hold."""

from sse_hub.commands.shipping.batch import SourceBatch
from sse_hub.commands.shipping.flow_control import FENCE_LINES, MAX_BYTES, MAX_LINES, FlowControl


def batch(lines: int, size: int = 10) -> SourceBatch:
    return SourceBatch("file", 0, lines * size, "app", [b"x" * size] * lines)


def test_the_window_fills_with_published_lines_and_empties_as_they_are_recorded() -> None:
    pace = FlowControl()
    for number in range(MAX_LINES // 1000):
        assert pace.has_room
        pace.add(batch(1000))
        pace.mark_published(batch(1000), fence=100 + number if pace.fence_due(batch(1000)) else None)
    assert not pace.has_room

    pace.mark_recorded(99)
    assert not pace.has_room
    pace.mark_recorded(100 + FENCE_LINES // 1000)
    assert pace.has_room


def test_large_lines_fill_the_window_by_their_bytes() -> None:
    pace = FlowControl()

    pace.add(batch(8, MAX_BYTES // 8))

    assert not pace.has_room


def test_without_recording_one_window_is_published_per_second() -> None:
    now = 0.0
    pace = FlowControl(lambda: now)
    pace.add(batch(MAX_LINES))
    pace.mark_published(batch(MAX_LINES), fence=1)

    pace.mark_recorded(None)
    assert not pace.has_room
    now = 1.1
    pace.mark_recorded(None)

    assert pace.has_room
