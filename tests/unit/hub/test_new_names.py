"""New channels that are taken in a second, and whose they are (R5)."""

from sse_hub.hub.new_names import BURST_SECONDS, NewNames, group_of, may_match
from tests.support.in_memory import Client, line, new_hub, numbers, publish


def test_r5_names_that_begin_alike_are_a_group() -> None:
    names = {"n.1": "n", "job-17.log": "job-", "app": "app", "7f3a": "", ".x.y": "x", "a/b:c": "a", "": ""}

    assert {name: group_of(name) for name in names} == names


def test_r5_a_pattern_may_match_a_group_only_if_a_name_of_it_can() -> None:
    assert all(may_match(pattern, "job-") for pattern in ("*", "j*", "job-*", "job-1*", "job-17.log", "*x"))
    assert not any(may_match(pattern, "job-") for pattern in ("app.*", "job.*", "joc*", "job-a*", "app.1"))
    assert may_match("7*", "") and not may_match("a*", "")


def test_r5_a_flood_leaves_room_for_the_new_names_of_others() -> None:
    limit = NewNames(100)
    at_once = sum(limit.admit(f"n.{n}", 0.0) for n in range(50_000))
    taken, others = 0, 0
    for second in range(1, 61):
        taken += sum(limit.admit(f"n.{second}.{n}", second + n / 2_000) for n in range(1_900))
        others += sum(limit.admit(f"team{second}-{n}", second + 0.96) for n in range(5))

    assert 100 * BURST_SECONDS <= at_once <= 100 * (BURST_SECONDS + 1)
    assert 60 * 40 <= taken <= 60 * 105
    assert others == 60 * 5


def test_r5_without_a_limit_every_name_is_taken() -> None:
    limit = NewNames(0)

    assert all(limit.admit(f"n.{n}", 0.0) for n in range(50_000))


async def test_r5_a_channel_that_is_taken_later_says_what_it_lacks_and_its_lines_have_the_right_ids() -> None:
    hub, _ = new_hub(new_channels_per_second="1")
    everything = await Client(hub, "*").open()
    for n in range(200):
        publish(hub, f"n.{n}", line(n))
    assert hub.ingest.registry.get(b"late") is None
    publish(hub, "n.late", line(1), line(2))
    assert hub.ingest.registry.get(b"n.late") is None
    everything.events()

    # A stream that names it takes it at once, in the middle of what follows a fence.
    fence = hub.ingest.last_fence
    named = Client(hub, "n.late")
    hub.ingest.last_fence, hub.ingest.fence_received = fence, lambda fence: None  # type: ignore[method-assign]
    await named.open()
    publish(hub, "n.late", line(3))

    [gap, third] = everything.events()
    assert (gap.type, gap.json["channel"], gap.json["reason"]) == ("gap", "n.late", "trimmed")
    assert third.json["n"] == 3
    assert numbers(named.events()) == [3]
    assert hub.ingest.registry["n.late"].ring.last == (fence, 3)
