"""Frames, read back by a decoder that follows the standard."""

import json

import pytest

from sse_hub.protocol.sse import (
    Gap,
    checkpoint_frame,
    event_frame,
    gap_frame,
    heartbeat_frame,
    http_chunk,
    lines_frame,
    retry_frame,
)
from tests.support.sse_client import Decoder


def test_an_event_frame_is_byte_for_byte_as_documented() -> None:
    assert event_frame(b"5-1", b"message", b'{"a":1}') == b'id: 5-1\nevent: message\ndata: {"a":1}\n\n'


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_in_a_payload_starts_another_data_line(end: bytes) -> None:
    frame = event_frame(b"5-1", b"message", b"{" + end + b'"a": 1' + end + b"}" + end)

    assert frame == b'id: 5-1\nevent: message\ndata: {\ndata: "a": 1\ndata: }\ndata: \n\n'


def test_mixed_line_ends_are_distinguished() -> None:
    (event,) = Decoder().feed(event_frame(b"5-1", b"message", b"a\r\rb\n\rc\r\n\nd"))

    assert event.data == "a\n\nb\n\nc\n\nd"


def test_a_gap_frame_has_all_its_members() -> None:
    (event,) = Decoder().feed(gap_frame(b"9-0", Gap("log", "5-1", "9-0", None, "recorder-down")))

    assert (event.type, event.id) == ("gap", "9-0")
    assert json.loads(event.data) == {
        "channel": "log",
        "after": "5-1",
        "before": "9-0",
        "lost": None,
        "reason": "recorder-down",
    }


def test_a_gap_frame_without_an_id_keeps_the_last_one() -> None:
    decoder = Decoder()

    decoder.feed(checkpoint_frame(b"5-1"))
    (event,) = decoder.feed(gap_frame(None, Gap("log", None, "9-0", 3, "slow")))

    assert event.id == "5-1"


def test_a_batch_is_one_event_whatever_its_lines_contain() -> None:
    rows = [("5-1", "log", '{\r\n"a": 1}', 7), ("5-2", "log", '{"b": "新"}', 8)]

    (event,) = Decoder().feed(lines_frame(b"5-2", rows))

    assert (event.type, event.id) == ("lines", "5-2")
    assert json.loads(event.data) == [list(row) for row in rows]


@pytest.mark.parametrize("frame", [checkpoint_frame(b"7-0"), heartbeat_frame(b"7-0")])
def test_a_checkpoint_advances_the_last_id_and_dispatches_nothing(frame: bytes) -> None:
    decoder = Decoder()

    assert decoder.feed(frame) == []
    assert decoder.last_event_id == "7-0"


def test_retry_is_in_milliseconds() -> None:
    decoder = Decoder()

    assert decoder.feed(retry_frame(1500)) == []
    assert decoder.retry_ms == 1500


def test_a_chunk_starts_with_its_length_in_hexadecimal() -> None:
    assert http_chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
