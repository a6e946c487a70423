"""The ring of one channel."""

import pytest

from sse_hub.hub.ring import Batch, Ring, RingGap
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.sse import Gap

LIMIT = 1_000_000


def batch(fence: int, first: int, *payloads: bytes, seq: int = 0) -> Batch:
    return Batch("log", seq, fence, first, list(payloads), LIMIT, 1000 * fence + first)


def missed(fence: int) -> RingGap:
    return RingGap("log", 0, EventId(fence, 0), Gap("log", "0-0", f"{fence}-0", None, "recorder-down"))


@pytest.fixture
def ring() -> Ring:
    """Indexes 0..4: ids 5-1 5-2, then 5-3, then 7-1 7-2."""
    ring = Ring(EventId(5, 0), max_lines=100)
    ring.append(batch(5, 1, b"{}", b"{}"))
    ring.append(batch(5, 3, b"{}"))
    ring.append(batch(7, 1, b"{}", b"{}"))
    return ring


@pytest.mark.parametrize(
    ("id", "index"),
    [
        (EventId(5, 0), 0),
        (EventId(5, 1), 1),
        (EventId(5, 2), 2),
        (EventId(5, 3), 3),
        (EventId(5, 99), 3),
        (EventId(6, 0), 3),
        (EventId(7, 0), 3),
        (EventId(7, 1), 4),
        (EventId(7, 2), 5),
        (EventId(9, 9), 5),
        (EventId(1, 1), 0),
    ],
)
def test_an_id_finds_the_index_of_the_line_after_it(ring: Ring, id: EventId, index: int) -> None:
    assert ring.index_after(id) == index


@pytest.mark.parametrize(
    ("index", "fence", "count"), [(0, 5, 0), (1, 5, 1), (3, 5, 3), (3, 7, 0), (4, 7, 1), (5, 7, 2), (5, 5, 0)]
)
def test_lines_before_an_index_are_counted_by_fence(ring: Ring, index: int, fence: int, count: int) -> None:
    assert ring.count_before(index, fence) == count


def test_entries_start_with_the_one_that_holds_the_index(ring: Ring) -> None:
    assert [entry.index for entry in ring.entries_from(1)] == [0, 2, 3]
    assert [entry.index for entry in ring.entries_from(2)] == [2, 3]
    assert [entry.index for entry in ring.entries_backwards()] == [3, 2, 0]


def test_a_ring_holds_at_most_its_limit_of_lines() -> None:
    ring = Ring(EventId(5, 0), max_lines=3)

    for n in range(1, 11):
        ring.append(batch(5, n, b"{}"))
        ring.trim()

    assert (ring.first, ring.end) == (7, 10)
    assert ring.start == EventId(5, 7)
    assert ring.covers(EventId(5, 7))
    assert not ring.covers(EventId(5, 6))


def test_unrecorded_lines_stay_in_the_ring_beyond_its_limit() -> None:
    ring = Ring(EventId(5, 0), max_lines=3)
    for n in range(1, 11):
        ring.append(batch(5, n, b"{}"))

    ring.trim(keep_from=4)
    assert (ring.first, ring.end) == (4, 10)

    ring.trim(keep_from=9)
    assert (ring.first, ring.end) == (7, 10)


def test_a_batch_larger_than_the_ring_is_kept_whole() -> None:
    ring = Ring(EventId(5, 0), max_lines=3)

    ring.append(batch(5, 1, *[b"{}"] * 9))
    ring.trim()

    assert (ring.first, ring.end) == (0, 9)


def test_the_size_of_a_ring_is_the_sum_of_its_entries() -> None:
    ring = Ring(EventId(5, 0), max_lines=3)
    for n in range(1, 11):
        ring.append(batch(5, n, b"x" * n))
        ring.trim()
    grown = ring.size

    freed = ring.shrink(1)

    assert grown == ring.size + freed
    assert ring.shrink(10**9) > 0
    assert (ring.size, ring.first, ring.end) == (0, 10, 10)
    assert ring.start == EventId(5, 10)


def test_a_gap_in_a_ring_takes_an_index_and_counts_as_no_line(ring: Ring) -> None:
    ring.append(missed(9))
    ring.append(batch(9, 1, b"{}"))

    assert ring.index_after(EventId(7, 2)) == 5
    assert ring.index_after(EventId(9, 0)) == 6
    assert ring.id_before(6) == EventId(9, 0)
    assert ring.id_before(7) == EventId(9, 1)
    assert ring.lost_since(0) is None
    assert ring.last == EventId(9, 1)


def test_payloads_are_parsed_into_lines_on_first_access() -> None:
    entry = batch(5, 1, b"text", b'{"@event":"deploy"}', b'{"a":\n1}')

    normalized = entry.normalized()
    assert normalized.lines == entry.lines == [b'{"info":"text"}', b'{"@event":"deploy"}', b'{"a":\n1}']
    assert normalized.events == {1: "deploy"}
    assert normalized.multiline


def test_a_batch_of_one_read_has_one_moment_and_one_from_the_log_has_one_for_each_line() -> None:
    live = Batch("log", 1, 5, 1, [b"{}"] * 3, LIMIT, 5_070)
    read_back = Batch("log", 1, 5, 1, [b"{}"] * 5, LIMIT, [5_001, 5_001, 5_002, 5_009, 5_009])

    assert list(live.moments(1, 3)) == [5_070, 5_070]
    assert list(live.runs(1, 3)) == [(1, 3, 5_070)]
    assert list(read_back.moments(1, 4)) == [5_001, 5_002, 5_009]
    assert list(read_back.runs(1, 4)) == [(1, 2, 5_001), (2, 3, 5_002), (3, 4, 5_009)]
