"""Readers at different positions share pages: each gets the lines and gaps after its own position."""

import asyncio

import pytest

from sse_hub.history.page_cache import PageCache, SingleFlight
from sse_hub.history.stream_entries import parse_entries
from sse_hub.hub.backend import LogGap, Page, start_of
from sse_hub.hub.encoder import Encoder, batched_frames, encode_once, single_frames
from sse_hub.hub.position import Position
from sse_hub.hub.ring import Batch
from sse_hub.protocol.ids import EventId
from sse_hub.protocol.selection import Selection

END = EventId(30, 0)


def entries(fence: int, first: int, last: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
    return [(b"%d-%d" % (fence, n), {b"l": b'{"n": %d}' % n}) for n in range(first, last + 1)]


def page_of(*entries: tuple[bytes, dict[bytes, bytes]], hole: LogGap | None = None) -> Page:
    return Page([*([hole] if hole else []), *parse_entries("a", EventId(10, 0), entries)], END, False)


def ids(page: Page) -> list[str]:
    return [
        f"{part[0].fence}-{part[0].first + at}"
        for part in page.parts
        if not isinstance(part, LogGap)
        for at in range(part[1], part[2])
    ]


def test_a_reader_in_the_middle_of_a_page_gets_the_rest_of_it() -> None:
    page = page_of(*entries(10, 1, 3), *entries(20, 1, 2))

    assert ids(page.remainder_after(EventId(10, 0))) == ["10-1", "10-2", "10-3", "20-1", "20-2"]
    assert ids(page.remainder_after(EventId(10, 2))) == ["10-3", "20-1", "20-2"]
    assert ids(page.remainder_after(EventId(15, 0))) == ["20-1", "20-2"]
    assert ids(page.remainder_after(EventId(20, 2))) == []


def test_a_reader_inside_a_gap_gets_only_its_own_part_of_the_gap() -> None:
    page = page_of(*entries(10, 9, 9), hole=LogGap("a", EventId(10, 0), EventId(10, 9), 8, "trimmed"))

    assert page.remainder_after(EventId(10, 5)).parts[0] == LogGap("a", EventId(10, 5), EventId(10, 9), 3, "trimmed")
    assert ids(page.remainder_after(EventId(10, 8))) == ["10-9"]
    assert len(page.remainder_after(EventId(10, 8)).parts) == 1


def test_a_reader_with_an_earlier_end_gets_nothing_after_it() -> None:
    """With several channels, later lines would be sent before earlier ones of other channels."""
    page = page_of(*entries(10, 1, 3), *entries(20, 1, 2))

    assert page.up_to(EventId(15, 0)) == Page([page.parts[0]], EventId(15, 0), False)
    assert page.up_to(EventId(40, 0)).more


async def test_readers_at_different_positions_share_one_read() -> None:
    reads: list[EventId] = []

    async def read(channel: str, after: EventId, until: EventId) -> Page:
        reads.append(after)
        await asyncio.sleep(0)
        return page_of(*entries(10, 1, 8))

    shelf = PageCache(read, lambda channel: 8)

    together = await asyncio.gather(*(shelf.page("a", EventId(10, n), END) for n in (3, 0, 7)))
    later = await shelf.page("a", EventId(10, 5), END)

    assert [len(ids(page)) for page in (*together, later)] == [5, 8, 1, 3]
    assert reads == [EventId(10, 0)]


async def test_a_page_that_failed_to_load_is_read_again() -> None:
    reads = 0

    async def read(channel: str, after: EventId, until: EventId) -> Page:
        nonlocal reads
        reads += 1
        if reads == 1:
            raise ValueError("once")
        return page_of(*entries(10, 1, 1))

    shelf = PageCache(read, lambda channel: None)

    with pytest.raises(ValueError, match="once"):
        await shelf.page("a", EventId(10, 0), END)
    assert ids(await shelf.page("a", EventId(10, 0), END)) == ["10-1"]


async def test_a_page_of_a_lost_log_is_not_shared() -> None:
    reads = 0
    lost = asyncio.Event()

    async def read(channel: str, after: EventId, until: EventId) -> Page:
        nonlocal reads
        reads += 1
        await lost.wait()
        return page_of(*entries(10, 1, 8))

    shelf = PageCache(read, lambda channel: 8)
    first = asyncio.create_task(shelf.page("a", EventId(10, 0), END))
    await asyncio.sleep(0)

    shelf.clear()
    lost.set()

    assert ids(await first)
    assert ids(await shelf.page("a", EventId(10, 3), END)) == ["10-4", "10-5", "10-6", "10-7", "10-8"]
    assert reads == 2


async def test_a_shared_page_is_read_again_for_a_later_end() -> None:
    reads: list[int] = []

    async def read(until: int) -> int:
        reads.append(until)
        return len(reads)

    shared = SingleFlight(read)

    assert list(await asyncio.gather(shared.get(10), shared.get(5))) == [1, 1]
    assert await shared.get(11) == 2
    shared.clear()
    assert await shared.get(11) == 3
    assert reads == [10, 11, 11]


@pytest.mark.parametrize("encode", [single_frames, batched_frames])
def test_frames_encoded_once_are_shared_and_advance_each_reader(encode: Encoder) -> None:
    batch = Batch("a", 0, 20, 1, [b'{"n": %d}' % n for n in range(40)], 1_000, 20)
    positions = [Position(Selection(("a",)), 10, (0,)) for _ in range(3)]

    first, second = [b"".join(encode_once(encode)(each, [(batch, 0, 40)])) for each in positions[:2]]

    assert first == second == b"".join(encode(positions[2], [(batch, 0, 40)]))
    assert {each.cursor() for each in positions} == {b"20-40"}
    assert start_of((batch, 0, 40)) == EventId(20, 1)
