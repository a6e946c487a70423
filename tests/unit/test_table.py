"""What the workers of a hub count together: each writes its own, all read the sum."""

from pathlib import Path

import pytest

from sse_hub.http.shared_counters import ALL, SLOTS, SharedCounters, prepare


def test_a_count_is_the_sum_over_all_workers_and_a_time_is_the_last_noted(tmp_path: Path) -> None:
    prepare(str(tmp_path), 3)
    first, second, third = (SharedCounters(number, 3, str(tmp_path)) for number in range(3))

    first.add("here", 2)
    third.add("here", 5)
    third.add("here", -1)
    first.set_time("here", 12.5)
    second.set_time("here", 13.25)

    assert [each.count("here") for each in (first, second, third)] == [6, 6, 6]
    assert (second.count("there"), third.time("here"), third.time("there")) == (0, 13.25, 0.0)


def test_who_takes_the_place_of_a_worker_begins_with_nothing(tmp_path: Path) -> None:
    prepare(str(tmp_path), 2)
    first, second = (SharedCounters(number, 2, str(tmp_path)) for number in range(2))
    first.add("here", 2)
    second.add("here", 40)

    again = SharedCounters(1, 2, str(tmp_path))

    assert (again.count("here"), first.count("here")) == (2, 2)


def test_a_process_that_is_alone_counts_for_itself() -> None:
    one, other = SharedCounters(), SharedCounters()

    one.add("here", 1)

    assert (one.count("here"), other.count("here")) == (1, 0)


def test_names_have_slots_that_nobody_outside_can_tell() -> None:
    """Else a hostile client could choose addresses that count together with another's."""
    hits = 0
    for _ in range(20):
        table = SharedCounters()
        table.add("203.0.113.9", 1)
        hits += table.count("2001:db8::/64")

    assert hits <= 1


def test_what_all_have_together_is_counted_with_nobody() -> None:
    """Whoever came to share its place would be refused for as long as the hub runs, with no stream open."""
    table = SharedCounters()
    table.add(ALL, 1)

    assert table.count(ALL) == 1
    assert not any(table.count(f"address 10.{number >> 8}.{number & 255}.1") for number in range(4 * SLOTS))


def test_without_room_for_the_table_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file or directory"):
        prepare(str(tmp_path / "nowhere"), 2)
