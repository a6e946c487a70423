"""Any bytes on a session's connection, however split, are received or end the session."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sse_hub.broker.session import Session

Received = list[bytes | int]


class Ears:
    """A Receiver that keeps everything it gets, in order."""

    def __init__(self) -> None:
        self.heard: dict[str, Received] = {}

    def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
        for channel, arrived in payloads.items():
            for payload in arrived:
                # As the hub does: each payload is the text of a line.
                name, text = channel.decode("latin-1"), payload.strip()
                self.heard.setdefault(name, []).append(text)

    def fence_received(self, fence: int) -> None:
        for heard in self.heard.values():
            heard.append(fence)

    def channel_subscribed(self, channel: str) -> None:
        raise AssertionError(f"unexpected channel {channel}")

    def fences_known(self, fences: list[int]) -> None:
        raise AssertionError("these sessions are not opened")

    def fence_unsettled(self, fence: int) -> None:
        self.heard.setdefault("unsettled", []).append(fence)

    def invalid_fence(self, payload: bytes, last: int) -> None:
        self.heard.setdefault("forged", []).append(payload)


def push(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


PUSHES = [
    push(b"pmessage", b"*", b"log", b"one"),
    push(b"pmessage", b"a*", b"ab", b'{"a": 1}'),
    push(b"message", b"log", b"two"),
    push(b"message", b"sse-hub:fence", b"1000"),
    push(b"message", b"sse-hub:fence", b"9999999999999999"),
    push(b"pmessage", b"*", b"log"),
    push(b"message", b"log"),
    push(b"subscribe", b"log"),
    push(b"punsubscribe", b"log", b"1"),
    push(),
    b"*-1\r\n",
    b"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$3\r\nlog\r\n$-1\r\n",
    b"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n*1\r\n:1\r\n:1\r\n",
    b"*3\r\n$7\r\nmessage\r\n$13\r\nsse-hub:fence\r\n:7\r\n",
    b"*3\r\n$7\r\nmessage\r\n:7\r\n-ERR\r\n",
    b"*2\r\n*0\r\n*0\r\n",
    b"+OK\r\n",
    b"-ERR no\r\n",
    b"$4294967296\r\n",
]


def received(pieces: list[bytes], patterns: list[str]) -> tuple[dict[str, Received], bool]:
    """What a session with `patterns` receives from `pieces`, and whether it has ended."""
    ears = Ears()
    loop = asyncio.new_event_loop()
    try:
        session = Session(ears, "sse-hub:fence", patterns, 0, loop)
        for piece in pieces:
            # The transport reports what the session raises; the session must have ended all the same.
            raised = True
            with suppress(Exception):
                session._take(piece)
                raised = False
            assert session.ended.done() or not raised
        ended = session.ended.done()
        session.close("the test is over")
        loop.run_until_complete(asyncio.sleep(0))
        return ears.heard, ended
    finally:
        loop.close()


@given(st.lists(st.sampled_from(PUSHES) | st.binary(max_size=8), max_size=12).map(b"".join))
@example(b"".join(PUSHES[:5]))
@example(PUSHES[0] + push(b"pmessage", b"*", b"log") + PUSHES[0])
def test_a_session_receives_the_same_however_its_bytes_are_split(data: bytes) -> None:
    for patterns in (["*"], ["a*", "l*"]):
        whole, ended = received([data], patterns)
        each, ended_each = received([data[at : at + 1] for at in range(len(data))], patterns)

        assert ended == ended_each
        if not ended:
            assert whole == each
        # Data in one chunk with an invalid reply may be lost, before and after it; a gap reports that.
        for channel in whole.keys() & each.keys():
            assert all(a == b for a, b in zip(whole[channel], each[channel], strict=False))


@pytest.mark.parametrize("bad", PUSHES[5:7] + PUSHES[9:16])
def test_a_reply_that_redis_never_sends_ends_a_session(bad: bytes) -> None:
    """Otherwise the lines that arrived with it would be missing without a gap."""
    assert received([bad, PUSHES[0]], ["*"]) == ({}, True)


async def test_an_error_of_the_receiver_ends_a_session() -> None:
    class Broken(Ears):
        def lines_received(self, payloads: Mapping[bytes, list[bytes]]) -> None:
            raise ZeroDivisionError

    session = Session(Broken(), "sse-hub:fence", ["*"], 0, asyncio.get_running_loop())

    with suppress(ZeroDivisionError):
        session.data_received(PUSHES[0])

    with pytest.raises(ConnectionError, match="ZeroDivisionError"):
        await session.ended
