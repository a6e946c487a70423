"""Received data is processed at once, or one chunk per loop iteration."""

import asyncio

import pytest

from sse_hub.broker import read_buffer as inflow
from sse_hub.broker.read_buffer import FULL_READ_BYTES, SLOW_SECONDS, ReadBuffer

FULL = b"x" * FULL_READ_BYTES


class Source(asyncio.Transport):
    """Knows whether it is paused."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Taken:
    """The chunks processed so far. Each takes `held_up` seconds on `clock`."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.held_up = 0.0
        self.source = Source()
        self.loop = asyncio.get_running_loop()
        self.inflow = ReadBuffer(self.take, self.loop)
        self.inflow.start(self.source)

    def take(self, piece: bytes) -> None:
        self.pieces.append(piece)
        until = self.loop.time() + self.held_up
        while self.loop.time() < until:
            pass

    async def everything(self) -> None:
        """Return when nothing is buffered."""
        for _ in range(10):
            await asyncio.sleep(0)
        assert not self.inflow.overloaded


async def test_a_small_read_is_processed_at_once() -> None:
    taken = Taken()

    taken.inflow.add(b"a")
    taken.inflow.add(b"b")

    assert taken.pieces == [b"a", b"b"]
    assert not taken.inflow.overloaded


async def test_a_flood_is_processed_in_order_one_chunk_per_loop_iteration() -> None:
    taken = Taken()

    for piece in (b"a", FULL, b"b", FULL):
        taken.inflow.add(piece)
    assert (taken.pieces, taken.inflow.overloaded) == ([b"a"], True)

    await asyncio.sleep(0)
    assert taken.pieces == [b"a", FULL]
    taken.inflow.add(b"c")
    await taken.everything()

    assert taken.pieces == [b"a", FULL, b"b", FULL, b"c"]
    await asyncio.sleep(0)
    taken.inflow.add(b"d")
    assert taken.pieces[-1] == b"d"


async def test_after_a_slow_chunk_the_next_read_waits_for_the_next_iteration() -> None:
    taken = Taken()
    taken.held_up = 2 * SLOW_SECONDS

    taken.inflow.add(b"a")
    taken.inflow.add(b"b")
    assert taken.pieces == [b"a"]

    await asyncio.sleep(0)
    assert taken.pieces == [b"a", b"b"]


async def test_reading_is_paused_while_too_much_is_buffered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflow, "MAX_AHEAD_BYTES", 2 * FULL_READ_BYTES)
    taken = Taken()

    for _ in range(3):
        taken.inflow.add(FULL)
    assert taken.source.paused

    await taken.everything()
    assert not taken.source.paused


async def test_the_end_of_the_connection_is_handled_after_all_buffered_data() -> None:
    taken = Taken()
    taken.inflow.add(FULL)

    taken.inflow.finish(lambda: taken.pieces.append(b"the end"))
    assert taken.pieces == []
    for _ in range(3):
        await asyncio.sleep(0)

    assert taken.pieces == [FULL, b"the end"]


async def test_the_end_of_the_connection_is_handled_at_once_if_nothing_is_buffered() -> None:
    taken = Taken()

    taken.inflow.finish(lambda: taken.pieces.append(b"the end"))

    assert taken.pieces == [b"the end"]
