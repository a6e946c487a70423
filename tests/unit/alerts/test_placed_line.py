"""Lines out of the rings, in the order of the log, after any of them."""

import pytest

from sse_hub.alerts.log_position import LogPosition
from sse_hub.alerts.placed_line import PlacedLine, lines_in_rings
from sse_hub.hub.hub import Hub
from tests.support.in_memory import new_hub, publish


async def filled_hub(**settings: str) -> tuple[Hub, list[int]]:
    """A hub with lines on three channels, several between each two fences; and the fences."""
    hub, _ = new_hub(**settings)
    fences = [hub.ingest.last_fence]
    for round in range(4):
        for channel in ("b", "a", "a", "c", "b"):
            publish(hub, channel, *[f"{channel} {round} {n}" for n in range(round + 1)])
        fences.append(fences[-1] + 1_000)
        hub.ingest.fence_received(fences[-1])
    return hub, fences


async def test_lines_come_by_id_and_then_by_channel_from_any_place_on() -> None:
    hub, fences = await filled_hub()
    channels = hub.ingest.registry.recorded()

    lines = list(lines_in_rings(channels, LogPosition(fences[0]), fences[-1]) or ())

    assert len(lines) == 5 * (1 + 2 + 3 + 4)
    assert lines == sorted(lines)
    assert [line[:3] for line in lines[:5]] == [
        (fences[0], 1, "a"),
        (fences[0], 1, "b"),
        (fences[0], 1, "c"),
        (fences[0], 2, "a"),
        (fences[0], 2, "b"),
    ]
    for at, line in enumerate(lines):
        rest: list[PlacedLine] = list(lines_in_rings(channels, LogPosition(*line[:3]), fences[-1]) or ())
        assert rest == lines[at + 1 :]
    for fence in fences:
        before = list(lines_in_rings(channels, LogPosition(fences[0]), fence) or ())
        assert before + list(lines_in_rings(channels, LogPosition(fence), fences[-1]) or ()) == lines


async def test_a_ring_that_does_not_reach_back_has_no_lines_to_give() -> None:
    hub, fences = await filled_hub(ring_lines="100")
    for _ in range(60):
        publish(hub, "a", *["x"] * 3)
    channels = hub.ingest.registry.recorded()

    assert lines_in_rings(channels, LogPosition(fences[0]), fences[-1] + 1) is None
    assert lines_in_rings([each for each in channels if each.name != "a"], LogPosition(fences[0]), fences[-1])


@pytest.mark.parametrize("position", [LogPosition(5, 2, "a:b/c"), LogPosition(1_700_000_000_000), LogPosition(0)])
def test_a_position_comes_back_from_its_text(position: LogPosition) -> None:
    assert LogPosition.from_text(position.to_text()) == position


@pytest.mark.parametrize("text", ["", "5", "5 2", "a b c", "5 2 a b", "-1 0 ", "5 2 a\n"])
def test_what_is_no_position_is_none(text: str) -> None:
    assert LogPosition.from_text(text) is None
