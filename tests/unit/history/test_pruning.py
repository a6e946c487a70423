"""Which channels are forgotten when there are too many (R5)."""

from sse_hub.history.pruning import excess
from sse_hub.protocol.ids import EventId


def test_r5_the_largest_groups_give_up_their_channels_with_the_fewest_lines() -> None:
    flood = {f"n.{n}": (EventId(1_000 + n, 1), 1) for n in range(1_000)}
    busy = {f"n.busy{n}": (EventId(5, 1), 50) for n in range(20)}
    known = {f"{name}.log": (EventId(1, 1), 1) for name in ("app", "web", "db")}
    channels = flood | busy | known

    forgotten = excess(channels, 100)

    assert len(channels) - len(forgotten) == 100
    assert not set(forgotten) & (known.keys() | busy.keys())
    assert forgotten == sorted(forgotten, key=lambda name: channels[name][0])


def test_r5_with_as_many_groups_as_channels_those_with_the_fewest_lines_go() -> None:
    channels = {f"{chr(97 + n // 26)}{chr(97 + n % 26)}": (EventId(n, 1), 1 + (n % 5 == 0)) for n in range(400)}

    forgotten = excess(channels, 300)

    assert len(forgotten) == 100
    assert all(channels[name][1] == 1 for name in forgotten)
