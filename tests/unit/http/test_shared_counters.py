"""Counters shared by the workers of a hub: each writes its own, all read the sum."""

import os
import tempfile
from pathlib import Path

import pytest

from sse_hub.http.shared_counters import ALL, SLOTS, SharedCounters, counters_file


def test_a_shared_count_is_the_sum_over_all_workers_and_a_time_the_latest() -> None:
    with counters_file(3) as descriptor:
        first, second, third = (SharedCounters(number, 3, descriptor) for number in range(3))

    first.add("here", 2)
    third.add("here", 5)
    third.add("here", -1)
    first.set_time("here", 12.5)
    second.set_time("here", 13.25)

    assert [each.count("here") for each in (first, second, third)] == [6, 6, 6]
    assert (second.count("there"), third.time("here"), third.time("there")) == (0, 13.25, 0.0)


def test_a_replacement_worker_starts_with_zero_counts() -> None:
    with counters_file(2) as descriptor:
        first, second = (SharedCounters(number, 2, descriptor) for number in range(2))
        first.add("here", 2)
        second.add("here", 40)

        again = SharedCounters(1, 2, descriptor)

    assert (again.count("here"), first.count("here")) == (2, 2)


def test_a_single_process_has_its_own_counters() -> None:
    one, other = SharedCounters(), SharedCounters()

    one.add("here", 1)

    assert (one.count("here"), other.count("here")) == (1, 0)


def test_the_slot_of_a_name_is_unpredictable_from_outside() -> None:
    """Otherwise a hostile client could choose addresses that share a counter with a victim's."""
    hits = 0
    for _ in range(20):
        table = SharedCounters()
        table.add("203.0.113.9", 1)
        hits += table.count("2001:db8::/64")

    assert hits <= 1


def test_the_total_shares_its_slot_with_no_name() -> None:
    """Otherwise an address in the same slot would always be refused, even without an open stream."""
    table = SharedCounters()
    table.add(ALL, 1)

    assert table.count(ALL) == 1
    assert not any(table.count(f"address 10.{number >> 8}.{number & 255}.1") for number in range(4 * SLOTS))


def test_the_shared_file_has_no_name_and_all_its_space_is_allocated() -> None:
    """Otherwise a cleaner of /tmp could remove it, and a full disk would kill a worker that writes to it."""
    with counters_file(2) as descriptor:
        status = os.fstat(descriptor)

    assert status.st_nlink == 0
    assert status.st_blocks * 512 >= status.st_size >= SLOTS * 16


def test_a_shared_file_that_cannot_be_created_raises_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OSError, match="No such file or directory"), counters_file(2):
        pass
