"""Any bytes on a session's connection, however split, are received or end the session."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sse_hub.broker.session import MAX_FENCE_AHEAD_MS, SETTLE_MS, Session

Received = list[bytes | int]
FENCES = "{sse-hub}:fence"
NODE, OTHER = "a" * 40, "b" * 40


class Ears:
    """A Receiver that keeps everything it gets, in order."""

    def __init__(self, believes: bool = False) -> None:
        # Whether it is believed that the server was replaced.
        self.believes = believes
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

    def is_moved(self) -> bool:
        self.heard.setdefault("moved", []).append(b"")
        return self.believes

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


def received_by(pieces: list[bytes], patterns: list[str], node: str = "", last: int = 0) -> tuple[Ears, str]:
    """Who has heard what a session of `node` receives from `pieces` after the fence `last`, and why it has ended."""
    ears = Ears()
    loop = asyncio.new_event_loop()
    try:
        session = Session(ears, FENCES, patterns, last, loop, node)
        for piece in pieces:
            session._take(piece)
        ended = str(session.ended.exception()) if session.ended.done() else ""
        session.close("the test is over")
        loop.run_until_complete(asyncio.sleep(0))
        return ears, ended
    finally:
        loop.close()


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


# Fences of a cluster.


@pytest.mark.parametrize("split", [True, False], ids=["in one read", "in several"])
def test_where_a_server_is_left_nothing_more_is_received_until_that_turns_out_to_be_untrue(split: bool) -> None:
    line, moved = push(b"pmessage", b"*", b"log", b"line"), push(b"message", b"sse-hub:fence", b"moved")
    ears = Ears(believes=True)
    loop = asyncio.new_event_loop()
    try:
        session = Session(ears, "sse-hub:fence", ["*"], 0, loop)
        pieces = [line, moved, line, line]
        for piece in pieces if split else [b"".join(pieces)]:
            session._take(piece)
        assert ears.heard == {"log": [b"line"], "moved": [b""]}
        ears.believes = False
        session.resume()
        session._take(moved + line)
        assert ears.heard == {"log": [b"line"] * 4, "moved": [b"", b""]}
        session.close("the test is over")
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()


def fence(at: int, node: str, tenure: int) -> bytes:
    return push(b"message", FENCES.encode(), f"{at} {node} {tenure}".encode())


LINE = push(b"pmessage", b"*", b"log", b"line")


def test_a_fence_of_the_own_node_is_counted_from() -> None:
    ears, ended = received_by([LINE, fence(2_000, NODE, 1_000), LINE], ["*"], NODE)
    assert (ears.heard, ended) == ({"log": [b"line", 2_000, b"line"]}, "")


def test_a_fence_of_a_node_that_has_just_begun_is_not_counted_from() -> None:
    early, settled = 1_000 + SETTLE_MS - 1, 1_000 + SETTLE_MS
    ears, ended = received_by([LINE, fence(early, NODE, 1_000), LINE, fence(settled, NODE, 1_000)], ["*"], NODE)
    assert (ears.heard, ended) == ({"log": [b"line", b"line", settled], "unsettled": [early, settled]}, "")


def test_a_fence_of_another_node_ends_the_session_at_its_place() -> None:
    """The lines before it stand in the order that all have at this node; those behind it may not."""
    ears, ended = received_by([fence(2_000, NODE, 1_000), LINE + fence(2_500, OTHER, 2_400) + LINE], ["*"], NODE)
    assert ears.heard == {"log": [b"line"]}
    assert ended == f"node {OTHER} orders the lines now"


def test_a_late_fence_of_a_node_that_no_longer_orders_the_lines_is_ignored() -> None:
    """It lay in the socket of a server that was frozen while another took its place."""
    pieces = [fence(3_000, NODE, 2_000), LINE, fence(3_100, OTHER, 1_000), LINE, fence(3_200, NODE, 2_000)]
    ears, ended = received_by(pieces, ["*"], NODE)
    assert (ears.heard, ended) == ({"log": [b"line", b"line", 3_200]}, "")


def test_a_fence_that_no_script_makes_is_counted_and_ignored() -> None:
    now = int(time.time() * 1000)
    forged = [
        b"3000",
        b"3000 " + NODE.encode(),
        b"3000 " + NODE.encode() + b" -5",
        b"3000 " + b"A" * 40 + b" 2000",
        b"2000 " + OTHER.encode() + b" 2500",  # a tenure that begins after it
        f"{now + MAX_FENCE_AHEAD_MS + 10_000} {OTHER} 2500".encode(),
        f"1999 {NODE} 1000".encode(),  # not after the last one
        f"2000 {NODE} 1000".encode(),
        b"0 " + OTHER.encode() + b" 0",
        b"moved",  # fences of another node say so in a cluster
    ]
    pieces = [LINE, fence(2_000, NODE, 1_000), *(push(b"message", FENCES.encode(), each) for each in forged), LINE]
    ears, ended = received_by(pieces, ["*"], NODE)
    assert ears.heard == {"log": [b"line", 2_000, b"line"], "forged": forged}
    assert not ended


@pytest.mark.parametrize("kind", [b"sunsubscribe", b"ssubscribe", b"smessage", b"invalidate"])
def test_a_push_that_nobody_asked_for_ends_the_session(kind: bytes) -> None:
    ears, ended = received_by([fence(2_000, NODE, 1_000), push(kind, b"log", b"1")], ["*"], NODE)
    assert ended.startswith("unexpected push")


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from([NODE, OTHER, "c" * 40]), st.integers(0, 50)).map(
            lambda each: fence(*each)
        )
        | st.just(LINE),
        max_size=20,
    )
)
def test_fences_counted_from_rise_and_nothing_is_received_after_another_node_began(pushes: list[bytes]) -> None:
    ears, ended = received_by([LINE, *pushes], ["*"], NODE)
    counted = [each for each in ears.heard["log"] if isinstance(each, int)]
    assert counted == sorted(set(counted))
    if ended:
        # Whatever comes in the same read as that fence, or after it.
        again, _ = received_by([b"".join([LINE, *pushes])], ["*"], NODE)
        assert again.heard == ears.heard
